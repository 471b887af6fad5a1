"""Anticipated failures of dispatch."""

from apps.common.errors import NotFoundError


class SignalUnknownError(NotFoundError):
    code = "signal_unknown"
