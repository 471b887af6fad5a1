"""Anticipated failures: each has a stable code and says whether trying again can help."""


class DomainError(Exception):
    """Base of every anticipated failure."""

    code = "error"
    status = 400
    permanent = True

    def __init__(self, detail: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.status = status or self.status


class NotFoundError(DomainError):
    code = "not_found"
    status = 404


class ConflictError(DomainError):
    code = "conflict"
    status = 409


class ForbiddenError(DomainError):
    code = "forbidden"
    status = 403
