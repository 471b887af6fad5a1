"""The cloud's one source of `now` for domain questions. Token and session lifetimes use the machine's clock."""

import dataclasses
import functools
import math
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclasses.dataclass(frozen=True)
class Clock:
    """Simulated time: `origin` at machine second `machine_s`, running `scale` times as fast."""

    origin: datetime
    machine_s: float
    scale: float

    def now(self) -> datetime:
        return self.origin + timedelta(seconds=(time.time() - self.machine_s) * self.scale)


def parse_clock(text: str) -> Clock:
    """Parse "<simulated start, ISO 8601>@<machine start, Unix seconds>x<scale>"; empty means real time."""
    if not text:
        return Clock(origin=datetime.fromtimestamp(0, UTC), machine_s=0.0, scale=1.0)
    try:
        start, rest = text.split("@")
        machine, scale = rest.split("x")
        origin = datetime.fromisoformat(start)
        clock = Clock(origin=origin, machine_s=float(machine), scale=float(scale))
    except ValueError as error:
        raise ImproperlyConfigured(f"ORES_CLOCK={text!r}: {error}") from error
    if origin.tzinfo is None or not math.isfinite(clock.machine_s) or not 0 < clock.scale <= 10_000:
        raise ImproperlyConfigured(
            f"ORES_CLOCK={text!r}: needs a UTC offset, an instant and a scale in (0, 10000]"
        )
    return clock


@functools.lru_cache(maxsize=8)
def _parsed(text: str) -> Clock:
    return parse_clock(text)


def clock() -> Clock:
    """Return the clock that the settings describe."""
    return _parsed(settings.ORES_CLOCK)


def now() -> datetime:
    """Return the platform's present instant (UTC)."""
    return clock().now()
