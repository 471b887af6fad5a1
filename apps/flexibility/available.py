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
from vpp.flexibility.portfolio import Portfolio

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Available:
    """(sites, quarter-hours) power below (`shed_kw`) and above (`more_kw`) what homes are expected to draw; NaN unknown.

    Beside it what the battery alone could do: power a quarter-hour, and the energy (sites,) above its reserve and up to
    full; what is drawn now beside the battery, and the most that a car could draw (sites,). Energies are at the meter, as
    of the snapshot.
    """

    shed_kw: Floats
    more_kw: Floats
    discharge_kw: Floats
    charge_kw: Floats
    discharge_kwh: Floats
    charge_kwh: Floats
    now_kw: Floats
    car_kw: Floats


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
    shapes = [(len(site_ids), count)] * 4 + [(len(site_ids),)] * 4
    found = Available(*(np.full(shape, np.nan) for shape in shapes))
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
    _add_devices(found, known, places=places, homes=homes)
    over = [starts_at + STEP * (index + 1) <= row.computed_at - FRESH for index in range(count)]
    for kw in (found.shed_kw, found.more_kw, found.discharge_kw, found.charge_kw):
        kw[:, over] = np.nan
    return found


def _add_devices(found: Available, known: Portfolio, *, places: list[int], homes: packing.Arrays) -> None:
    """Battery and car by themselves."""
    found.discharge_kw[places] = np.minimum(known.discharge_kw[:, None], known.export_room_kw)
    found.charge_kw[places] = np.minimum(known.charge_kw[:, None], known.import_room_kw)
    found.discharge_kwh[places], found.charge_kwh[places] = known.discharge_kwh, known.charge_kwh
    found.now_kw[places] = homes["uncontrolled_kw"] + homes["ev_kw"] + homes["heat_kw"]
    found.car_kw[places] = homes["ev_most_kw"]
