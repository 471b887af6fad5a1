"""Anticipated failures of programs."""

from apps.common.errors import ConflictError, DomainError, NotFoundError


class NameTakenError(ConflictError):
    code = "name_taken"


class AlreadyEnrolledError(ConflictError):
    code = "already_enrolled"


class EnrollmentJobOpenError(ConflictError):
    code = "enrollment_job_open"


class NotEnrolledError(ConflictError):
    code = "not_enrolled"


class SignalOverError(ConflictError):
    code = "signal_over"


class SignalBindingError(ConflictError):
    """A limit of the home's connection holds whatever the household says."""

    code = "signal_binding"


class ProgramInvalidError(DomainError):
    code = "program_invalid"


class ReportUnderWayError(ConflictError):
    code = "report_under_way"


class PeriodInvalidError(DomainError):
    code = "period_invalid"


class PeriodUnknownError(NotFoundError):
    code = "period_unknown"


class TooManyPeriodsError(ConflictError):
    code = "too_many_periods"


class ProgramEndedError(ConflictError):
    code = "program_ended"


class NobodyMovesError(ConflictError):
    """Nobody of the chosen homes would join, or leave."""

    code = "nothing_to_do"
