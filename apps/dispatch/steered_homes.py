"""Each home's part in a steered plan and why, a page at a time; from what the plan knew."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.paginator import Page, Paginator

from apps.dispatch.models import Plan, Schedule
from apps.sites.models import Site
from apps.sites.selectors import sites_by_id

PAGE_SIZE: Final = 100
SMALL_KWH: Final = 0.01


@dataclasses.dataclass(frozen=True)
class SteeredHome:
    """What a steered plan asks of a home's battery; None where nothing. `site` is None for a home that is gone."""

    site: Site | None
    charged_kwh: float | None
    discharged_kwh: float | None
    saving: float | None
    reason: str


@dataclasses.dataclass(frozen=True)
class SteeredHomes:
    page: "Page[int]"
    rows: list[SteeredHome]


def steered_homes(*, plan: Plan, page_number: str) -> SteeredHomes:
    """Return a page of the homes that a steered plan knew: those it plans, then those it leaves alone."""
    inputs: dict[str, Any] = plan.inputs
    planned: list[int] = inputs.get("sites", [])
    notes: Mapping[str, str] = inputs.get("notes", {})
    page = Paginator([*planned, *(int(one) for one in notes)], PAGE_SIZE).get_page(page_number)
    site_ids = list(page.object_list)
    sites = sites_by_id(site_ids=site_ids)
    schedules = {one.site_id: one for one in Schedule.objects.filter(plan=plan, site_id__in=site_ids)}
    savings, prices = _savings(plan, schedules), _prices(plan)
    rows = [
        _home(
            plan,
            schedules[site_id],
            site=sites.get(site_id),
            saving=savings.get(site_id),
            prices=prices.get(site_id, plan.price_per_kwh),
        )
        if site_id in schedules
        else SteeredHome(sites.get(site_id), None, None, None, notes.get(str(site_id), "told nothing"))
        for site_id in site_ids
    ]
    return SteeredHomes(page, rows)


def battery_kw(schedule: Schedule) -> list[float]:
    """Return what a home's battery is told: charging is positive [kW]."""
    return next((list(values) for values in schedule.resources.values()), [0.0] * len(schedule.shed_kw))


def _prices(plan: Plan) -> dict[int, list[float]]:
    """Return what each home pays for a kWh, where they are told different prices."""
    from apps.dispatch.steering_kept import unpacked

    kept = unpacked(plan.inputs.get("problem", {}).get("buy_per_kwh", []))
    return dict(zip(plan.inputs["sites"], kept.tolist(), strict=True)) if kept.ndim == 2 else {}


def _home(
    plan: Plan, schedule: Schedule, *, site: Site | None, saving: float | None, prices: Sequence[float]
) -> SteeredHome:
    hours, powers = plan.interval_s / 3600, battery_kw(schedule)
    charged = sum(value for value in powers if value > 0) * hours
    discharged = -sum(value for value in powers if value < 0) * hours
    reason = _reason(prices, powers, hours=hours, charged=charged, discharged=discharged)
    return SteeredHome(site, charged, discharged, saving, reason)


def _reason(
    prices: Sequence[float], powers: list[float], *, hours: float, charged: float, discharged: float
) -> str:
    """Say at which mean price the battery takes and gives."""
    said = []
    if charged > SMALL_KWH:
        paid = sum(price * value for price, value in zip(prices, powers, strict=True) if value > 0) * hours
        said.append(f"charges where a kWh costs {paid / charged:.2f}")
    if discharged > SMALL_KWH:
        worth = -sum(price * value for price, value in zip(prices, powers, strict=True) if value < 0) * hours
        said.append(f"discharges where it costs {worth / discharged:.2f}")
    return " and ".join(said) or "at rest: moving energy would not pay for wear and losses"


def _savings(plan: Plan, schedules: Mapping[int, Schedule]) -> dict[int, float]:
    """What each home's plan costs less than its battery at rest, wear included, at the plan's prices [currency]."""
    import numpy as np

    from apps.dispatch.steering_kept import unpacked

    if "limits" not in plan.inputs or not schedules:
        return {}
    kept = plan.inputs["problem"]
    net = np.asarray(unpacked(kept["net_kw"]))
    buys, sells = (
        np.broadcast_to(unpacked(kept[name]), net.shape) for name in ("buy_per_kwh", "sell_per_kwh")
    )
    wear = np.broadcast_to(unpacked(kept["wear_per_kwh"]), len(net))
    rows = {site_id: row for row, site_id in enumerate(plan.inputs["sites"])}
    hours = plan.interval_s / 3600
    found = {}
    for site_id, schedule in schedules.items():
        row, grid_kw, battery = rows[site_id], np.array(schedule.site_kw), np.array(battery_kw(schedule))
        buy, sell = buys[row], sells[row]
        rest = float((np.where(net[row] > 0, buy, sell) * net[row]).sum())
        paid = float((np.where(grid_kw > 0, buy, sell) * grid_kw).sum())
        worn = float(wear[row]) * float(np.maximum(0.0, -battery).sum())
        found[site_id] = (rest - paid - worn) * hours
    return found
