"""Clearing single orders with blocks, of one interval or a session of several, by kept inputs alone."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from apps.markets.inputs import Filled, Inputs, OrderLine, Result, compute, fills, orders_of

if TYPE_CHECKING:
    from apps.markets.envelopes import Offered
    from vpp.markets.block_clearing import BlockClearing
    from vpp.markets.blocks import Block

TIME_LIMIT_S: Final = 5.0
SESSION_TIME_LIMIT_S: Final = 10.0


def blocks_plain(offered: "Sequence[Offered]") -> dict[str, Any]:
    """Return blocks as they are kept with a run's inputs: key, least share, parent, group."""
    orders = [one.order for one in offered if one.order.is_block]
    names = sorted({(one.participant_id, one.exclusive_group) for one in orders if one.exclusive_group})
    group = {name: number for number, name in enumerate(names)}
    return {
        "blocks": [
            [
                one.pk,
                max(1, one.least_permille),
                one.parent_id,
                group.get((one.participant_id, one.exclusive_group)),
            ]
            for one in orders
        ]
    }


def session_plain(offered: "Sequence[Offered]", starts: Sequence[datetime], *, place: int) -> dict[str, Any]:
    """Return what of a session goes into one interval's inputs: its place, where orders begin, and profiles."""
    places = {start: index for index, start in enumerate(starts)}
    rows = [[one.order.pk, places[one.order.starts_at], one.order.profile_wh] for one in offered]
    return {"session": {"place": place, "starts_at": [one.isoformat() for one in starts], "orders": rows}}


def computed(inputs: Sequence[Inputs]) -> list[Result]:
    """Return the results of a session's runs, cleared once."""
    return _session_results(inputs[0]) if len(inputs) > 1 else [compute(inputs[0])]


def clear_with_blocks(inputs: Inputs) -> Result:
    """Clear single orders and blocks at one price an interval; the bound of the welfare is told."""
    place: int = inputs.extra.get("session", {}).get("place", 0)
    return _session_results(inputs)[place]


def intervals_together(inputs: Inputs) -> list[datetime]:
    """Return the starts of the intervals that a run's session cleared together; none where it was no session."""
    return [datetime.fromisoformat(one) for one in inputs.extra.get("session", {}).get("starts_at", [])]


def lines_of_interval(inputs: Inputs) -> list[OrderLine]:
    """Return the orders that are about a run's own interval, with their energy in it; a session's inputs name all."""
    place: int = inputs.extra.get("session", {}).get("place", 0)
    session = _Session.of(inputs)
    energies = [(line, session.energies(line)[place]) for line in inputs.orders if line.offered_wh > 0]
    return [dataclasses.replace(line, offered_wh=energy) for line, energy in energies if energy]


@dataclasses.dataclass(frozen=True)
class _Session:
    """How many intervals are cleared, in which each order begins, and the energy of blocks in each."""

    periods: int
    place: Mapping[int, int]
    profile: Mapping[int, Sequence[int]]

    @classmethod
    def of(cls, inputs: Inputs) -> "_Session":
        said = inputs.extra.get("session", {})
        rows = said.get("orders", [])
        place = {key: place for key, place, _ in rows}
        return cls(len(said.get("starts_at", [""])), place, {key: profile for key, _, profile in rows})

    def energies(self, line: OrderLine) -> tuple[int, ...]:
        """What a block is about in every interval [Wh]."""
        before = self.place.get(line.key, 0)
        own = self.profile.get(line.key) or [line.offered_wh]
        return (*[0] * before, *own, *[0] * (self.periods - before - len(own)))


def _session_results(inputs: Inputs) -> list[Result]:
    import numpy as np

    from vpp.markets.block_clearing import clear_blocks

    session = _Session.of(inputs)
    kept = {key: (least, parent, group) for key, least, parent, group in inputs.extra.get("blocks", [])}
    lines = [line for line in inputs.orders if line.offered_wh > 0]
    singles = [line for line in lines if line.key not in kept]
    linked = _with_parents([line for line in lines if line.key in kept], kept)
    if not singles and not linked:
        return [Result(None, None, 0, 0, 0, ()) for _ in range(session.periods)]
    period = np.array([session.place.get(line.key, 0) for line in singles], np.int64)
    blocks = [_block(line, kept, profile_wh=session.energies(line)) for line in linked]
    found = clear_blocks(
        orders_of(singles), blocks, period=period, periods=session.periods,
        time_limit_s=TIME_LIMIT_S if session.periods == 1 else SESSION_TIME_LIMIT_S,
    )  # fmt: skip
    return [
        _of_interval(inputs, (singles, linked), period=period.tolist(), found=found, place=place)
        for place in range(session.periods)
    ]


def _of_interval(
    inputs: Inputs,
    lines: tuple[Sequence[OrderLine], Sequence[OrderLine]],
    *,
    period: Sequence[int],
    found: "BlockClearing",
    place: int,
) -> Result:
    """One interval's part: what its single orders and the blocks get in it, at its price."""
    singles, linked = lines
    price = found.price_micro[place]
    here = [index for index, at in enumerate(period) if at == place]
    energy = [int(found.fill_wh[index]) for index in here] + found.block_wh[:, place].tolist()
    own = [singles[index] for index in here] + list(linked)
    pay = [line.side * (price or 0) * wh for line, wh in zip(own, energy, strict=True)]
    extra: dict[str, Any] = {
        "bound_nano": found.bound_nano,
        "rejected_at_gain": sorted(found.rejected_at_gain),
    }
    if len(found.price_micro) > 1:
        extra["session_welfare_nano"] = found.welfare_nano
    return Result(
        buy_price_micro=price,
        sell_price_micro=price,
        volume_wh=sum(wh for line, wh in zip(own, energy, strict=True) if line.side == 1),
        welfare_nano=sum(line.side * line.price_micro * wh for line, wh in zip(own, energy, strict=True)),
        account_nano=sum(pay),
        fills=fills(inputs, own, filled=Filled(energy, pay)),
        extra=extra,
    )


def _with_parents(lines: Sequence[OrderLine], kept: Mapping[int, Any]) -> list[OrderLine]:
    """Blocks whose parents are still there; one without cannot be accepted."""
    held = {line.key: line for line in lines}
    while gone := [key for key in held if kept[key][1] is not None and kept[key][1] not in held]:
        for key in gone:
            del held[key]
    return list(held.values())


def _block(line: OrderLine, kept: Mapping[int, Any], *, profile_wh: tuple[int, ...]) -> "Block":
    from vpp.markets.blocks import Block

    least, parent, group = kept[line.key]
    return Block(
        key=line.key, side=line.side, price_micro=line.price_micro, profile_wh=profile_wh, least_permille=least,
        parent=parent, group=group,
    )  # fmt: skip
