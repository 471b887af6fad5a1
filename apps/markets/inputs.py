"""All that a clearing is computed from, as canonical JSON, and the computation: nothing else goes in."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # numpy is imported where something is computed
    from vpp.markets.orders import Orders
    from vpp.markets.result import Trades

COLUMNS: Final = (
    "key",
    "side",
    "price_micro",
    "offered_wh",
    "participant",
    "priority",
    "green",
    "preference",
    "location",
)
CODE: Final = "markets-1"


@dataclasses.dataclass(frozen=True)
class OrderLine:
    """One order after cutting; `offered_wh` is what is left of it."""

    key: int
    side: int
    price_micro: int
    offered_wh: int
    participant: int
    priority: int
    green: int
    preference: int
    location: int


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The rule, the orders by number, and what was cut off them with the reason.

    `extra` is what a mechanism needs beyond orders (`apps.markets.beyond`): whole numbers, floats, text, lists of them.
    """

    market: int
    starts_at: str
    mechanism: str
    seed: int
    buyer_fee_micro: int
    seller_fee_micro: int
    orders: tuple[OrderLine, ...]
    cuts: tuple[tuple[int, int, str], ...]
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Fill:
    """What one order got: energy, the average price rounded down, payment and fee, and of the energy what is green."""

    key: int
    participant: int
    side: int
    energy_wh: int
    price_micro: int
    pay_nano: int
    fee_nano: int
    green_wh: int


@dataclasses.dataclass(frozen=True)
class Result:
    """What came out of a clearing; payments and `account_nano` sum to zero with each other.

    `extra` is what a mechanism says beyond fills, such as the prices of a network's nodes.
    """

    buy_price_micro: int | None
    sell_price_micro: int | None
    volume_wh: int
    welfare_nano: int
    account_nano: int
    fills: tuple[Fill, ...]
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)


def canonical(value: object) -> bytes:
    """Return canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest(content: bytes) -> str:
    """Return SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def inputs_bytes(inputs: Inputs) -> bytes:
    """Return the inputs as they are kept."""
    plain = {field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs)}
    plain["orders"] = [[getattr(one, name) for name in COLUMNS] for one in inputs.orders]
    return canonical({"code": CODE, **_without_empty(plain)})


def inputs_from(content: bytes) -> Inputs:
    """Return kept inputs."""
    plain: dict[str, Any] = json.loads(content)
    plain.pop("code")
    plain["orders"] = tuple(OrderLine(**dict(zip(COLUMNS, row, strict=True))) for row in plain["orders"])
    plain["cuts"] = tuple((key, cut, reason) for key, cut, reason in plain["cuts"])
    return Inputs(**plain)


def _without_empty(plain: dict[str, Any]) -> dict[str, Any]:
    """Nothing beyond orders is no word: runs of before there was anything keep their bytes."""
    return {name: value for name, value in plain.items() if name != "extra" or value}


def result_bytes(result: Result) -> bytes:
    """Return the result as it is kept."""
    plain = dataclasses.asdict(result)
    plain["fills"] = [list(fill.values()) for fill in plain["fills"]]
    return canonical({"code": CODE, **_without_empty(plain)})


def result_from(content: bytes) -> Result:
    """Return a kept result."""
    plain: dict[str, Any] = json.loads(content)
    plain.pop("code")
    plain["fills"] = tuple(Fill(*row) for row in plain["fills"])
    return Result(**plain)


def seed_of(market_id: int, starts_at: str) -> int:
    """Return the seed of a lottery: nobody chooses it, everybody can compute it."""
    return int.from_bytes(hashlib.sha256(f"{market_id}:{starts_at}".encode()).digest()[:4], "big")


