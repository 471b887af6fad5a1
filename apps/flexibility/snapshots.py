"""Keep what every home of an organization can give as arrays in one row, refreshed every few minutes.

From one look to the next the row also learns: what homes draw by hour of day (exponential means of what was measured),
how often each was in reach, and how the share in reach moves. No history is read for it.
"""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from apps.accounts.models import Organization
from apps.flexibility import packing
from apps.flexibility.day import day_refresh
from apps.flexibility.models import PortfolioSnapshot
from apps.flexibility.packing import HOURS, LAYERS, PROFILE_TYPE, Arrays
from apps.flexibility.services import HEAT_PUMP_COP, NEEDED, TANK_USABLE
from apps.sites.models import Resource
from apps.sites.preferences import FULL_BAND_C
from apps.sites.selectors import described_numbers, sites_of_organization
from apps.telemetry.selectors import latest_rows

Floats = NDArray[np.float64]
FRESH = timedelta(minutes=15)
MEASURED = ("load_kw", "pv_kw", "battery_soc", "ev_kw", "heat_kw", "ev_soc", "grid_kw")
PREFERRED = ("reserve_soc", "ev_least_soc", "comfort_low_c", "comfort_high_c")
EFFICIENCY = 0.95
# How fast means follow, for a look every 5 minutes: hours of day over about 5 days, reach over about 8 hours.
PROFILE_WEIGHT = 1 / 60
REACH_WEIGHT = 0.01
# What is assumed before anything was learned.
FIRST_PRESENCE = 0.95
FIRST_REACH_DEVIATION = 0.03


class Reason(IntEnum):
    """Why a home is left out; 0 for one that counts."""

    NONE = 0
    NO_MEASUREMENT = 1
    STALE_MEASUREMENT = 2
    NOT_DESCRIBED = 3
    NOTHING_TO_GIVE = 4
    NO_METER = 5


def portfolios_refresh(*, now: datetime) -> int:
    """Refresh every organization that has homes, and its next day; return how many."""
    organizations = Organization.objects.filter(site__isnull=False).distinct().order_by("pk")
    for organization in organizations:
        portfolio_refresh(organization=organization, now=now)
        day_refresh(organization=organization, now=now)
    return len(organizations)


def portfolio_refresh(*, organization: Organization, now: datetime) -> PortfolioSnapshot:
    """Look at all homes of an organization and keep what they can give."""
    before = _Before.of(organization)
    arrays = _look(organization, now=now)
    arrays["presence"] = _presence(arrays, before)
    profiles = _profiles(arrays, before, hour=now.hour)
    with transaction.atomic():
        snapshot, _ = PortfolioSnapshot.objects.update_or_create(
            organization=organization,
            defaults={
                "computed_at": now,
                "homes": len(arrays["site_id"]),
                "arrays": packing.pack(arrays),
                "profiles": profiles.tobytes(),
                "reach": _reach(arrays, before),
            },
        )
    return snapshot


