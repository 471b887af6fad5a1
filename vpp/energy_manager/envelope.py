"""Power envelopes: which limits a resource takes, and the instruction that sets them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from s2python.common import CommodityQuantity, Duration
from s2python.generated.gen_s2 import ID, PEBCPowerEnvelopeLimitType
from s2python.pebc import PEBCPowerEnvelope, PEBCPowerEnvelopeElement

from vpp.energy_manager.ability import Ability, unable
from vpp.energy_manager.combine import Wish
from vpp.protocols.s2.held import ELECTRIC
from vpp.protocols.s2.messages import EnvelopeInstruction
from vpp.protocols.s2.pebc import PowerEnvelopes
from vpp.units import kw_from_w, w_from_kw

# How long a limit holds without being given again; a resource that hears nothing more is free then.
ENVELOPE_S: Final = 300.0
Spans = list[tuple[float, float]]


def limit_spans(constraints: Any) -> dict[CommodityQuantity, tuple[Spans, Spans]]:
    """Where lower and upper limits [W] may lie, by electric quantity."""
    found: dict[CommodityQuantity, tuple[Spans, Spans]] = {}
    for one in constraints.allowed_limit_ranges:
        if one.abnormal_condition_only or one.commodity_quantity not in ELECTRIC:
            continue
        lower, upper = found.setdefault(one.commodity_quantity, ([], []))
        spans = upper if one.limit_type == PEBCPowerEnvelopeLimitType.UPPER_LIMIT else lower
        spans.append((one.range_boundary.start_of_range, one.range_boundary.end_of_range))
    return {quantity: spans for quantity, spans in found.items() if all(spans)}


def envelope_ability(held: PowerEnvelopes, now: datetime) -> Ability:
    """The powers [kW] between the widest limits, and how far they can be narrowed."""
    constraints = held.constraints(now)
    spans = limit_spans(constraints) if constraints else {}
    if not spans:
        return unable("it takes no limits now")
    low = sum(min(start for start, _ in lower) for lower, _ in spans.values())
    high = sum(max(end for _, end in upper) for _, upper in spans.values())
    least = sum(min(start for start, _ in upper) for _, upper in spans.values())
    reasons = [f"takes no limit below {kw_from_w(least):g} kW"] if 0.0 < least < high else []
    energy = held.energy(now)
    if energy is not None:
        mean = kw_from_w(energy.lower_average_power), kw_from_w(energy.upper_average_power)
        reasons.append(f"needs {mean[0]:g} to {mean[1]:g} kW on average until {energy.valid_until:%H:%M}")
    return Ability(low_kw=kw_from_w(low), high_kw=kw_from_w(high), reasons=tuple(reasons))


def envelope_limits(
    held: PowerEnvelopes, wish: Wish, *, now: datetime
) -> dict[CommodityQuantity, tuple[float, float]]:
    """Lower and upper limit [W] of every quantity for a wish, as near as the resource takes them."""
    constraints = held.constraints(now)
    spans = limit_spans(constraints) if constraints else {}
    energy = held.energy(now)
    low_w, high_w = w_from_kw(wish.low_kw), w_from_kw(wish.high_kw)
    if energy is not None:
        # On average it has to get, or to be rid of, so much: a limit must leave that possible.
        high_w = max(high_w, energy.lower_average_power)
        low_w = min(low_w, energy.upper_average_power)
    limits = {}
    for quantity, (lower, upper) in spans.items():
        low = nearest(lower, low_w / len(spans), prefer=max)
        high = nearest(upper, high_w / len(spans), prefer=min)
        limits[quantity] = (min(low, high), high)
    return limits


def nearest(spans: Spans, watts: float, *, prefer: Callable[[list[float]], float]) -> float:
    """The allowed limit nearest to the one wanted; the tighter one of two that are as near."""
    inside = [min(max(watts, start), end) for start, end in spans]
    least = min(abs(one - watts) for one in inside)
    return prefer([one for one in inside if abs(one - watts) <= least])


def envelope_instruction(
    held: PowerEnvelopes, wish: Wish, *, now: datetime, new_id: Callable[[], UUID]
) -> EnvelopeInstruction | None:
    """The instruction that sets these limits."""
    constraints = held.constraints(now)
    limits = envelope_limits(held, wish, now=now)
    if constraints is None or not limits:
        return None
    envelopes = [
        PEBCPowerEnvelope(
            id=ID(root=str(new_id())),
            commodity_quantity=quantity,
            power_envelope_elements=[
                PEBCPowerEnvelopeElement(
                    duration=Duration.from_milliseconds(round(ENVELOPE_S * 1000)),
                    lower_limit=low,
                    upper_limit=high,
                )
            ],
        )
        for quantity, (low, high) in limits.items()
    ]
    return EnvelopeInstruction(
        message_id=new_id(),
        id=new_id(),
        execution_time=now,
        abnormal_condition=False,
        power_constraints_id=constraints.id,
        power_envelopes=envelopes,
    )
