"""Anticipated failures of the repository."""

from apps.common.errors import DomainError


class FirmwareError(DomainError):
    code = "firmware_repository"
