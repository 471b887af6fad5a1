"""What the markets refuse, each with its code."""

from vpp.errors import VppError


class MarketError(VppError):
    """The root of what `vpp.markets` refuses."""

    code = "market_error"


class OrderError(MarketError):
    """An order that cannot stand in any market; the arrays do not fit together."""

    code = "order_invalid"


class OrderNotFiniteError(OrderError):
    """A price or a quantity that is NaN or infinite."""

    code = "order_not_finite"


class OrderNotWholeError(OrderError):
    """A price or a quantity that is no whole number of its unit."""

    code = "order_not_whole"


class OrderSideError(OrderError):
    """A side that is neither +1 (bid) nor -1 (offer)."""

    code = "order_side_unknown"


class OrderNotPositiveError(OrderError):
    """A quantity of zero or less."""

    code = "order_not_positive"


class OrderOversizedError(OrderError):
    """A quantity above the market's limit, or orders worth more together than can be counted exactly."""

    code = "order_oversized"


class OrderPriceError(OrderError):
    """A price outside the market's bounds."""

    code = "order_price_out_of_bounds"


class OrderDuplicateError(OrderError):
    """Two orders with one key."""

    code = "order_duplicate"


class OrderCrossedError(OrderError):
    """A participant's bid at or above its own offer: they would trade with each other."""

    code = "order_crossed"


class WashTradeError(OrderError):
    """An order or contract whose other side is the same participant."""

    code = "wash_trade"


class OrderUnknownError(MarketError):
    """An order that is not, or no longer, in the book."""

    code = "order_unknown"


class UnsuitableOrdersError(MarketError):
    """Orders of a kind the mechanism is not defined for."""

    code = "orders_unsuitable"


class BlockError(MarketError):
    """A block order without sense, or linked to something that is not there."""

    code = "block_invalid"


class ContractError(MarketError):
    """A bilateral contract that its orders do not cover."""

    code = "contract_invalid"


class NetworkError(MarketError):
    """A network whose parts do not fit together."""

    code = "network_invalid"


class ClearingInfeasibleError(MarketError):
    """No fills meet what must be met: demand that has to be served, or limits that are broken before any trade."""

    code = "clearing_infeasible"


class ClearingFailedError(MarketError):
    """The solver gave no answer in its time."""

    code = "clearing_failed"
    permanent = False
