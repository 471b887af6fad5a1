"""What a resource can do right now, in kW, from whatever its control type offers, and what it cannot, with reasons."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from vpp.energy_manager.ability import Ability, Excluded, unable
from vpp.energy_manager.combine import Combo, Option, combine
from vpp.energy_manager.demand import ready_combos
from vpp.energy_manager.envelope import envelope_ability
from vpp.energy_manager.fill import fill_rates
from vpp.protocols.s2.cem_session import CemSession
from vpp.protocols.s2.ddbc import DemandDriven
from vpp.protocols.s2.frbc import FillRate
from vpp.protocols.s2.held import ELECTRIC
from vpp.protocols.s2.messages import key_of
from vpp.protocols.s2.modes import Facts, HasModes, block, locked_s, transition_cost
from vpp.protocols.s2.ombc import OperationModes
from vpp.protocols.s2.pebc import PowerEnvelopes
from vpp.protocols.s2.ppbc import PowerProfiles
from vpp.units import kw_from_w

# A choice is judged as if it were kept for so long [s].
_KEPT_S = 900.0
_FREE = (-math.inf, math.inf)


def ability(session: CemSession, now: datetime, *, excluded: Excluded = ()) -> Ability:
    """What the resource behind a session can do now; `excluded` choices were rejected lately."""
    held = session.held
    kw = kw_from_w(session.power.watts() or 0.0)
    if isinstance(held, FillRate):
        return _fill_rate(held, now, excluded=excluded)
    if isinstance(held, OperationModes):
        return _operation_modes(held, now, excluded=excluded)
    if isinstance(held, DemandDriven):
        return _demand_driven(held, now, excluded=excluded)
    if isinstance(held, PowerEnvelopes):
        return envelope_ability(held, now)
    if isinstance(held, PowerProfiles):
        return unable("it runs programs, which are scheduled", kw=kw)
    return unable("it takes no orders", kw=kw)


def rated_kw(session: CemSession, now: datetime) -> tuple[float, float]:
    """The weakest and strongest power [kW] that a resource describes, whatever holds it back now."""
    held = session.held
    if isinstance(held, PowerEnvelopes):
        able = envelope_ability(held, now)
        return able.low_kw, able.high_kw
    if not isinstance(held, FillRate | DemandDriven | OperationModes):
        return 0.0, 0.0
    system: Any = held.system(now)
    actuators = [] if system is None else [system] if isinstance(held, OperationModes) else system.actuators
    low = high = 0.0
    for actuator in actuators:
        spans = [electric_kw(one) for mode in actuator.operation_modes for one in _power_ranges(mode)]
        low += min((span[0] for span in spans), default=0.0)
        high += max((span[1] for span in spans), default=0.0)
    return low, high


def _power_ranges(mode: Any) -> list[Any]:
    elements = getattr(mode, "elements", None)
    return [mode.power_ranges] if elements is None else [element.power_ranges for element in elements]


def electric_kw(ranges: Iterable[Any]) -> tuple[float, float]:
    """Electric power [kW] of power ranges at factors 0 and 1, all phases together."""
    electric = [one for one in ranges if one.commodity_quantity in ELECTRIC]
    return (
        kw_from_w(sum(one.start_of_range for one in electric)),
        kw_from_w(sum(one.end_of_range for one in electric)),
    )


def _operation_modes(held: OperationModes, now: datetime, *, excluded: Excluded) -> Ability:
    system = held.system(now)
    if system is None:
        return unable("it has not described itself yet")
    options, reasons = [], []
    for mode in system.operation_modes:
        why = _why_not(system, held.facts, mode=mode, part="", now=now, excluded=excluded)
        if why is not None:
            reasons.append(f"{_label(mode)}: {why}")
            continue
        power_kw = electric_kw(mode.power_ranges)
        options.append(
            _option(system, held.facts, mode=mode, part="", power_kw=power_kw, costs=mode.running_costs)
        )
    return _summary([options], _FREE, reasons=reasons)


def _fill_rate(held: FillRate, now: datetime, *, excluded: Excluded) -> Ability:
    system = held.system(now)
    if system is None:
        return unable("it has not described itself yet")
    if held.level is None:
        return unable("its fill level is not known yet")
    parts, reasons = [], []
    for actuator in system.actuators:
        part = key_of(actuator.id)
        options = []
        for mode in actuator.operation_modes:
            why = _why_not(actuator, held.facts(part), mode=mode, part=part, now=now, excluded=excluded)
            if why is not None:
                reasons.append(f"{_label(mode)}: {why}")
                continue
            element = _element(mode.elements, held.level)
            rate = (element.fill_rate.start_of_range, element.fill_rate.end_of_range)
            power_kw = electric_kw(element.power_ranges)
            options.append(
                _option(
                    actuator,
                    held.facts(part),
                    mode=mode,
                    part=part,
                    power_kw=power_kw,
                    costs=element.running_costs,
                    rate=rate,
                )
            )
        parts.append(options)
    fastest = sum(max((max(one.rate) for one in options), default=0.0) for options in parts)
    rates, why_rates = fill_rates(held, now=now, fastest=fastest)
    bounds = system.storage.fill_level_range
    size = bounds.end_of_range - bounds.start_of_range
    fill = min(max((held.level - bounds.start_of_range) / size, 0.0), 1.0) if size > 0 else None
    return _summary(parts, rates, reasons=[*reasons, *why_rates], fill=fill)


def _demand_driven(held: DemandDriven, now: datetime, *, excluded: Excluded) -> Ability:
    system = held.system(now)
    if system is None:
        return unable("it has not described itself yet")
    parts, reasons = [], []
    for actuator in system.actuators:
        part = key_of(actuator.id)
        options = []
        for mode in actuator.operation_modes:
            why = _why_not(actuator, held.facts(part), mode=mode, part=part, now=now, excluded=excluded)
            if why is not None:
                reasons.append(f"{_label(mode)}: {why}")
                continue
            supply = (
                sum(one.start_of_range for one in mode.supply_range),
                sum(one.end_of_range for one in mode.supply_range),
            )
            power_kw = electric_kw(mode.power_ranges)
            options.append(
                _option(
                    actuator,
                    held.facts(part),
                    mode=mode,
                    part=part,
                    power_kw=power_kw,
                    costs=mode.running_costs,
                    rate=supply,
                    locked_s=locked_s(actuator, held.facts(part), to=key_of(mode.id), now=now),
                )
            )
        parts.append(options)
    demand = system.present_demand_rate.end_of_range
    combos, ahead = ready_combos(combine(parts, (demand, math.inf)), held, now=now)
    return _of_combos(combos, reasons=[*reasons, *ahead, f"a demand of {demand:g} is to be met"])


def _summary(
    parts: list[list[Option]],
    rates: tuple[float, float],
    *,
    reasons: list[str],
    fill: float | None = None,
) -> Ability:
    return _of_combos(combine(parts, rates), reasons=reasons, fill=fill)


def _of_combos(combos: list[Combo], *, reasons: list[str], fill: float | None = None) -> Ability:
    if not combos:
        return unable("; ".join(reasons) or "it offers no operation mode", fill=fill)
    ranges = [combo.range_kw for combo in combos]
    return Ability(
        low_kw=min(low for low, _ in ranges),
        high_kw=max(high for _, high in ranges),
        combos=tuple(combos),
        reasons=tuple(reasons),
        fill=fill,
    )


def _why_not(
    described: HasModes, facts: Facts, *, mode: Any, part: str, now: datetime, excluded: Excluded
) -> str | None:
    key = key_of(mode.id)
    if (part, key) in excluded:
        return "it was rejected lately"
    return block(described, facts, to=key, now=now)


def _option(
    described: HasModes,
    facts: Facts,
    *,
    mode: Any,
    part: str,
    power_kw: tuple[float, float],
    costs: Any,
    rate: tuple[float, float] = (0.0, 0.0),
    locked_s: float = 0.0,
) -> Option:
    key = key_of(mode.id)
    entering, delay_s = transition_cost(described, facts, to=key)
    running = (costs.start_of_range + costs.end_of_range) / 2.0 if costs else 0.0
    return Option(
        part=part,
        mode=key,
        label=_label(mode),
        power_kw=power_kw,
        rate=rate,
        cost=entering + running * _KEPT_S,
        delay_s=delay_s,
        locked_s=locked_s,
    )


def _element(elements: Any, level: float) -> Any:
    """The element for a fill level; the nearest one for a level that none covers."""

    def distance(element: Any) -> float:
        span = element.fill_level_range
        return float(max(span.start_of_range - level, level - span.end_of_range, 0.0))

    return min(elements, key=distance)


def _label(mode: Any) -> str:
    return str(mode.diagnostic_label or f"mode {key_of(mode.id)[-4:]}")[:60]
