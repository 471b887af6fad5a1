"""Anticipated failures of the portal."""

from apps.common.errors import DomainError, ForbiddenError, NotFoundError


class OwnerOnlyError(ForbiddenError):
    code = "owner_only"


class ControlInvalidError(DomainError):
    code = "control_invalid"


class DeviceMissingError(NotFoundError):
    code = "device_missing"
