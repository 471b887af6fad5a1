"""Anticipated failures of accounts."""

from apps.common.errors import ForbiddenError


class RoleError(ForbiddenError):
    code = "role_required"
