"""Anticipated failures of the ORES endpoints."""

from apps.common.errors import ConflictError


class NoHubError(ConflictError):
    code = "no_hub"
