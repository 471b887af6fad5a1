"""Anticipated failures of settlement."""

from apps.common.errors import ConflictError, DomainError


class RunNotAllowedError(ConflictError):
    code = "settlement_closed"


class DisputeOpenError(ConflictError):
    code = "dispute_open"


class DisputeClosedError(ConflictError):
    code = "dispute_closed"


class StatementReplacedError(ConflictError):
    code = "statement_replaced"


class DisputeInvalidError(DomainError):
    code = "dispute_invalid"


class ReviewNotAllowedError(ConflictError):
    code = "review_not_allowed"


class ReviewInvalidError(DomainError):
    code = "review_invalid"


class PayoutInvalidError(DomainError):
    code = "payout_invalid"
