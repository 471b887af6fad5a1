"""Anticipated failures of programs."""

from apps.common.errors import ConflictError, DomainError


class NameTakenError(ConflictError):
    code = "name_taken"


class AlreadyEnrolledError(ConflictError):
    code = "already_enrolled"


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