@dataclasses.dataclass
class _Before:
    """The last look, if there was one."""

    arrays: Arrays
    profiles: NDArray[Any]
    reach: dict[str, float]

    @classmethod
    def of(cls, organization: Organization) -> "_Before":
        row = PortfolioSnapshot.objects.filter(organization=organization).first()
        if row is None:
            return cls(
                {"site_id": np.empty(0, np.int32)}, np.empty((HOURS, len(LAYERS), 0), PROFILE_TYPE), {}
            )
        profiles = np.frombuffer(row.profiles, dtype=PROFILE_TYPE).reshape(HOURS, len(LAYERS), row.homes)
        return cls(packing.unpack(bytes(row.arrays)), profiles, row.reach)

    def places(self, site_ids: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where homes of now and of then meet: places in `site_ids`, places here."""
        _, here, there = np.intersect1d(
            site_ids, self.arrays["site_id"], assume_unique=True, return_indices=True
        )
        return here, there


def _look(organization: Organization, *, now: datetime) -> Arrays:
    """The columns of all homes, as of now."""
    sites = sites_of_organization(organization=organization)
    rows = sites.values_list("pk", "grid_area_id", "export_limit_kw", "import_limit_kw", *PREFERRED)
    table = _table(list(rows), width=8)
    site_ids = table[:, 0].astype(np.int32)
    latest = latest_rows(site_ids=sites.order_by().values_list("pk", flat=True), columns=MEASURED)
    measured = _spread(site_ids, [(row[0], row[1].timestamp(), *row[2:]) for row in latest], width=8)
    at = measured[:, 0]
    arrays: Arrays = {
        "site_id": site_ids,
        "grid_area_id": np.nan_to_num(table[:, 1]).astype(np.int32),
        "at": np.nan_to_num(at),
        "export_limit_kw": table[:, 2],
        "import_limit_kw": table[:, 3],
        "uncontrolled_kw": measured[:, 1] + np.nan_to_num(measured[:, 2]),
        "ev_kw": np.maximum(measured[:, 4], 0.0),
        "heat_kw": np.maximum(measured[:, 5], 0.0),
    }
    described = np.ones(len(site_ids), dtype=bool)
    described &= _battery(arrays, organization, soc=measured[:, 3], reserve_soc=table[:, 4])
    described &= _ev_and_heat(arrays, organization)
    _keep_comfort(arrays, ev_soc=measured[:, 6], preferred=table[:, 5:8])
    age_s = now.timestamp() - at
    arrays["reason"] = _reasons(arrays, described=described, metered=~np.isnan(measured[:, 7]), age_s=age_s)
    return {
        name: array.astype(np.float32) if array.dtype == np.float64 and name != "at" else array
        for name, array in arrays.items()
    }


def _battery(
    arrays: Arrays, organization: Organization, *, soc: Floats, reserve_soc: Floats
) -> NDArray[np.bool_]:
    """Add the batteries' columns; return which homes describe theirs, or have none."""
    kind = Resource.Kind.BATTERY
    names = (*NEEDED[kind], "charge_efficiency", "discharge_efficiency", "reserve_soc")
    rows = described_numbers(organization=organization, kind=kind, names=names)
    numbers = _spread(arrays["site_id"], rows, width=6)
    present = _owners(arrays["site_id"], rows)
    capacity, charge, discharge = numbers[:, 0], numbers[:, 1], numbers[:, 2]
    into, out = (np.where(np.isnan(numbers[:, index]), EFFICIENCY, numbers[:, index]) for index in (3, 4))
    reserve = np.fmax(numbers[:, 5], reserve_soc)
    good = (
        (capacity > 0) & (charge >= 0) & (discharge >= 0) & (into > 0) & (into <= 1) & (out > 0) & (out <= 1)
    )
    charged = np.where(good, np.clip(soc, 0.0, 1.0), np.nan)
    arrays["discharge_kw"] = np.where(np.isnan(charged), 0.0, discharge)
    arrays["discharge_kwh"] = np.nan_to_num(np.maximum(charged - reserve, 0.0) * capacity * out)
    arrays["charge_kw"] = np.where(np.isnan(charged), 0.0, charge)
    arrays["charge_kwh"] = np.nan_to_num((1.0 - charged) * capacity / into)
    return np.asarray(good | ~present)


def _ev_and_heat(arrays: Arrays, organization: Organization) -> NDArray[np.bool_]:
    """Add the columns of cars and heat pumps; return which homes describe theirs, or have none."""
    good = np.ones(len(arrays["site_id"]), dtype=bool)
    found = []
    for kind in (Resource.Kind.EV_CHARGER, Resource.Kind.HEAT_PUMP):
        rows = described_numbers(organization=organization, kind=kind, names=NEEDED[kind])
        numbers = _spread(arrays["site_id"], rows, width=len(NEEDED[kind]))
        present = _owners(arrays["site_id"], rows)
        good &= ~present | (numbers >= 0).all(axis=1)
        found.append(np.nan_to_num(numbers))
    arrays["ev_most_kw"], arrays["heat_most_kw"] = found[0][:, 0], found[1][:, 0]
    arrays["heat_kwh"] = found[1][:, 1] * TANK_USABLE / HEAT_PUMP_COP
    return good


def _keep_comfort(arrays: Arrays, *, ev_soc: Floats, preferred: Floats) -> None:
    """Count on no car below its least charge, and on less heat where the band of temperatures is narrow."""
    least, low_c, high_c = preferred.T
    first = ev_soc < least
    arrays["uncontrolled_kw"] = arrays["uncontrolled_kw"] + np.where(
        first, np.nan_to_num(arrays["ev_kw"]), 0.0
    )
    for name in ("ev_kw", "ev_most_kw"):
        arrays[name] = np.where(first, 0.0, arrays[name])
    arrays["heat_kwh"] = arrays["heat_kwh"] * np.clip((high_c - low_c) / FULL_BAND_C, 0.0, 1.0)


def _reasons(
    arrays: Arrays, *, described: NDArray[np.bool_], metered: NDArray[np.bool_], age_s: Floats
) -> NDArray[np.uint8]:
    able = (arrays["discharge_kw"] > 0) | (arrays["ev_most_kw"] > 0) | (arrays["heat_most_kw"] > 0)
    reasons = np.where(able, Reason.NONE, Reason.NOTHING_TO_GIVE)
    reasons = np.where(described, reasons, Reason.NOT_DESCRIBED)
    # What it gave could not be told.
    reasons = np.where(metered, reasons, Reason.NO_METER)
    reasons = np.where(age_s > FRESH.total_seconds(), Reason.STALE_MEASUREMENT, reasons)
    return np.asarray(np.where(np.isnan(age_s), Reason.NO_MEASUREMENT, reasons), dtype=np.uint8)


def in_reach(arrays: Arrays) -> NDArray[np.bool_]:
    """Which homes have reported lately."""
    out_of_reach = [Reason.NO_MEASUREMENT, Reason.STALE_MEASUREMENT]
    return np.asarray(np.isin(arrays["reason"], out_of_reach, invert=True))


def _presence(arrays: Arrays, before: _Before) -> NDArray[np.float32]:
    """How often each home was in reach lately."""
    presence = np.full(len(arrays["site_id"]), FIRST_PRESENCE, np.float32)
    here, there = before.places(arrays["site_id"])
    if len(here):
        presence[here] = before.arrays["presence"][there]
    return np.asarray(presence + np.float32(REACH_WEIGHT) * (in_reach(arrays) - presence), dtype=np.float32)


def _reach(arrays: Arrays, before: _Before) -> dict[str, float]:
    """Mean and variance of the share of homes in reach."""
    share = float(in_reach(arrays).mean()) if len(arrays["site_id"]) else 0.0
    mean = before.reach.get("mean", share)
    variance = before.reach.get("variance", FIRST_REACH_DEVIATION**2)
    step = share - mean
    return {
        "mean": mean + REACH_WEIGHT * step,
        "variance": (1 - REACH_WEIGHT) * (variance + REACH_WEIGHT * step**2),
    }


def _profiles(arrays: Arrays, before: _Before, *, hour: int) -> NDArray[Any]:
    """What homes drew by hour of day, with what was measured now drawn into its hour."""
    profiles = np.full((HOURS, len(LAYERS), len(arrays["site_id"])), np.nan, PROFILE_TYPE)
    here, there = before.places(arrays["site_id"])
    if len(here):
        profiles[:, :, here] = before.profiles[:, :, there]
    for layer, name in enumerate(LAYERS):
        known, present = profiles[hour, layer].astype(np.float32), arrays[name]
        moved = np.where(np.isnan(known), present, known + PROFILE_WEIGHT * (present - known))
        profiles[hour, layer] = np.where(in_reach(arrays) & ~np.isnan(present), moved, known)
    return profiles


def _spread(site_ids: NDArray[Any], rows: Sequence[tuple[Any, ...]], *, width: int) -> Floats:
    """Rows (site_id, *values), by site, on the places of their sites; NaN where a site has none."""
    spread = np.full((len(site_ids), width), np.nan)
    table = _table(rows, width=width + 1)
    if len(table):
        places = np.searchsorted(site_ids, table[:, 0])
        known = (places < len(site_ids)) & (np.take(site_ids, places, mode="clip") == table[:, 0])
        spread[places[known]] = table[known, 1:]
    return spread


def _owners(site_ids: NDArray[Any], rows: Sequence[tuple[Any, ...]]) -> NDArray[np.bool_]:
    """Which sites have a row."""
    return np.isin(site_ids, np.array([row[0] for row in rows], dtype=site_ids.dtype))


def _table(rows: Sequence[tuple[Any, ...]], *, width: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)
