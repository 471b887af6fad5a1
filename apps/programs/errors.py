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


class ProgramInvalidError(DomainError):
    code = "program_invalid"


class ReportUnderWayError(ConflictError):
    code = "report_under_way"
