"""Control of slow devices settles: an inverter that answers and tells seconds late does not make the home swing."""

import random
from collections.abc import Sequence

import pytest

from tests.vpp.energy_manager.slow_home import RATED_KW, Lateness, SlowHome
from vpp.energy_manager.controllers import Controller
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.controllers.self_consumption import SelfConsumptionController
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits

LATE = [
    Lateness(lag_s=3.0, told_s=3),
    Lateness(lag_s=5.0, told_s=5),
    Lateness(dead_s=3, told_s=3),
    Lateness(dead_s=5, lag_s=1.0, told_s=5),
    Lateness(dead_s=1, told_s=1),
    Lateness(dead_s=2, lag_s=1.0, meter_s=4),
    Lateness(lag_s=1.0, told_s=4, meter_s=1),
]


class Charging:
    """Somebody who wants the battery to charge."""

    name = "charging"

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        allowed.want("battery", 5.0, by=self.name, reason="a wish")


def limits() -> DeviceLimits:
    return DeviceLimits({"battery": (-RATED_KW, RATED_KW)}, battery_kwh=20.0)


def home(late: Lateness, *controllers: Controller) -> SlowHome:
    return SlowHome(late, controllers, limits())


def live(one: SlowHome, loads_kw: Sequence[float]) -> tuple[list[float], list[float]]:
    """What the meter shows and the battery is told, second by second [kW]."""
    found = [one.second(load_kw) for load_kw in loads_kw]
    return [grid for grid, _ in found], [told for _, told in found]


def swings(told: Sequence[float]) -> int:
    """How often the orders turn round by more than 0.2 kW."""
    turns, direction, last = 0, 0, told[0]
    for kw in told:
        if abs(kw - last) > 0.2:
            turns += direction not in (0, 1 if kw > last else -1)
            direction, last = (1 if kw > last else -1), kw
    return turns


@pytest.mark.parametrize("late", LATE, ids=str)
def test_self_consumption_settles_after_a_step_of_the_load(late: Lateness) -> None:
    one = home(late, SelfConsumptionController())
    live(one, [1.0] * 60)
    grid, told = live(one, [4.0] * 180)
    assert max(abs(kw) for kw in grid[90:]) < 0.1
    assert max(told[90:]) - min(told[90:]) < 0.1
    assert swings(told) <= 2


@pytest.mark.parametrize("late", LATE, ids=str)
def test_import_limit_is_kept_and_held_still(late: Lateness) -> None:
    """A battery that is to charge with 5 kW may take what the load leaves of 6 kW."""
    grid_limits = LimitsController(limits(), GridLimits(import_kw=6.0, export_kw=6.0), cycle_s=1.0)
    one = home(late, grid_limits, Charging())
    live(one, [0.5] * 60)
    grid, told = live(one, [4.0] * 180)
    assert max(grid[60:]) < 6.1
    assert told[-1] == pytest.approx(2.0, abs=0.05)
    assert max(told[90:]) - min(told[90:]) < 0.1


@pytest.mark.parametrize("late", LATE, ids=str)
def test_restless_load_is_not_amplified(late: Lateness) -> None:
    """A load that wanders by 1 kW leaves no more at the meter than twice that, minutes on end."""
    draw = random.Random(7)
    one = home(late, SelfConsumptionController())
    grid, _ = live(one, [2.0 + draw.uniform(-0.5, 0.5) for _ in range(600)])
    assert max(abs(kw) for kw in grid[120:]) < 2.0


def test_step_of_the_load_is_followed_at_once_where_the_battery_stands_still() -> None:
    one = home(Lateness(), SelfConsumptionController())
    live(one, [1.0] * 60)
    _, told = live(one, [4.0] * 3)
    assert told == pytest.approx([-4.0] * 3, abs=0.05)
