"""The home without the grid: balance, reserve, what is shed first, and the way back."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config import Island
from edge_agent.controllers.island import IslandController
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits, device_ranges

LIMITS = DeviceLimits(
    {"battery": (-4.0, 5.0), "pv": (-8.0, 0.0), "ev": (0.0, 11.0), "heat": (0.0, 3.0)}, 10.0, 0.9, 0.2
)


def image(*, at: int = 0, **values: Any) -> ProcessImage:
    known: dict[str, Any] = {
        "grid_kw": 0.0, "import_kwh": 0.0, "export_kwh": 0.0, "load_kw": 1.0, "pv_kw": 0.0, "ev_kw": 0.0,
        "heat_kw": 0.0, "battery_kw": -1.0, "battery_soc": 0.8, "on_grid": False,
    }  # fmt: skip
    return ProcessImage(at=at, **(known | values))


def home(draw: float = 0.5, **options: float) -> tuple[LimitsController, IslandController]:
    limits = LimitsController(LIMITS, GridLimits(), cycle_s=3600.0, least_soc=0.03)
    return limits, IslandController(LIMITS, Island(**options), draw=lambda: draw)  # type: ignore[arg-type]


def decide(controllers: tuple[LimitsController, IslandController], now: ProcessImage) -> Allowed:
    allowed = device_ranges(LIMITS)
    for controller in controllers:
        controller.control(now, allowed)
    return allowed


def reach(allowed: Allowed) -> dict[str, tuple[float, float]]:
    return {key: (held.low, held.high) for key, held in allowed.ranges.items()}


def test_battery_carries_the_home_and_nothing_is_exported() -> None:
    allowed = decide(home(), image(load_kw=1.5, pv_kw=-0.5))
    assert reach(allowed)["battery"] == (-1.0, -1.0)
    # Up to the load of 1.5 kW and the 5 kW that the battery takes.
    assert reach(allowed)["pv"] == (-6.5, 0.0)
    assert allowed.ranges["pv"].reason == "no grid: nothing is exported"


def test_full_battery_leaves_the_sun_only_what_the_home_draws() -> None:
    assert reach(decide(home(), image(battery_soc=1.0, load_kw=1.5)))["pv"] == (-1.5, 0.0)


def test_reserve_is_there_to_be_used_without_a_grid() -> None:
    assert reach(decide(home(), image(battery_soc=0.1, load_kw=0.4)))["battery"] == (-0.4, -0.4)
    with_grid = decide(home(), image(battery_soc=0.1, load_kw=0.4, on_grid=True))
    assert with_grid.ranges["battery"].low == 0.0


def test_last_of_the_battery_stays_in_it() -> None:
    assert decide(home(), image(battery_soc=0.03)).ranges["battery"].low == 0.0


@pytest.mark.parametrize(
    ("soc", "shed"), [(0.45, []), (0.39, ["ev"]), (0.31, ["ev"]), (0.29, ["ev", "heat"]), (0.1, ["ev", "heat"])]
)  # fmt: skip
def test_loads_go_in_the_owners_order(soc: float, shed: list[str]) -> None:
    allowed = decide(home(), image(battery_soc=soc))
    assert [key for key in ("ev", "heat") if "owner's list" in allowed.ranges[key].reason] == shed
    assert all(reach(allowed)[key] == (0.0, 0.0) for key in shed)


def test_shed_load_comes_back_only_well_above_where_it_went() -> None:
    controllers = home()
    states = [0.39, 0.41, 0.44, 0.46]
    found = [reach(decide(controllers, image(battery_soc=soc)))["ev"][1] == 0.0 for soc in states]
    assert found == [True, True, True, False]


def test_what_battery_and_sun_cannot_give_is_not_drawn() -> None:
    allowed = decide(home(), image(load_kw=3.0, pv_kw=-1.0, heat_kw=1.5))
    # 4 kW and 1 kW of sun carry 3 kW of load; the heat pump, shed last, has 2 kW, the car what that leaves.
    assert reach(allowed)["heat"] == (0.0, 2.0)
    assert reach(allowed)["ev"] == (0.0, 0.5)


def test_home_takes_part_again_after_a_wait_of_its_own() -> None:
    controllers = home(draw=0.5)
    decide(controllers, image(at=0))
    back = decide(controllers, image(at=1_000, on_grid=True, pv_kw=-3.0, load_kw=1.0))
    assert (reach(back)["ev"], reach(back)["pv"]) == ((0.0, 0.0), (-1.0, 0.0))
    assert back.ranges["ev"].reason == "the grid is back: waiting 180 s before taking part again"
    assert controllers[1].is_apart
    again = decide(controllers, image(at=181_000, on_grid=True))
    assert (reach(again)["ev"], controllers[1].is_apart) == ((0.0, 11.0), False)


def test_grid_that_goes_while_waiting_begins_the_wait_anew() -> None:
    controllers = home(draw=0.0)
    for now in (image(at=0), image(at=1_000, on_grid=True), image(at=2_000), image(at=60_000, on_grid=True)):
        decide(controllers, now)
    assert reach(decide(controllers, image(at=61_500, on_grid=True)))["ev"] == (0.0, 0.0)
    assert reach(decide(controllers, image(at=120_000, on_grid=True)))["ev"] == (0.0, 11.0)


def cases() -> Iterator[tuple[str, tuple[float, float]]]:
    yield from {
        "load_kw": (0.0, 8.0),
        "pv_kw": (-8.0, 0.0),
        "ev_kw": (0.0, 11.0),
        "heat_kw": (0.0, 3.0),
    }.items()


@given(
    st.fixed_dictionaries({name: st.floats(*bounds) for name, bounds in cases()}), st.floats(0.0, 1.0), st.booleans()
)  # fmt: skip
def test_an_island_never_widens_and_never_asks_to_export(
    powers: dict[str, Any], soc: float, on_grid: bool
) -> None:
    now = image(battery_soc=soc, on_grid=on_grid, **powers)
    limits, island = home()
    before = device_ranges(LIMITS)
    limits.control(now, before)
    kept = reach(before)
    island.control(now, before)
    after = reach(before)
    assert all(kept[key][0] <= after[key][0] <= after[key][1] <= kept[key][1] for key in kept)
    if not on_grid:
        takes_kw = 0.0 if soc >= 1.0 else 5.0
        drawn_kw = now.load_kw + powers["ev_kw"] + powers["heat_kw"]
        assert -after["pv"][0] <= drawn_kw + takes_kw + 1e-9
