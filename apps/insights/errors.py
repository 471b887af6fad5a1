"""Anticipated failures of insights."""

from apps.common.errors import DomainError, NotFoundError


class InsightUnknownError(NotFoundError):
    code = "insight_unknown"


class InsightActError(DomainError):
    code = "insight_act"
