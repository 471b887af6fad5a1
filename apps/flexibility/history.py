"""Past quarter-hours on the intervals of a signal, as arrays for vpp."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.telemetry.selectors import quarter_means

Floats = NDArray[np.float64]
QUARTER = timedelta(minutes=15)


@dataclasses.dataclass(frozen=True)
class Window:
    """`count` steps of `step` from the local time of `starts_at`, looked up on any day."""

    starts_at: datetime
    step: timedelta
    count: int
    zone: ZoneInfo

    def quarters_on(self, day: date) -> list[datetime]:
        """Return the quarter-hour that holds the middle of each step, on the local `day`."""
        local = self.starts_at.astimezone(self.zone)
        shift = day - local.date()
        # Wall-clock arithmetic: "the same time of day" is what a baseline means, also across a clock change.
        middles = [
            local.replace(tzinfo=None) + shift + self.step * (index + 0.5) for index in range(self.count)
        ]
        return [_floor(middle.replace(tzinfo=self.zone).astimezone(UTC)) for middle in middles]


@dataclasses.dataclass(frozen=True)
class PastDays:
    """Per column: (sites, days, steps) means [kW], NaN where nothing was measured."""

    values: dict[str, Floats]


def past_days(
    *, site_ids: Sequence[int], days: Sequence[date], window: Window, columns: Sequence[str]
) -> PastDays:
    """Return the rollups of `columns` for each site on each of `days`."""
    values = {name: np.full((len(site_ids), len(days), window.count), np.nan) for name in columns}
    place: dict[datetime, list[tuple[int, int]]] = {}
    for day_index, day in enumerate(days):
        for step_index, quarter in enumerate(window.quarters_on(day)):
            place.setdefault(quarter, []).append((day_index, step_index))
    if not place or not site_ids:
        return PastDays(values)
    row_of = {site_id: index for index, site_id in enumerate(site_ids)}
    rows = quarter_means(
        site_ids=site_ids, columns=columns, starts_at=min(place), ends_at=max(place) + QUARTER
    )
    for site_id, at, *measured in rows:
        for day_index, step_index in place.get(at, ()):
            for name, value in zip(columns, measured, strict=True):
                if value is not None:
                    values[name][row_of[site_id], day_index, step_index] = value
    return PastDays(values)


def _floor(at: datetime) -> datetime:
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER
