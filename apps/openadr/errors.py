"""Anticipated failures of the OpenADR 3.1 server, rendered as OpenADR's own `problem`."""

from apps.common.errors import ConflictError, DomainError


class BodyError(DomainError):
    code = "openadr_format"


class ProgramUnknownError(ConflictError):
    code = "program_unknown"
