"""Anticipated failures of the OpenADR 3.1 server, rendered as OpenADR's own `problem`."""

from apps.common.errors import ConflictError, DomainError, NotFoundError


class BodyError(DomainError):
    code = "openadr_format"


class ObjectUnknownError(NotFoundError):
    """Also for objects that exist and that the client may not see."""


class ProgramUnknownError(ConflictError):
    code = "program_unknown"


class EventUnknownError(ConflictError):
    code = "event_unknown"


class VenUnknownError(ConflictError):
    code = "ven_unknown"


class ObjectTakenError(ConflictError):
    """A name, or a credential, that another object has already."""

    code = "name_taken"


class ClientMismatchError(ConflictError):
    code = "client_mismatch"


class TargetsForbiddenError(DomainError):
    """Only business logic says which targets a ven or resource is granted."""

    code = "targets_forbidden"


class RevisionMismatchError(DomainError):
    """If-Match names a revision that is not the present one."""

    code = "revision_mismatch"
    status = 412
