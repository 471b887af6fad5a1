"""Each home's part in a stored plan and why, a page at a time; from what the plan knew."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.paginator import Page, Paginator

from apps.dispatch.models import Plan, Schedule
from apps.sites.models import Resource, Site
from apps.sites.selectors import resources_by_site, sites_by_id

PAGE_SIZE = 100


@dataclasses.dataclass(frozen=True)
class HomeInPlan:
    """What a plan asks of a home; None where it asks nothing. `site` is None for a home that is gone."""

    site: Site | None
    most_kw: float | None
    energy_kwh: float | None
    reason: str


@dataclasses.dataclass(frozen=True)
class HomesInPlan:
    page: "Page[int]"
    rows: list[HomeInPlan]


def homes_in_plan(*, plan: Plan, page_number: str) -> HomesInPlan:
    """Return a page of the homes that the plan knew, in its order."""
    page = Paginator(plan.inputs.get("sites", []), PAGE_SIZE).get_page(page_number)
    site_ids = list(page.object_list)
    schedules = {
        schedule.site_id: schedule for schedule in Schedule.objects.filter(plan=plan, site_id__in=site_ids)
    }
    sites = sites_by_id(site_ids=site_ids)
    reasons = _reasons(plan, site_ids, first=page.start_index() - 1, schedules=schedules)
    hours = plan.interval_s / 3600
    rows = []
    for site_id, reason in zip(site_ids, reasons, strict=True):
        shed_kw = schedules[site_id].shed_kw if site_id in schedules else None
        rows.append(
            HomeInPlan(
                site=sites.get(site_id),
                most_kw=None if shed_kw is None else max(shed_kw),
                energy_kwh=None if shed_kw is None else sum(shed_kw) * hours,
                reason=reason,
            )
        )
    return HomesInPlan(page, rows)


def _reasons(
    plan: Plan, site_ids: Sequence[int], *, first: int, schedules: Mapping[int, Schedule]
) -> list[str]:
    if not site_ids:
        return []
    found = _by_numbers(plan, site_ids, first=first, schedules=schedules)
    inputs: dict[str, Any] = plan.inputs
    silent, opted_out, busy, away = (
        frozenset(inputs.get(name, ())) for name in ("silent", "opted_out", "busy", "away")
    )
    notes: Mapping[str, str] = inputs.get("notes", {})
    for index, site_id in enumerate(site_ids):
        if site_id in opted_out:
            found[index] = "opted out"
        elif site_id in silent:
            carried = " and follows its last schedule" if site_id in schedules else ""
            found[index] = f"silent{carried}"
        elif site_id in busy:
            found[index] = "serves another event that goes first"
        elif site_id in away:
            found[index] = "has had its share of events"
        elif str(site_id) in notes:
            found[index] = notes[str(site_id)]
    return found


def _by_numbers(
    plan: Plan, site_ids: Sequence[int], *, first: int, schedules: Mapping[int, Schedule]
) -> list[str]:
    import numpy as np

    from apps.dispatch.kept import envelope_kept
    from apps.dispatch.question import rest_of
    from vpp.dispatch.reasons import home_reasons

    rows = range(first, first + len(site_ids))
    begin: int = plan.inputs["first"]
    envelope = rest_of(envelope_kept(plan=plan, rows=rows), first=begin)
    held = resources_by_site(site_ids=list(site_ids))
    shed = np.zeros(envelope.baseline_kw.shape)
    cuts = {"ev_kw": shed.copy(), "heat_kw": shed.copy()}
    kinds = {"ev_kw": Resource.Kind.EV_CHARGER, "heat_kw": Resource.Kind.HEAT_PUMP}
    for index, site_id in enumerate(site_ids):
        if site_id not in schedules:
            continue
        shed[index] = schedules[site_id].shed_kw
        for name, kind in kinds.items():
            key = held[site_id][kind].key if kind in held[site_id] else ""
            planned = schedules[site_id].resources.get(key)
            if planned is not None:
                usual = np.array(plan.inputs[name][rows[index]][begin:], dtype=np.float64)
                cuts[name][index] = np.maximum(0.0, usual - np.array(planned, dtype=np.float64))
    return home_reasons(
        envelope,
        active=np.array([site_id in schedules for site_id in site_ids], dtype=np.bool_),
        ev_cut_kw=cuts["ev_kw"],
        heat_cut_kw=cuts["heat_kw"],
        shed_kw=shed,
    )
