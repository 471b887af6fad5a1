"""What each home could give or take by itself in each quarter-hour of a window, from the portfolio's snapshot."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from apps.accounts.models import Organization
from apps.flexibility import packing
from apps.flexibility.models import PortfolioSnapshot
from apps.flexibility.portfolio import portfolio_of
from apps.flexibility.question import STEP, Question
from apps.flexibility.snapshots import FRESH, Reason

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Available:
    """(sites, quarter-hours) power below (`shed_kw`) and above (`more_kw`) what homes are expected to draw; NaN unknown."""

    shed_kw: Floats
    more_kw: Floats


def homes_available(
    *,
    organization: Organization,
    site_ids: Sequence[int],
    starts_at: datetime,
    count: int,
    hold_h: float,
    now: datetime,
) -> Available:
    """Return what each home could hold for `hold_h` in each of `count` quarter-hours, at most a day of them.

    Each is a choice by itself, not a plan for all of them. Quarter-hours that were over when the snapshot was made are
    not known, and neither is a home of which no fresh measurement or description is there.
    """
    found = Available(*(np.full((len(site_ids), count), np.nan) for _ in range(2)))
    row = PortfolioSnapshot.objects.filter(organization=organization).defer("arrays", "profiles").first()
    if row is None or not count:
        return found
    arrays = packing.read_arrays(organization.pk)
    counted = np.isin(arrays["site_id"], np.array(site_ids, dtype=np.int64))
    counted &= np.isin(arrays["reason"], [Reason.NONE, Reason.NOTHING_TO_GIVE])
    homes = {name: column[counted].astype(np.float64) for name, column in arrays.items()}
    question = Question(starts_at, starts_at + STEP * count)
    known = portfolio_of(row, homes, counted=counted, question=question, now=min(now, starts_at))
    battery_kw = np.minimum(known.discharge_kw, known.discharge_kwh / hold_h)[:, None]
    heat_kw = np.minimum(known.heat_kw, (known.heat_kwh / hold_h)[:, None])
    charge_kw = np.minimum(known.charge_kw, known.charge_kwh / hold_h)[:, None]
    order = {site_id: place for place, site_id in enumerate(site_ids)}
    places = [order[int(site_id)] for site_id in homes["site_id"]]
    found.shed_kw[places] = np.minimum(battery_kw + known.ev_kw + heat_kw, known.export_room_kw)
    found.more_kw[places] = np.minimum(charge_kw, known.import_room_kw)
    over = [starts_at + STEP * (index + 1) <= row.computed_at - FRESH for index in range(count)]
    found.shed_kw[:, over] = found.more_kw[:, over] = np.nan
    return found
