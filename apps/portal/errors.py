"""Anticipated failures of the portal."""

from apps.common.errors import ForbiddenError


class OwnerOnlyError(ForbiddenError):
    code = "owner_only"
