"""What the demo prints: scenes, and in each what every controller decided and why."""

import re
import time

from edge_agent.outbox import Decided
from tests.edge_demo.house import Sample
from vpp.intervals import from_ms

_NUMBER = re.compile(r"\d+(\.\d+)?")
_SMALL_KW = 0.05
_INDENT = " " * 10


class Table:
    """Decisions as lines. One that differs from an earlier one in numbers alone is kept, and not printed again."""

    def __init__(self) -> None:
        self.began_s = time.monotonic()
        self.decisions: list[Decided] = []
        self._number = 0
        self._printed: set[tuple[str, str, str]] = set()

    def scene(self, name: str) -> None:
        """Begin a scene."""
        self._number += 1
        self._printed.clear()
        print(f"\n[{time.monotonic() - self.began_s:5.1f} s] {self._number}. {name}", flush=True)

    def again(self) -> None:
        """Forget what was: the hub was up too late for the story."""
        self.line("the machine is busy: once more, with more time to start")
        self.decisions.clear()
        self._printed.clear()
        self._number = 0

    def say(self, at: int, text: str) -> None:
        """A line of what happens in the house; what is decided from then on is printed again."""
        self._printed.clear()
        print(f"{_INDENT}{from_ms(at):%H:%M}  {text}", flush=True)

    def line(self, text: str) -> None:
        """A line without a time."""
        print(f"{_INDENT}{text}", flush=True)

    def take(self, decisions: list[Decided]) -> None:
        """Keep them all, and print those that say something new."""
        self.decisions += decisions
        for one in decisions:
            sense = one.resource, one.controller, _NUMBER.sub("#", one.reason)
            if sense not in self._printed:
                self._printed.add(sense)
                who = f"{one.resource:<8} {one.controller:<17} {decided(one):<23}"
                print(f"{_INDENT}{from_ms(one.at):%H:%M}  {who} {one.reason}", flush=True)


def decided(one: Decided) -> str:
    """A range of powers in words."""
    low, high = one.low_kw, one.high_kw
    if one.resource == "pv":
        return f"give up to {-low:.1f} kW" if low < 0.0 else "give nothing"
    if low == high:
        return _pinned(low)
    if one.resource == "battery" and low < 0.0:
        return f"{-low:.1f} kW out to {high:.1f} in"
    return f"take up to {high:.1f} kW"


def _pinned(kw: float) -> str:
    if abs(kw) < _SMALL_KW:
        return "rest"
    return f"take {kw:.1f} kW" if kw > 0.0 else f"give {-kw:.1f} kW"


def house_line(one: Sample) -> str:
    """The house in one line."""
    drawn = f"household {one.load_kw:.1f}, boiler {one.heat_kw:.1f}, car {one.ev_kw:.1f}"
    grid = f"grid {one.grid_kw:+.1f} kW" if one.on_grid else "no grid"
    return f"sun {-one.pv_kw:.1f} kW, {drawn}; battery {one.soc:.0%}, {_pinned(one.battery_kw)}; {grid}"
