"""A stored plan's question, put together again from what the plan keeps."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.dispatch.errors import InputsNotKeptError, WhatIfInvalidError
from apps.dispatch.models import Plan
from apps.dispatch.question import limit_from, rest_of
from vpp.dispatch.coupling import Limit
from vpp.dispatch.problem import AllocationError, AllocationProblem, Weights
from vpp.dispatch.reserve import NAME as RESERVE
from vpp.dispatch.reserve import hold_back
from vpp.errors import VppError
from vpp.flexibility.envelope import ShedEnvelope, build_shed_envelope
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev
from vpp.resources.heat_pump import HeatPump
from vpp.resources.pv import Pv
from vpp.resources.site import SiteState

Floats = NDArray[np.float64]
KINDS: Mapping[str, type] = {"battery": Battery, "ev": Ev, "heat_pump": HeatPump, "pv": Pv}
FORECASTS = ("baseline_kw", "uncontrolled_kw", "ev_kw", "heat_kw")


@dataclasses.dataclass(frozen=True)
class Change:
    """What another question would ask instead; nothing said is as it was.

    Of a steered plan prices can be changed by `price_factor` and homes left out.

    `target_kw` runs over the plan's intervals; homes `without` are left alone, homes `also` are counted on though
    they were silent, opted out or had had their events.
    """

    target_kw: tuple[float, ...] | None = None
    without: frozenset[int] = frozenset()
    also: frozenset[int] = frozenset()
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    price_factor: float = 1.0


@dataclasses.dataclass(frozen=True)
class Question:
    """What was asked; rows of `takes_part` are those of `site_ids`, rows of the problem those that take part."""

    site_ids: list[int]
    takes_part: NDArray[np.bool_]
    problem: AllocationProblem


AS_IT_WAS = Change()


def change_from(sent: Mapping[str, Any]) -> Change:
    """Return a change as a message carries it."""
    target_kw = sent.get("target_kw")
    return Change(
        target_kw=None if target_kw is None else tuple(target_kw),
        without=frozenset(sent.get("without", ())),
        also=frozenset(sent.get("also", ())),
        weights=dict(sent.get("weights", {})),
        price_factor=float(sent.get("price_factor", 1.0)),
    )


def question_kept(*, plan: Plan, change: Change = AS_IT_WAS) -> Question:
    """Return the plan's question, or another one from the same knowledge.

    Raises InputsNotKeptError where the plan does not keep it, WhatIfInvalidError for a change that makes no sense.
    """
    inputs = _inputs(plan)
    site_ids: list[int] = inputs["sites"]
    unknown = (change.without | change.also) - set(site_ids)
    if unknown:
        raise WhatIfInvalidError(f"{len(unknown)} of these homes were not known to the plan")
    left_out = np.isin(site_ids, sorted((frozenset(inputs["away"]) - change.also) | change.without))
    envelope = rest_of(envelope_kept(plan=plan), first=inputs["first"])
    try:
        problem = _problem(plan, change, envelope=envelope, takes_part=~left_out)
    except AllocationError as error:
        raise WhatIfInvalidError(error.detail) from error
    return Question(site_ids, ~left_out, problem)


def envelope_kept(*, plan: Plan, rows: Sequence[int] | None = None) -> ShedEnvelope:
    """What the plan believed its homes, or the homes of these rows, could give from the signal's first interval on."""
    inputs = _inputs(plan)
    chosen = range(len(inputs["sites"])) if rows is None else rows
    count = inputs["first"] + len(plan.target_kw)
    forecasts = {
        name: np.array([inputs[name][row] for row in chosen], dtype=np.float64).reshape(len(chosen), count)
        for name in FORECASTS
    }
    try:
        return build_shed_envelope(
            [_state(inputs["states"][row]) for row in chosen],
            interval_s=plan.interval_s,
            baseline_net_kw=forecasts["baseline_kw"],
            uncontrolled_kw=forecasts["uncontrolled_kw"],
            ev_forecast_kw=forecasts["ev_kw"],
            heat_forecast_kw=forecasts["heat_kw"],
        )
    except (VppError, TypeError) as error:
        raise InputsNotKeptError(f"what revision {plan.revision} knew cannot be read any more") from error


