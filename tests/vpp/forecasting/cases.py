"""Histories for the tests of forecasting."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.simulator.profiles import load_profiles
from vpp.forecasting.question import Place, Question
from vpp.intervals import Grid

Floats = NDArray[np.float64]
BERLIN = ZoneInfo("Europe/Berlin")
# A Monday without a change of clocks near it.
START = datetime(2026, 6, 1, tzinfo=UTC)
HOURS = 24
KASSEL = Place(51.3, 9.0)


def hourly(
    history: Any,
    *,
    days: int,
    start: datetime = START,
    zone: ZoneInfo | None = None,
    count: int = HOURS,
    **more: Any,
) -> Question:
    """Ask at the end of day `days` for the hours after it."""
    issued_at = start + timedelta(days=days)
    return Question(
        np.array(history, dtype=np.float64),
        start,
        Grid(issued_at, 3600, count),
        issued_at,
        zone or ZoneInfo("UTC"),
        **more,
    )


def daily_levels(levels: list[float]) -> Floats:
    """One site, each day flat at its level."""
    return np.repeat(np.array(levels, dtype=np.float64), HOURS)[None]


def profiles(kind: str) -> Floats:
    """(N, L) the committed profiles whose names begin with `kind`, 84 days of quarter-hours, per unit."""
    columns = load_profiles().columns
    return np.array([columns[name] for name in columns if name.startswith(kind)])


PROFILES_START = datetime.combine(date(2016, 3, 7), datetime.min.time(), UTC)


def ask_profiles(history: Floats, day: int, **more: Any) -> Question:
    """Ask at the start of day `day` of the profiles for that day."""
    issued_at = PROFILES_START + timedelta(days=day)
    return Question(history, PROFILES_START, Grid(issued_at, 900, 96), issued_at, ZoneInfo("UTC"), **more)
