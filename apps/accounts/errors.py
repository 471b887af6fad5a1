"""Anticipated failures of accounts."""

from apps.common.errors import ConflictError, ForbiddenError


class RoleError(ForbiddenError):
    code = "role_required"


class OperatorOnlyError(ForbiddenError):
    code = "operator_only"


class ClientRevokedError(ConflictError):
    code = "client_revoked"
