"""Periodic care of the signed repository."""

from datetime import datetime
from pathlib import Path

from django.conf import settings


def firmware_keep_fresh(*, now: datetime) -> bool:
    """Sign snapshot and timestamp anew where the platform has their keys; return whether anything was signed.

    Raises FirmwareError where the repository or a key cannot be read, so that somebody hears of it before hubs do.
    """
    if not settings.FIRMWARE_REPOSITORY or not settings.FIRMWARE_KEYS:
        return False
    # Imported here: the worker starts without the signing library.
    from apps.hubs.firmware.repository import FirmwareRepository

    repository = FirmwareRepository(Path(settings.FIRMWARE_REPOSITORY), Path(settings.FIRMWARE_KEYS))
    return repository.keep_fresh(now=now)
