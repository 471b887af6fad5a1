"""Bad input to the battery oracle: a named error that names the homes."""

from typing import Any

import numpy as np
import pytest

from vpp.scheduling.battery_oracle import Path, solve_batteries
from vpp.scheduling.battery_problem import MOST_STEPS, BatteryProblem, InfeasibleScheduleError, ScheduleError

NAN = float("nan")


def homes(**changed: Any) -> BatteryProblem:
    fields: dict[str, Any] = {
        "net_kw": np.ones((3, 4)),
        "buy_per_kwh": np.full(4, 0.3),
        "sell_per_kwh": np.full(4, 0.1),
        "step_h": 0.25,
        "start_kwh": np.array([1.0, 2.0, 3.0]),
        "most_kwh": 5.0,
        "charge_kw": 2.0,
        "discharge_kw": 2.0,
        "names": ("Elm 1", "Elm 2", "Elm 3"),
    }
    return BatteryProblem(**(fields | changed))


def with_value(shape: tuple[int, ...], place: Any, value: float) -> Any:
    made = np.ones(shape)
    made[place] = value
    return made


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"net_kw": with_value((3, 4), (1, 2), NAN)}, "net_kw is not a finite number: Elm 2"),
        ({"net_kw": np.ones(4)}, r"net_kw needs homes and steps, its shape is \(4,\)"),
        ({"net_kw": np.ones((0, 4))}, "net_kw needs homes and steps"),
        (
            {"buy_per_kwh": np.array([0.1, np.inf, 0.1, 0.1])},
            "buy_per_kwh is not a finite number, for all homes",
        ),
        ({"sell_per_kwh": with_value((3, 4), (2, 0), NAN)}, "sell_per_kwh is not a finite number: Elm 3"),
        ({"buy_per_kwh": np.ones(3)}, r"buy_per_kwh of shape \(3,\) does not fit 3 homes and 4 steps"),
        ({"buy_per_kwh": np.array(["a"] * 4)}, "buy_per_kwh is not an array of numbers"),
        ({"start_kwh": np.array([1.0, -1.0, NAN])}, "start_kwh is not .* 0 or more: Elm 2, Elm 3"),
        ({"most_kwh": -1.0}, "most_kwh is not a finite number of 0 or more, for all homes"),
        ({"most_kwh": 2.5, "least_kwh": np.array([0.0, 3.0, 0.0])}, "least_kwh is above most_kwh: Elm 2"),
        ({"charge_kw": with_value((3, 4), (0, 3), -1.0)}, "charge_kw is not .*: Elm 1"),
        ({"charge_efficiency": 0.0}, "charge_efficiency is not more than 0 and at most 1"),
        ({"discharge_efficiency": np.array([1.0, 1.0, 1.1])}, "discharge_efficiency is not .*: Elm 3"),
        ({"wear_per_kwh": -0.1}, "wear_per_kwh is not"),
        ({"end_kwh": np.array([5.0, 5.1, NAN])}, "end_kwh is not a finite number of 0 or more: Elm 3"),
        ({"end_kwh": np.array([5.0, 5.1, 5.0])}, "end_kwh is above most_kwh: Elm 2"),
        ({"step_h": 0.0}, "step_h is 0.0"),
        ({"step_h": NAN}, "step_h is nan"),
        ({"names": ("Elm 1",)}, "1 names do not fit 3 homes"),
        ({"net_kw": np.ones((1, MOST_STEPS + 1))}, "split the horizon"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        homes(**changed)


@pytest.mark.parametrize("path", ["compiled", "numpy"])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"end_kwh": np.array([1.0, 5.0, 5.0])}, "by its end .*: Elm 2, Elm 3$"),  # at most 1.9 kWh more
        ({"least_kwh": np.array([2.0, 2.0, 2.0])}, "by step 0 .*: Elm 1$"),
        ({"most_kwh": np.array([5.0, 1.0, 5.0]), "end_kwh": 0.0}, "by step 0 .*: Elm 2$"),
        ({"start_kwh": 2.0, "charge_kw": 0.0, "end_kwh": 3.0, "names": ()}, ": home 0, home 1, home 2$"),
    ],
)
def test_homes_that_cannot_keep_their_bounds_are_named(
    path: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(InfeasibleScheduleError, match=said):
        solve_batteries(homes(**changed), path=path)


def test_many_homes_are_counted_rather_than_listed() -> None:
    with pytest.raises(ScheduleError, match=r"home 0, home 1, home 2, home 3, home 4 and 95 more$"):
        homes(net_kw=np.full((100, 4), NAN), start_kwh=1.0, names=())


@pytest.mark.parametrize("path", ["compiled", "numpy"])
def test_a_home_without_a_battery_pays_for_what_it_draws(path: Path) -> None:
    result = solve_batteries(homes(start_kwh=0.0, most_kwh=0.0), path=path)
    assert result.objective == pytest.approx([0.3] * 3, abs=1e-12)
    assert result.grid_kw.tolist() == np.ones((3, 4)).tolist()
