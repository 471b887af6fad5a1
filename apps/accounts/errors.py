"""Anticipated failures of accounts."""

from apps.common.errors import ConflictError, DomainError, ForbiddenError


class RoleError(ForbiddenError):
    code = "role_required"


class OperatorOnlyError(ForbiddenError):
    code = "operator_only"


class ClientRevokedError(ConflictError):
    code = "client_revoked"


class PasswordWeakError(DomainError):
    code = "password_weak"


class LanguageUnknownError(DomainError):
    code = "language_unknown"


class AppInvalidError(DomainError):
    code = "app_invalid"


class ScopeInvalidError(DomainError):
    code = "scope_invalid"


class MemberInvalidError(DomainError):
    code = "member_invalid"


class LastOperatorError(ConflictError):
    code = "last_operator"


class StaffOnlyError(ForbiddenError):
    code = "staff_only"