def compute(inputs: Inputs) -> Result:
    """Clear the orders that are left."""
    from apps.markets.beyond import BEYOND

    beyond = BEYOND.get(inputs.mechanism)
    if beyond is not None:
        return beyond(inputs)
    lines = [line for line in inputs.orders if line.offered_wh > 0]
    if not lines:
        return Result(None, None, 0, 0, 0, ())
    from apps.markets.social import cleared, with_lifeline

    found = cleared(inputs, lines)
    pay_nano, extra = with_lifeline(inputs, lines, found=found)
    return Result(
        buy_price_micro=found.buy_price_micro,
        sell_price_micro=found.sell_price_micro,
        volume_wh=found.volume_wh,
        welfare_nano=found.welfare_nano,
        account_nano=found.account_nano,
        fills=fills(inputs, lines, filled=Filled(found.fill_wh.tolist(), pay_nano, found.trades)),
        extra=extra,
    )


def paired(inputs: Inputs) -> list[tuple[int, int, int, int]] | None:
    """Return who traded with whom, as bid, offer, energy [Wh], price; None where the mechanism does not say."""
    from apps.markets.beyond import BEYOND

    lines = [line for line in inputs.orders if line.offered_wh > 0]
    if inputs.mechanism in BEYOND or not lines:
        return None
    from apps.markets.social import cleared

    trades = cleared(inputs, lines).trades
    return None if trades is None else pair_rows(lines, trades)


def pair_rows(lines: Sequence[OrderLine], trades: "Trades") -> list[tuple[int, int, int, int]]:
    """Return a mechanism's trades by the orders' numbers."""
    columns = (trades.bid, trades.offer, trades.energy_wh, trades.price_micro)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [(lines[bid].key, lines[offer].key, energy, price) for bid, offer, energy, price in rows]


def orders_of(lines: Sequence[OrderLine]) -> "Orders":
    """Return lines as the library takes them."""
    from vpp.markets.orders import make_orders

    return make_orders(
        key=[line.key for line in lines],
        side=[line.side for line in lines],
        price_micro=[line.price_micro for line in lines],
        quantity_wh=[line.offered_wh for line in lines],
        participant=[line.participant for line in lines],
        priority=[line.priority for line in lines],
        placed=[line.key for line in lines],
        location=[line.location for line in lines],
        green=[bool(line.green) for line in lines],
        preference=[line.preference for line in lines],
    )


@dataclasses.dataclass(frozen=True)
class Filled:
    """What each line got [Wh] and pays [1e-9 of the currency], and who traded with whom, where that is said."""

    fill_wh: Sequence[int]
    pay_nano: Sequence[int]
    trades: "Trades | None" = None


def fills(inputs: Inputs, lines: Sequence[OrderLine], *, filled: Filled) -> tuple[Fill, ...]:
    """Return the fills of lines that got something, with fees and what of it is green."""
    green = _green(lines, filled)
    fees = {1: inputs.buyer_fee_micro, -1: inputs.seller_fee_micro}
    return tuple(
        Fill(
            line.key, line.participant, line.side, energy, line.side * pay // energy, pay, fees[line.side] * energy,
            green[index],
        )
        for index, (line, energy, pay) in enumerate(zip(lines, filled.fill_wh, filled.pay_nano, strict=True))
        if energy > 0
    )  # fmt: skip


def _green(lines: Sequence[OrderLine], filled: Filled) -> list[int]:
    """Of each order's energy what is green: by its trades, else the market's mix, whole Wh that never sum to more."""
    fill_wh = filled.fill_wh
    if filled.trades is not None:
        green = [0] * len(lines)
        pairs = zip(
            filled.trades.bid.tolist(),
            filled.trades.offer.tolist(),
            filled.trades.energy_wh.tolist(),
            strict=True,
        )
        for bid, offer, energy in pairs:
            if lines[offer].green:
                green[bid] += energy
                green[offer] += energy
        return green
    sold = sum(energy for line, energy in zip(lines, fill_wh, strict=True) if line.side == -1)
    sold_green = sum(
        energy for line, energy in zip(lines, fill_wh, strict=True) if line.side == -1 and line.green
    )
    return [
        (energy if line.green else 0) if line.side == -1 else energy * sold_green // sold if sold else 0
        for line, energy in zip(lines, fill_wh, strict=True)
    ]
