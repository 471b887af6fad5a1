"""What homes gave in an event that is over: asked by the plans, given by the meters where it is settled."""

import dataclasses
from decimal import Decimal
from typing import Final

import numpy as np
from django.db.models import Count, Q

from apps.dispatch.asked import asked_of_homes
from apps.dispatch.homes_now import HomesNow
from apps.programs.models import GridSignal
from apps.programs.selectors import opted_out_site_ids
from apps.settlement.models import SettlementRun, Statement, StatementLine
from apps.settlement.selectors import statements_of_run
from apps.sites.selectors import sites_by_id

SHOWN: Final = 200


@dataclasses.dataclass(frozen=True)
class HomeResult:
    """A home's part in an event that is over; what is not settled yet is None."""

    site_id: int
    name: str
    asked_kwh: float
    given_kwh: float | None
    amount: Decimal | None
    note: str


def home_results(*, signal: GridSignal, fleet: HomesNow, run: SettlementRun | None) -> list[HomeResult]:
    """Return the homes that were asked most, those asked most first."""
    asked = asked_of_homes(signal=signal)
    hours = signal.interval_s / 3600
    asked_kwh = {
        int(one): float(kwh)
        for one, kwh in zip(asked.site_id, asked.shed_kw.sum(axis=1) * hours, strict=True)
    }
    ids = np.union1d(fleet.site_id, asked.site_id)
    shown = sorted((int(one) for one in ids), key=lambda one: (-asked_kwh.get(one, 0.0), one))[:SHOWN]
    settled = _settled(run, site_ids=shown) if run else {}
    out, sites = opted_out_site_ids(signal_id=signal.pk), sites_by_id(site_ids=shown)
    return [
        HomeResult(
            site_id=one,
            name=sites[one].name,
            asked_kwh=asked_kwh.get(one, 0.0),
            given_kwh=float(settled[one].delivered_kwh) if one in settled else None,
            amount=settled[one].amount if one in settled else None,
            note=", ".join(_notes(is_out=one in out, settled=settled.get(one))),
        )
        for one in shown
        if one in sites
    ]


def _settled(run: SettlementRun, *, site_ids: list[int]) -> dict[int, Statement]:
    missing = Count("lines", filter=Q(lines__status=StatementLine.MeterStatus.MISSING))
    found = statements_of_run(run=run).prefetch_related(None).filter(site_id__in=site_ids)
    return {one.site_id: one for one in found.annotate(missing=missing)}


def _notes(*, is_out: bool, settled: Statement | None) -> list[str]:
    missing = getattr(settled, "missing", 0)
    return [
        *(["opted out"] if is_out else []),
        *([f"{missing} interval{'' if missing == 1 else 's'} without meter data"] if missing else []),
    ]
