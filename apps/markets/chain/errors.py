"""Anticipated failures of the chain."""

from apps.common.errors import ConflictError, DomainError


class ChainOffError(DomainError):
    code = "chain_off"


class ChainMissingError(DomainError):
    code = "chain_missing"


class ChainConfigurationError(DomainError):
    code = "chain_configuration"


class ChainUnreachableError(DomainError):
    code = "chain_unreachable"
    status = 503
    permanent = False


class ChainUnconfirmedError(DomainError):
    code = "chain_unconfirmed"
    status = 503
    permanent = False


class ChainRefusedError(ConflictError):
    """What the contract refuses; its detail is the contract's reason."""

    code = "chain_refused"


class ChainDivergedError(ConflictError):
    """The chain has another root than the log: one of the two was changed."""

    code = "chain_diverged"


class RootInvalidError(DomainError):
    code = "root_invalid"


class LeafInvalidError(DomainError):
    code = "leaf_invalid"


class ChainNotUsedError(ConflictError):
    code = "chain_not_used"
