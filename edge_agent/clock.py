"""The hub's only source of `now` for domain questions; scalable by the environment variable ORES_CLOCK.

    ORES_CLOCK="<simulated start, ISO 8601>@<machine start, Unix seconds>x<scale>"

Security (tokens, sessions, back-off) uses the machine's own clock instead.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vpp.intervals import IntervalError, to_ms

# No hub was made before; a clock that says so has lost its battery.
_EARLIEST_TRUSTED_MS = 1_735_689_600_000  # 2025-01-01


class ClockError(ValueError):
    """ORES_CLOCK cannot be read."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Simulated time runs `scale` times as fast as the machine's, from the given pair of instants."""

    simulated_start_ms: int = 0
    machine_start_s: float = 0.0
    scale: float = 1.0
    machine: Callable[[], float] = field(default=time.time)

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self.simulated_start_ms + int((self.machine() - self.machine_start_s) * self.scale * 1000)

    def machine_seconds_until(self, at_ms: int) -> float:
        """How long to sleep until `at_ms` [s]; 0 when it is past."""
        return max(0.0, (at_ms - self.now_ms()) / 1000.0 / self.scale)

    @property
    def trusted(self) -> bool:
        """Whether `now` can be true."""
        return self.now_ms() >= _EARLIEST_TRUSTED_MS


def clock_from_environment(environment: Mapping[str, str]) -> Clock:
    """The clock that ORES_CLOCK asks for, else real time."""
    text = environment.get("ORES_CLOCK", "").strip()
    if not text:
        return Clock()
    try:
        start, machine = text.split("@")
        machine_start, scale = machine.split("x")
        clock = Clock(to_ms(datetime.fromisoformat(start)), float(machine_start), float(scale))
    except (ValueError, IntervalError) as error:
        raise ClockError(f"ORES_CLOCK={text!r}: {error}") from None
    if not 0 < clock.scale < 1e6:
        raise ClockError(f"ORES_CLOCK={text!r}: the scale must be positive")
    return clock
