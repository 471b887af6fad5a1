"""Sums over all homes of an organization, a row a quarter-hour, kept up with the rollups they are made of."""

import dataclasses
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

QUANTITIES: Final = ("grid_kw", "pv_kw", "battery_kw")
# What comes in later than this is not summed again.
BACK: Final = timedelta(hours=25)
_SUMS = ", ".join(f"sum(q.{name})" for name in QUANTITIES)
_NAMES = ", ".join(QUANTITIES)
_SUM_UP: Final = (
    f"INSERT INTO telemetry_fleet_quarter (organization_id, at, homes, {_NAMES}) "
    f"SELECT s.organization_id, q.at, count(*), {_SUMS} FROM telemetry_quarter q "
    "JOIN sites_site s ON s.id = q.site_id WHERE q.at >= %s AND q.at <= %s GROUP BY 1, 2 "
    "ON CONFLICT (organization_id, at) DO UPDATE SET homes = excluded.homes, "
    + ", ".join(f"{name} = excluded.{name}" for name in QUANTITIES)
)


@dataclasses.dataclass(frozen=True)
class FleetQuarter:
    """Mean powers of all homes heard in the quarter-hour that begins at `at`, summed [kW]; None where nobody measured it."""

    at: datetime
    homes: int
    grid_kw: float | None
    pv_kw: float | None
    battery_kw: float | None


def fleets_sum_up(cursor: CursorWrapper, *, starts_at: datetime, now: datetime) -> None:
    """Sum up, or again, the quarter-hours since `starts_at`, at most 25 hours back."""
    cursor.execute(_SUM_UP, [max(starts_at, now - BACK), now])


def fleet_quarters(*, organization_id: int, starts_at: datetime, ends_at: datetime) -> list[FleetQuarter]:
    """Return an organization's quarter-hours that begin in [starts_at, ends_at), by time."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT at, homes, {_NAMES} FROM telemetry_fleet_quarter "
            "WHERE organization_id = %s AND at >= %s AND at < %s ORDER BY at",
            [organization_id, starts_at, ends_at],
        )
        return [FleetQuarter(*row) for row in cursor.fetchall()]
