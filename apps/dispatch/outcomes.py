"""What a plan decided beside what the same, or another, question is answered now."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from apps.dispatch.models import Plan
from apps.sites.selectors import sites_by_id
from vpp.dispatch.explain import name_all

Floats = NDArray[np.float64]
# Kept forecasts are rounded to 0.01 W and large fleets are planned to 0.1 % of the least cost.
SAME_KW = 0.01
SAME_SHARE = 2e-3
SAME_PRICE = 0.005


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a plan decides for the fleet, over its intervals; powers [kW], prices and cost in currency."""

    status: str
    solver: str
    seconds: float
    gap: float | None
    cost: float | None
    homes: int
    target_kw: list[float]
    planned_kw: list[float]
    shortfall_kwh: float
    price_per_kwh: list[float]
    explanation: list[str]


@dataclasses.dataclass(frozen=True)
class Replay:
    """A stored plan beside the same question answered again; `differences` in sentences, none where both agree."""

    stored: Outcome
    again: Outcome
    differences: list[str]

    @property
    def same(self) -> bool:
        return not self.differences


@dataclasses.dataclass(frozen=True)
class WhatIf:
    """A stored plan beside the answer to another question from the same knowledge."""

    stored: Outcome
    instead: Outcome

    @property
    def more_cost(self) -> float | None:
        """What the other plan would cost more [currency]; None where a solver did not say."""
        if self.stored.cost is None or self.instead.cost is None:
            return None
        return self.instead.cost - self.stored.cost

    @property
    def more_shortfall_kwh(self) -> float:
        return self.instead.shortfall_kwh - self.stored.shortfall_kwh


def outcome_of_plan(plan: Plan) -> Outcome:
    """What a stored plan decided."""
    return Outcome(
        status=plan.status,
        solver=plan.solver,
        seconds=plan.seconds,
        gap=plan.gap,
        cost=plan.objective,
        homes=plan.schedules.filter(counted=True).count(),
        target_kw=plan.target_kw,
        planned_kw=plan.planned_kw,
        shortfall_kwh=sum(plan.shortfall_kw) * plan.interval_s / 3600,
        price_per_kwh=plan.price_per_kwh,
        explanation=plan.explanation,
    )


def fleet_differences(stored: Outcome, again: Outcome, *, share: float = SAME_SHARE) -> list[str]:
    """Compare what the fleet does, to a share of its power."""
    found = []
    if stored.status != again.status:
        found.append(f"The plan was {stored.status}, the replay is {again.status}.")
    off = np.abs(np.subtract(stored.planned_kw, again.planned_kw))
    if (off > SAME_KW + share * np.abs(stored.planned_kw)).any():
        worst = int(np.argmax(off))
        found.append(
            f"Interval {worst + 1} was planned with {stored.planned_kw[worst]:.2f} kW, "
            f"the replay has {again.planned_kw[worst]:.2f} kW."
        )
    if (off := np.abs(np.subtract(stored.price_per_kwh, again.price_per_kwh))).max(initial=0.0) > SAME_PRICE:
        found.append(f"The prices differ by up to {off.max():.3f} per kWh.")
    return found


def schedule_differences(told: Mapping[int, Floats], again: Mapping[int, Floats], *, steps: int) -> list[str]:
    """Compare homes' schedules; a home without one stands for nothing asked."""
    nothing = np.zeros(steps)
    off = {
        site_id: float(np.abs(told.get(site_id, nothing) - again.get(site_id, nothing)).max(initial=0.0))
        for site_id in told.keys() | again.keys()
    }
    differing = {site_id: value for site_id, value in off.items() if value > SAME_KW}
    if not differing:
        return []
    sites = sites_by_id(site_ids=sorted(differing))
    names = [sites[one].name if one in sites else f"home {one}" for one in sorted(differing)]
    who = "1 home has" if len(differing) == 1 else f"{len(differing)} homes have"
    return [f"{who} another schedule, by up to {max(differing.values()):.2f} kW: {name_all(names)}."]
