"""The portfolio's question: what can these homes give between two instants, at what cost, how sure?"""

import dataclasses
import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.accounts.models import Organization
from apps.common.errors import DomainError
from apps.flexibility import packing
from apps.flexibility.models import PortfolioSnapshot
from apps.flexibility.packing import LAYERS, Arrays
from apps.flexibility.question import Question, WindowError
from apps.flexibility.snapshots import FRESH, Reason
from vpp.flexibility.energy_power import EventFeasibility
from vpp.flexibility.portfolio import Given, Kind, Portfolio, more_load, shed, shed_feasibility
from vpp.forecasting.blend import blend_with_present

Floats = NDArray[np.float64]
AHEAD = timedelta(days=7)
# What a kWh costs the home in wear and comfort [the organization's currency], as the plans weigh it
# (vpp.dispatch.problem.Weights).
OWN_COST: dict[Kind, float] = {"battery": 0.05, "ev": 0.15, "heat": 0.25}


class PortfolioUnknownError(DomainError):
    code = "portfolio_unknown"
    status = 404
    permanent = False


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the homes can give, and what is known of them."""

    question: Question
    shed: Given
    more_load: Given
    feasibility: EventFeasibility | None
    homes: int
    counted: int
    by_kind: dict[str, int]
    left_out: dict[str, int]
    computed_at: datetime
    oldest_s: float | None
    median_s: float | None
    stale: bool


def portfolio_answer(*, organization: Organization, question: Question, now: datetime) -> Answer:
    """Answer from the organization's snapshot, without a look at any home."""
    if question.ends_at <= now or question.starts_at > now + AHEAD:
        raise WindowError("the window must not be over, and begin within 7 days")
    row = PortfolioSnapshot.objects.filter(organization=organization).defer("arrays", "profiles").first()
    if row is None:
        raise PortfolioUnknownError("nothing is known of these homes yet; they are looked at every 5 minutes")
    arrays = packing.read_arrays(organization.pk)
    chosen = _chosen(arrays, question)
    reasons = arrays["reason"][chosen]
    counted = chosen & (arrays["reason"] == Reason.NONE)
    homes = {name: column[counted].astype(np.float64) for name, column in arrays.items()}
    portfolio = portfolio_of(row, homes, counted=counted, question=question, now=now)
    ages = now.timestamp() - homes["at"]
    prices: dict[Kind, float] = {kind: cost + question.paid_per_kwh for kind, cost in OWN_COST.items()}
    return Answer(
        question=question,
        shed=shed(portfolio, prices=prices),
        more_load=more_load(portfolio, price_per_kwh=prices["battery"]),
        feasibility=None if question.kw is None else shed_feasibility(portfolio, question.kw),
        homes=int(chosen.sum()),
        counted=int(counted.sum()),
        by_kind={
            "battery": int((homes["discharge_kw"] > 0).sum()),
            "ev_charger": int((homes["ev_most_kw"] > 0).sum()),
            "heat_pump": int((homes["heat_most_kw"] > 0).sum()),
        },
        left_out={
            reason.name.lower(): int((reasons == reason).sum()) for reason in Reason if reason != Reason.NONE
        },
        computed_at=row.computed_at,
        oldest_s=float(ages.max()) if len(ages) else None,
        median_s=float(np.median(ages)) if len(ages) else None,
        stale=now - row.computed_at > FRESH,
    )


def _chosen(arrays: Arrays, question: Question) -> NDArray[np.bool_]:
    """(N,) which homes the question is about."""
    chosen = np.ones(len(arrays["site_id"]), dtype=bool)
    if question.site_ids is not None:
        chosen &= np.isin(arrays["site_id"], np.fromiter(question.site_ids, np.int32, len(question.site_ids)))
    if question.grid_area_id is not None:
        chosen &= arrays["grid_area_id"] == question.grid_area_id
    return chosen


def portfolio_of(
    row: PortfolioSnapshot, homes: Arrays, *, counted: NDArray[np.bool_], question: Question, now: datetime
) -> Portfolio:
    """Return the counted homes as the library knows them, with what they are expected to draw in the window."""
    uncontrolled, ev, heat = _expected(row, homes, counted=counted, question=question, now=now)
    ev = np.clip(ev, 0.0, homes["ev_most_kw"][:, None])
    heat = np.clip(heat, 0.0, homes["heat_most_kw"][:, None])
    idle = uncontrolled + ev + heat
    return Portfolio(
        step_h=question.step / timedelta(hours=1),
        discharge_kw=homes["discharge_kw"],
        discharge_kwh=homes["discharge_kwh"],
        charge_kw=homes["charge_kw"],
        charge_kwh=homes["charge_kwh"],
        ev_kw=ev,
        heat_kw=heat,
        heat_kwh=homes["heat_kwh"],
        export_room_kw=np.maximum(0.0, idle + homes["export_limit_kw"][:, None]),
        import_room_kw=np.maximum(0.0, homes["import_limit_kw"][:, None] - idle),
        confidence=np.clip(homes["presence"], 0.0, 1.0),
        ev_most_kw=homes["ev_most_kw"],
        reach_deviation=math.sqrt(max(0.0, float(row.reach.get("variance", 0.0)))),
    )


def _expected(
    row: PortfolioSnapshot, homes: Arrays, *, counted: NDArray[np.bool_], question: Question, now: datetime
) -> list[Floats]:
    """What homes are expected to draw, a (N, T) [kW] for each layer.

    The mean of the hour of day pulled towards what is measured now; where nothing of that hour was learned yet, what
    is measured now. A home that does not measure a layer has 0.
    """
    hours = {middle.hour for middle in question.middles}
    known = {hour: packing.read_hour(row.pk, hour=hour, homes=row.homes)[:, counted] for hour in hours}
    lead_s = np.array([(middle - now).total_seconds() for middle in question.middles])
    found: list[Any] = []
    for layer, name in enumerate(LAYERS):
        columns = [known[middle.hour][layer].astype(np.float64) for middle in question.middles]
        usual = np.stack(columns, axis=1)
        present = homes[name]
        usual = np.where(np.isnan(usual), present[:, None], usual)
        found.append(np.nan_to_num(blend_with_present(usual, present_kw=present, lead_s=lead_s)))
    return found