def _inputs(plan: Plan) -> dict[str, Any]:
    inputs: dict[str, Any] = plan.inputs
    missing = {"sites", "states", "away", "first", *FORECASTS} - set(inputs)
    if "corrects" in inputs:
        raise InputsNotKeptError(
            f"revision {plan.revision} only corrects by head-room; the decision to replay is revision {inputs['full_plan']}"
        )
    if missing:
        raise InputsNotKeptError(f"revision {plan.revision} does not keep what it was computed from")
    return inputs


def _state(kept: Mapping[str, Any]) -> SiteState:
    resources = {name: make(**kept[name]) for name, make in KINDS.items() if kept.get(name) is not None}
    return SiteState(**{**kept, **resources})


def _problem(
    plan: Plan,
    change: Change,
    *,
    envelope: ShedEnvelope,
    takes_part: NDArray[np.bool_],
) -> AllocationProblem:
    inputs = _inputs(plan)
    zones = np.array(inputs.get("zones", [0] * len(takes_part)), dtype=np.intp)
    away = np.isin(inputs["sites"], inputs["away"])
    kept = [limit_from(one) for one in inputs.get("limits", [])]
    limits = [
        _shifted(limit, envelope=envelope, zones=zones, joined=away & takes_part, left=~away & ~takes_part)
        for limit in kept
        if limit.name != RESERVE
    ]
    part = envelope.select(takes_part)
    if (reserve := next((limit for limit in kept if limit.name == RESERVE), None)) is not None:
        part, held = _held_back(part, reserve_kw=inputs["reserve_kw"], penalty=reserve.penalty_least)
        limits.append(held)
    asked = inputs.get("asked_before", {})
    times = np.array([asked.get(str(site_id), 0) for site_id in inputs["sites"]], dtype=np.float64)
    return AllocationProblem(
        target_kw=np.array(
            plan.target_kw if change.target_kw is None else change.target_kw, dtype=np.float64
        ),
        envelope=part,
        weights=_weights(inputs.get("weights", {}), change.weights),
        labels=tuple(inputs.get("labels", ())),
        share_weight=1.0 / (1.0 + times[takes_part]),
        limits=tuple(limits),
        zone_of_home=zones[takes_part],
    )


def _weights(kept: Mapping[str, float], changed: Mapping[str, float]) -> Weights:
    unknown = set(changed) - {field.name for field in dataclasses.fields(Weights)}
    if unknown:
        raise WhatIfInvalidError(f"no such weight: {', '.join(sorted(unknown))}")
    return Weights(**{**kept, **changed})


def _shifted(
    limit: Limit,
    *,
    envelope: ShedEnvelope,
    zones: NDArray[np.intp],
    joined: NDArray[np.bool_],
    left: NDArray[np.bool_],
) -> Limit:
    """A grid area's limit leaves room for what its homes draw that do not take part."""
    inside = np.ones(len(zones), np.bool_) if limit.zones is None else np.isin(zones, limit.zones)
    idle_kw = np.nan_to_num(envelope.idle_net_kw)
    more_room = idle_kw[inside & joined].sum(axis=0) - idle_kw[inside & left].sum(axis=0)
    return dataclasses.replace(limit, least_kw=limit.least_kw + more_room, most_kw=limit.most_kw + more_room)


def _held_back(part: ShedEnvelope, *, reserve_kw: float, penalty: float) -> tuple[ShedEnvelope, Limit]:
    usable = part.usable
    held, limit = hold_back(part.select(usable), reserve_kw=reserve_kw, penalty=penalty)
    energy = part.battery_kwh.copy()
    energy[usable] = held.battery_kwh
    return dataclasses.replace(part, battery_kwh=energy), limit
