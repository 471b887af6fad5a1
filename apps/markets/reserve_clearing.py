"""Clearing energy together with reserve, by kept inputs: a home's capacity is shared between both."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from apps.markets.inputs import Filled, Inputs, OrderLine, Result, fills, orders_of

if TYPE_CHECKING:
    from apps.markets.envelopes import Envelope, Offered
    from apps.markets.models import Market
    from vpp.markets.energy_reserve import ReserveClearing

# Where not all of the requirement can be met, the largest of these parts that can [permille].
PARTS: Final = (1000, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0)


@dataclasses.dataclass(frozen=True)
class Award:
    """Reserve of one order that is bought: energy if called all interval, price, and payment (got is negative)."""

    order: int
    participant: int
    service: str
    energy_wh: int
    price_micro: int
    pay_nano: int


def reserve_plain(
    market: "Market", offered: "Sequence[Offered]", *, envelopes: "Mapping[int, Envelope]"
) -> dict[str, Any]:
    """Return what is required and offered of reserve, and what homes can do in all, as kept with a run's inputs."""
    services = [[one.order.pk, one.order.service] for one in offered if one.order.service]
    owners = sorted({one.order.participant_id for one in offered if one.order.service})
    held = [(who, envelopes.get(who)) for who in owners]
    return {
        "required": [market.reserve_up_wh, market.reserve_down_wh],
        "services": services,
        "capacities": [[who, -one.import_wh, one.export_wh] if one else [who, 0, 0] for who, one in held],
    }


def awards_of(extra: Mapping[str, Any]) -> list[Award]:
    """Return the awards of a kept result."""
    return [Award(*row) for row in extra.get("awards", [])]


def clear_with_reserve(inputs: Inputs) -> Result:
    """Clear energy and reserve together, with as much of the requirement as can be met."""
    from vpp.markets.energy_reserve import ReserveOffer

    service = dict(inputs.extra.get("services", []))
    lines = [line for line in inputs.orders if line.offered_wh > 0]
    energy = [line for line in lines if line.key not in service]
    spare = [line for line in lines if line.key in service]
    if not lines:
        return Result(None, None, 0, 0, 0, ())
    offers = [
        ReserveOffer(line.key, line.participant, service[line.key], line.price_micro, line.offered_wh)
        for line in spare
    ]
    found, required = _most(inputs, energy, offers=offers)
    price = found.price_micro if found.volume_wh else None
    filled = Filled(found.fill_wh.tolist(), found.pay_nano.tolist())
    return Result(
        buy_price_micro=price,
        sell_price_micro=price,
        volume_wh=found.volume_wh,
        welfare_nano=found.welfare_nano,
        account_nano=int(found.pay_nano.sum()),
        fills=fills(inputs, energy, filled=filled),
        extra={"awards": _awards(spare, service, found=found), "required": required},
    )


def _most(
    inputs: Inputs, energy: Sequence[OrderLine], *, offers: Sequence[Any]
) -> "tuple[ReserveClearing, list[int]]":
    from vpp.markets.energy_reserve import Capacity, Service, clear_with_reserve
    from vpp.markets.errors import ClearingInfeasibleError

    up, down = inputs.extra["required"]
    held = {name: sum(one.quantity_wh for one in offers if one.service == name) for name in ("up", "down")}
    limits = [Capacity(*row) for row in inputs.extra["capacities"]]
    for part in PARTS:
        required = [min(up, held["up"]) * part // 1000, min(down, held["down"]) * part // 1000]
        services = [Service("up", "up", required[0]), Service("down", "down", required[1])]
        try:
            return clear_with_reserve(
                orders_of(energy), offers, services=services, capacities=limits
            ), required
        except ClearingInfeasibleError:
            if part == PARTS[-1]:
                raise
    raise AssertionError("the last part returns or raises")


def _awards(
    spare: Sequence[OrderLine], service: Mapping[int, str], *, found: "ReserveClearing"
) -> list[list[Any]]:
    prices = dict(zip(("up", "down"), found.reserve_price_micro.tolist(), strict=True))
    rows = zip(spare, found.reserve_wh.tolist(), found.reserve_pay_nano.tolist(), strict=True)
    return [
        [line.key, line.participant, service[line.key], energy, prices[service[line.key]], pay]
        for line, energy, pay in rows
        if energy
    ]
