from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.baselines.accuracy import placebo_accuracy
from vpp.baselines.days import BaselineError
from vpp.baselines.names import TITLES
from vpp.baselines.registry import method_named
from vpp.baselines.suitability import DayHistory, suitability

MONDAY = date(2026, 3, 2)


def history_of(power_kw: np.ndarray, **changes: object) -> DayHistory:
    """Days up to a Monday, hourly from midnight; the event is 17 to 19 h."""
    dates = [MONDAY - timedelta(days=back) for back in range(power_kw.shape[1])]
    return replace(DayHistory(power_kw, dates, 17, 19), **changes)  # type: ignore[arg-type]


def rising(days: int = 60) -> np.ndarray:
    """Every day is 1 % of the first above the day before, at all hours."""
    level = 10.0 - 0.1 * np.arange(days)
    return np.tile(level[None, :, None], (2, 1, 24))


def test_ranks_and_says_why() -> None:
    """Weekdays of a steady rise: the meter before is exact, 10 of 10 without correction lags."""
    history = history_of(rising())
    days = [day for day in history.placebo_dates(7) if day.weekday() < 5][:3]
    found = suitability(
        history, ["ercot_middle_8_of_10", "meter_before_after", "pjm_match_day"], placebo_dates=days
    )
    assert [fit.method for fit in found.fits] == [
        "meter_before_after",
        "ercot_middle_8_of_10",
        "pjm_match_day",
    ]
    assert found.fits[0].accuracy.portfolio_rrmse == 0.0
    assert [fit.within for fit in found.fits] == [True, True, True]
    match_day = found.fits[-1].accuracy.portfolio_bias
    assert match_day == pytest.approx(-(0.4 + 0.2 + 0.2) / (10 + 9.7 + 9.6))
    assert found.sentences == (
        "Meter before / meter after fits best: RRMSE 0%, within PJM's 20%; alone, 2 of 2 homes are within it.",
    )


def test_says_who_overstates() -> None:
    """A level that has just halved: yesterday's days overstate by half a day's worth or more."""
    power = np.full((1, 60, 24), 2.0)
    power[:, :1] = 1.0
    found = suitability(history_of(power), ["pjm_match_day"], placebo_dates=[MONDAY])
    assert found.sentences == (
        "PJM Match Day (3-day average) fits best: RRMSE 100%, beyond PJM's 20%; "
        "alone, 0 of 1 homes are within it.",
        "PJM Match Day (3-day average) overstates by 100%.",
    )


def test_portfolio_by_day_and_same_numbers_as_placebo_accuracy() -> None:
    """Weekdays only, so that a method's days are simply the rows that follow."""
    chance = np.random.default_rng(2)
    power = chance.gamma(3, 1, (3, 60, 24))
    history = history_of(power)
    days = [MONDAY]
    found = suitability(history, ["pjm_high_4_of_5"], placebo_dates=days).fits[0]
    weekdays = [index for index, day in enumerate(history.dates) if day.weekday() < 5]
    expected = placebo_accuracy(
        method_named("pjm_high_4_of_5").calculate,
        power[:, weekdays],
        event_starts=17,
        event_ends=19,
        placebo_days=1,
    )
    assert found.accuracy.rrmse == pytest.approx(expected.rrmse)
    assert found.accuracy.portfolio_bias == pytest.approx(expected.portfolio_bias)
    assert found.actual_kw == pytest.approx(power[:, 0, 17:19].sum(axis=0))
    assert found.portfolio_kw.sum() / found.actual_kw.sum() - 1 == pytest.approx(
        found.accuracy.portfolio_bias
    )


def test_a_method_that_leaves_out_homes_comes_last() -> None:
    """The second home misses every hour before 16 h, which only the meter just before can do without."""
    power = rising()
    power[1] = np.random.default_rng(1).gamma(1, 10, power[1].shape)  # nobody can guess this home
    power[1, :, :16] = np.nan
    history = history_of(power)
    found = suitability(history, ["mean_10_of_10", "meter_before_after"], placebo_dates=[MONDAY])
    assert [fit.method for fit in found.fits] == ["meter_before_after", "mean_10_of_10"]
    assert [fit.known for fit in found.fits] == [1.0, 0.5]
    assert found.sentences[-1].endswith(
        "knows only 50% of homes and hours, so it is ranked after the others."
    )


def test_nothing_known() -> None:
    found = suitability(history_of(np.full((2, 60, 24), np.nan)), ["mean_10_of_10"], placebo_dates=[MONDAY])
    assert found.sentences == ("No method could be judged: there is too little data.",)
    assert (found.fits[0].known, found.fits[0].sites) == (0.0, 0)


def test_weather_methods_are_told_temperatures() -> None:
    history = history_of(rising())
    without = suitability(history, ["weather_matching"], placebo_dates=[MONDAY])
    assert without.fits[0].known == 0.0
    known = replace(history, max_c=np.full((2, 60), 20.0))
    assert suitability(known, ["weather_matching"], placebo_dates=[MONDAY]).fits[0].known == 1.0


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(list(TITLES)), st.integers(0, 10**6), st.floats(0, 100))
def test_a_guess_never_sees_the_day_itself_or_later_days(name: str, seed: int, other: float) -> None:
    chance = np.random.default_rng(seed)
    power = chance.gamma(2, 1, (2, 50, 24))
    changed = power.copy()
    changed[:, :5] = other  # later days
    changed[:, 5, 17:19] = other  # the event itself
    day = MONDAY - timedelta(days=5)
    method = method_named(name)
    highs = chance.normal(20, 5, (2, 50))
    one, two = (
        method.calculate(history_of(values, max_c=highs).event_data(method, day))
        for values in (power, changed)
    )
    assert np.array_equal(one.baseline_kw, two.baseline_kw, equal_nan=True)


def test_excluded_days_are_neither_guessed_nor_averaged() -> None:
    power = np.full((1, 30, 24), 2.0)
    power[:, 3] = 50.0
    history = history_of(power, excluded={MONDAY - timedelta(days=3)})
    assert MONDAY - timedelta(days=3) not in history.placebo_dates(30)
    found = suitability(history, ["pjm_high_4_of_5"], placebo_dates=[MONDAY])
    assert found.fits[0].accuracy.portfolio_rrmse == 0.0
    with pytest.raises(BaselineError):
        suitability(history, ["pjm_high_4_of_5"], placebo_dates=[MONDAY - timedelta(days=3)])


@pytest.mark.parametrize("methods", [[], ["ten_of_ten"]])
def test_no_or_unknown_methods_are_refused(methods: list[str]) -> None:
    with pytest.raises(BaselineError):
        suitability(history_of(rising()), methods, placebo_dates=[MONDAY])


def test_history_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BaselineError):
        DayHistory(np.ones((1, 2, 24)), [MONDAY, MONDAY], 17, 19)
    with pytest.raises(BaselineError):
        DayHistory(np.ones((1, 1, 24)), [MONDAY], 19, 17)
    with pytest.raises(BaselineError):
        DayHistory(np.ones((1, 1, 24)), [MONDAY], 17, 19, max_c=np.ones((2, 1)))
    with pytest.raises(BaselineError):
        suitability(history_of(rising()), ["mean_10_of_10"], placebo_dates=[])
