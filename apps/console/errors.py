"""Anticipated failures of the console."""

from apps.common.errors import ForbiddenError


class OperatorOnlyError(ForbiddenError):
    code = "operator_only"
