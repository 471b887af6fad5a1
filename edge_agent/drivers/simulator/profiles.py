"""The profiles' file, and where in it a simulated instant lies."""

from __future__ import annotations  # array[float] is for the type checker only

import csv
import gzip
from array import array
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from edge_agent.config import ConfigError
from edge_agent.drivers.simulator.config import WEEK_STEPS
from vpp.intervals import from_ms, to_ms

STEP_MS = 900_000
_HOUR_MS = 3_600_000
DEFAULT_PATH = Path(__file__).parent / "profile_data" / "simbench-spring.csv.gz"


@dataclass(frozen=True, slots=True)
class Profiles:
    """Columns of 15-minute means, per unit, and each profile's full-load hours [h/year]."""

    columns: dict[str, array[float]]
    full_load_hours: dict[str, float]

    def stretch(self, name: str, *, first_week: int, weeks: int) -> array[float]:
        """`weeks` weeks of a profile from `first_week` on, in a circle through the file."""
        column = self.columns.get(name)
        if column is None:
            raise ConfigError(f"there is no profile {name!r}; there are {', '.join(self.columns)}")
        start = first_week * WEEK_STEPS
        return array("d", (column[(start + step) % len(column)] for step in range(weeks * WEEK_STEPS)))


@cache
def load_profiles(path: str = "") -> Profiles:
    """Read the file once per process."""
    with gzip.open(path or DEFAULT_PATH, "rt", newline="") as file:
        comment = next(file)
        rows = csv.reader(file)
        names = next(rows)[1:]
        columns = {name: array("d") for name in names}
        for row in rows:
            for name, value in zip(names, row[1:], strict=True):
                columns[name].append(float(value))
    hours = dict(pair.split("=") for pair in comment.partition(":")[2].split())
    return Profiles(columns, {name: float(value) for name, value in hours.items()})


class Calendar:
    """Which step of a stretch an instant is: by local wall clock, or by UTC for what follows the sun."""

    def __init__(self, *, first_monday: str, weeks: int, time_zone: str) -> None:
        self._steps = weeks * WEEK_STEPS
        self._anchor_ms = to_ms(datetime.combine(date.fromisoformat(first_monday), datetime.min.time(), UTC))
        self._zone = ZoneInfo(time_zone)
        self._hour = -1
        self._offset_ms = 0

    def offset_ms(self, at_ms: int) -> int:
        """How far local wall clocks are ahead of UTC; looked up once an hour, zones change at full hours."""
        hour = at_ms // _HOUR_MS
        if hour != self._hour:
            offset = from_ms(hour * _HOUR_MS).astimezone(self._zone).utcoffset()
            assert offset is not None
            self._hour = hour
            self._offset_ms = int(offset.total_seconds()) * 1000
        return self._offset_ms

    def local_step(self, at_ms: int) -> int:
        """The step by local wall clock."""
        return (at_ms + self.offset_ms(at_ms) - self._anchor_ms) // STEP_MS % self._steps

    def sun_step(self, at_ms: int) -> int:
        """The step by UTC."""
        return (at_ms - self._anchor_ms) // STEP_MS % self._steps
