"""The grid connection's limits while nobody is heard: every state, every way out of it."""

import pytest

from edge_agent.config import Failsafe
from edge_agent.controllers.failsafe import FailsafeController, LimitState
from tests.edge_agent.test_island import image
from vpp.energy_manager.safety import DeviceLimits, device_ranges

LIMITS = DeviceLimits({"battery": (-4.0, 5.0), "pv": (-8.0, 0.0)}, 10.0, 0.9, 0.2)
S = 1000
HOUR = 3600


class Line:
    """A controller, and what it hears."""

    def __init__(self, config: Failsafe | None = None) -> None:
        self.is_heard = False
        self.limits_at: int | None = None
        self.failsafe = FailsafeController(
            config or Failsafe(import_kw=2.0, export_kw=1.0),
            connected=lambda at: self.is_heard,
            limits_heard_at=lambda: self.limits_at,
        )

    def at(self, seconds: int, *, heard: bool, limits: bool = False) -> LimitState:
        self.is_heard = heard
        if limits:
            self.limits_at = seconds * S
        self.failsafe.control(image(at=seconds * S, on_grid=True), device_ranges(LIMITS))
        return self.failsafe.state


INIT, CONTROLLED, FAILSAFE, AUTONOMOUS = LimitState


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ([(0, "")], INIT),
        ([(0, ""), (119, "")], INIT),
        ([(0, ""), (120, "")], AUTONOMOUS),
        ([(0, ""), (5, "h")], INIT),
        ([(0, ""), (5, "hl")], CONTROLLED),
        ([(0, "h"), (119, "h")], INIT),
        ([(0, "h"), (120, "h")], CONTROLLED),
        ([(0, "hl"), (5, "")], FAILSAFE),
        ([(0, "hl"), (5, ""), (7204, "")], FAILSAFE),
        ([(0, "hl"), (5, ""), (7205, "")], AUTONOMOUS),
        ([(0, "hl"), (5, ""), (9, "h")], FAILSAFE),
        ([(0, "hl"), (5, ""), (9, "hl")], CONTROLLED),
        ([(0, "hl"), (5, ""), (9, "h"), (129, "h")], CONTROLLED),
        ([(0, "hl"), (5, ""), (9, "h"), (100, ""), (150, "h"), (220, "h")], FAILSAFE),
        ([(0, ""), (120, ""), (130, "h")], AUTONOMOUS),
        ([(0, ""), (120, ""), (130, "hl")], CONTROLLED),
    ],
)
def test_states(heard: list[tuple[int, str]], found: LimitState) -> None:
    line = Line()
    for seconds, what in heard:
        state = line.at(seconds, heard="h" in what, limits="l" in what)
    assert state is found


def test_start_holds_the_failsafe_limits_and_says_why() -> None:
    line = Line()
    allowed = device_ranges(LIMITS)
    line.failsafe.control(image(on_grid=True, load_kw=1.5), allowed)
    battery = allowed.ranges["battery"]
    assert (battery.low, battery.high, battery.by) == (-2.5, 0.5, "failsafe")
    assert battery.reason == "starting, limits unknown: at most 2 kW in, 1 kW out"


def test_limits_end_with_control() -> None:
    line = Line()
    line.at(0, heard=True, limits=True)
    allowed = device_ranges(LIMITS)
    line.failsafe.control(image(at=1 * S, on_grid=True), allowed)
    assert allowed.ranges["battery"].by == "device"


def test_without_a_configuration_nobody_limits() -> None:
    failsafe = FailsafeController(None, connected=lambda at: False, limits_heard_at=lambda: None)
    allowed = device_ranges(LIMITS)
    failsafe.control(image(on_grid=True), allowed)
    assert allowed.ranges["battery"].by == "device"
