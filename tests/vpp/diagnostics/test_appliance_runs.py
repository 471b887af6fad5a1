import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.diagnostics.faulty_parts import plugged_home
from vpp.diagnostics.appliance_runs import Habit, appliance_runs, habit_shift
from vpp.diagnostics.checks import DiagnosticsError, Floats

ANY = np.ones(96, dtype=np.bool_)


def test_runs_by_hand() -> None:
    """A run with two quarter-hours of rest in it, one too small, one beside a missing value, one too long."""
    power = np.zeros(120)
    power[4:6] = power[8:10] = 1.0
    power[20] = 0.1
    power[30:32], power[32] = 1.0, np.nan
    power[40:70] = 1.0
    power[80:84] = 0.5
    found = appliance_runs(power, step_h=0.25)
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == [(4, 10), (80, 84)]


def test_a_run_at_the_edge_of_the_data_may_have_begun_before() -> None:
    power = np.ones(16)
    power[6:10] = 0.0
    assert len(appliance_runs(power, step_h=0.25).starts) == 0


def days(evening_kw: float = 1.0) -> tuple[Floats, Floats]:
    """28 days with one hour of an appliance at 20:00, and a home that feeds in 3 kW from 12:00 to 13:30 and buys 0.5 else."""
    hours = np.tile(np.arange(96) / 4, 28)
    power = np.where((hours >= 20) & (hours < 21), evening_kw, 0.0)
    rest = np.where((hours >= 12) & (hours < 13.5), -3.0, 0.5)
    return power, rest + power


def habit(power: Floats, grid: Floats, *, sell: float = 0.08, allowed: object = ANY) -> Habit:
    found = habit_shift(
        power,
        grid,
        buy_per_kwh=np.full(len(power), 0.30),
        sell_per_kwh=sell,
        allowed=np.asarray(allowed),
        step_h=0.25,
    )
    assert found is not None
    return found


def test_what_sun_at_noon_saves_by_hand() -> None:
    """1 kWh at 0.30 in the evening, or 0.08 that feeding it in would have earned."""
    found = habit(*days())
    assert (found.runs, found.usual_slot) == (28, 80)
    assert found.kwh_per_run == pytest.approx(1.0)
    assert found.best_slot == 48
    assert found.cost == pytest.approx(np.full(28, 0.30))
    assert found.saving == pytest.approx(np.full(28, 0.22))
    assert found.confidence(0.1) == pytest.approx(1.0)
    assert found.cost_by_slot[48] == pytest.approx(0.08)


def test_only_what_the_sun_does_not_cover_is_bought() -> None:
    """4 kW for an hour while 3 kW are fed in."""
    assert habit(*days(4.0)).cost_by_slot[48] == pytest.approx(3 * 0.08 + 1 * 0.30)


def test_only_allowed_times_are_told() -> None:
    allowed = ANY.copy()
    allowed[40:60] = False
    found = habit(*days(), allowed=allowed)
    assert found.saving == pytest.approx(np.zeros(28))
    assert np.isnan(found.cost_by_slot[48])


def test_too_few_runs_make_no_habit() -> None:
    power, grid = days()
    power[5 * 96 :] = 0.0
    args = {"buy_per_kwh": np.full(len(power), 0.3), "sell_per_kwh": 0.1, "allowed": ANY, "step_h": 0.25}
    assert habit_shift(power, grid, **args) is None  # type: ignore[arg-type]
    assert habit_shift(np.ones(len(power)), grid, **args) is None  # type: ignore[arg-type]


def test_a_meter_that_is_not_known_prices_nothing() -> None:
    power, grid = days()
    args = {"buy_per_kwh": np.full(len(power), 0.3), "sell_per_kwh": 0.1, "allowed": ANY, "step_h": 0.25}
    assert habit_shift(power, grid * np.nan, **args) is None  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 19.0), st.floats(-0.05, 0.3))
def test_a_run_where_it_was_costs_what_the_bill_says(seed: int, hour: float, sell: float) -> None:
    """The costs of all runs are the bill with the appliance less the bill without it; and no better time is dearer."""
    home = plugged_home(seed, hour=hour)
    found = habit_shift(
        home.power_kw, home.grid_kw, buy_per_kwh=home.buy, sell_per_kwh=sell, allowed=ANY, step_h=0.25
    )
    assert found is not None

    def bill(grid: Floats) -> float:
        return float(np.where(grid > 0, grid * home.buy, grid * sell).sum()) / 4

    # Ends at a standby that is no part of a run.
    assert found.cost.sum() == pytest.approx(bill(home.grid_kw) - bill(home.grid_kw - home.power_kw))
    assert found.runs == len(home.starts)
    assert np.nanmin(found.cost_by_slot) == found.cost_by_slot[found.best_slot]


def test_savings_are_told_out_of_sample() -> None:
    """Prices that are noise: the best time of the past is no better than any other, and the saving is about none."""
    chance = np.random.default_rng(1)
    savings = []
    for seed in range(30):
        home = plugged_home(seed, hour=20.0)
        noise = chance.uniform(0.1, 0.5, len(home.buy))
        found = habit_shift(
            home.power_kw,
            np.abs(home.grid_kw) + 5.0,
            buy_per_kwh=noise,
            sell_per_kwh=0.0,
            allowed=ANY,
            step_h=0.25,
        )
        assert found is not None
        savings.append(float(found.saving.mean()))
    assert abs(np.mean(savings)) < 0.01


def test_what_does_not_fit_is_refused() -> None:
    power, grid = days()
    for wrong in (
        {"power_kw": -power - 1.0},
        {"buy_per_kwh": np.full(len(power), np.nan)},
        {"grid_kw": grid[:-1]},
        {"allowed": np.ones(95, dtype=np.bool_)},
        {"allowed": np.zeros(96, dtype=np.bool_)},
        {"step_h": 0.0},
    ):
        right = {
            "power_kw": power,
            "grid_kw": grid,
            "buy_per_kwh": np.full(len(power), 0.3),
            "allowed": ANY,
            "step_h": 0.25,
        }
        asked = right | wrong
        with pytest.raises(DiagnosticsError):
            habit_shift(asked.pop("power_kw"), asked.pop("grid_kw"), sell_per_kwh=0.1, **asked)  # type: ignore[arg-type]
