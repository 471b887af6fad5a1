"""Anticipated failures of markets."""

from apps.common.errors import ConflictError, DomainError, ForbiddenError, NotFoundError


class MarketInvalidError(DomainError):
    code = "market_invalid"


class MarketUnknownError(NotFoundError):
    code = "market_unknown"


class MarketPausedError(ConflictError):
    code = "market_paused"
    permanent = False


class ParticipantInvalidError(DomainError):
    code = "participant_invalid"


class ParticipantUnknownError(NotFoundError):
    code = "participant_unknown"


class ParticipantSuspendedError(ForbiddenError):
    code = "participant_suspended"


class NotEligibleError(ForbiddenError):
    code = "not_eligible"


class TermsNotAcceptedError(ForbiddenError):
    code = "terms_not_accepted"


class OrderRefusedError(DomainError):
    """An order that makes no sense; its code is that of `vpp.markets`."""

    code = "order_invalid"


class OrderUnknownError(NotFoundError):
    code = "order_unknown"


class PeriodInvalidError(DomainError):
    code = "period_invalid"


class OrderLateError(ConflictError):
    code = "order_late"


class OrderEarlyError(ConflictError):
    code = "order_early"
    permanent = False


class OrderClosedError(ConflictError):
    code = "order_closed"


class IdempotencyConflictError(ConflictError):
    code = "idempotency_conflict"


class PositionLimitError(ConflictError):
    code = "position_limit"


class FundsInsufficientError(ConflictError):
    code = "funds_insufficient"


class AmountInvalidError(DomainError):
    code = "amount_invalid"


class GateOpenError(ConflictError):
    code = "gate_open"
    permanent = False


class RunUnknownError(NotFoundError):
    code = "run_unknown"


class RunNotAllowedError(ConflictError):
    code = "run_not_allowed"


class ReasonMissingError(DomainError):
    code = "reason_missing"


class ProofUnknownError(NotFoundError):
    code = "proof_unknown"


class LineInvalidError(DomainError):
    code = "line_invalid"


class SharingInvalidError(DomainError):
    code = "sharing_invalid"


class SharingTakenError(ConflictError):
    code = "sharing_taken"


class SharingUnknownError(NotFoundError):
    code = "sharing_unknown"


class ContractInvalidError(DomainError):
    code = "contract_invalid"


class ContractUnknownError(NotFoundError):
    code = "contract_unknown"
