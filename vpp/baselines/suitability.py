"""Which baseline method fits a program: each one guesses past days without an event, on which the truth is known.

Methods are ranked by the portfolio's RRMSE, and among equals by bias; those that know markedly less of the homes
and days than the best-informed one come after the others, because leaving out difficult homes is no merit.

Sources: placebo days and the threshold of 20 % are PJM's certification of baselines (pjm.com), as in `accuracy`;
the order, and the share that counts as markedly less, are this library's choice.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.baselines.accuracy import PJM_GREATEST_RRMSE, Accuracy, accuracy
from vpp.baselines.data import EventData, checked
from vpp.baselines.days import BaselineError, DayType, day_type
from vpp.baselines.registry import Method, candidate_days, method_named
from vpp.baselines.result import Floats

NOTABLE_BIAS: Final = 0.03
ENOUGH_KNOWN: Final = 0.9


@dataclass(frozen=True, slots=True)
class DayHistory:
    """Power of S sites on L local days, N intervals a row; the event stands at the same place on every day.

    Parameters
    ----------
    power_kw
        (S, L, N) mean power [kW], load convention; NaN is missing. Rows may reach into the days before and after.
    dates
        L local dates, each once, in any order.
    event_starts, event_ends
        Positions of the event's hours in a row, half-open [1].
    midnight
        Position of the day's first interval in a row [1].
    intervals_per_hour
        Intervals in an hour [1/h].
    holidays, excluded
        As for `select_days`; excluded days are not guessed either.
    max_c
        (S, L) highest outdoor temperatures [degC]; None where they are not known.

    Raises
    ------
    BaselineError
        For arrays that do not fit each other, infinite values, repeated dates, or an event outside the row.
    """

    power_kw: Floats
    dates: Sequence[date]
    event_starts: int
    event_ends: int
    midnight: int = 0
    intervals_per_hour: int = 1
    holidays: Collection[date] = ()
    excluded: Collection[date] = ()
    max_c: Floats | None = None

    def __post_init__(self) -> None:
        power = checked(self.power_kw, dimensions=3)
        if len(self.dates) != power.shape[1] or len(set(self.dates)) != len(self.dates):
            raise BaselineError(f"{len(self.dates)} dates, or one of them twice, for {power.shape[1]} days")
        if not 0 <= self.event_starts < self.event_ends <= power.shape[2]:
            raise BaselineError(f"no event from {self.event_starts} to {self.event_ends} in {power.shape[2]}")
        if self.max_c is not None and np.shape(self.max_c) != power.shape[:2]:
            raise BaselineError(f"temperatures of shape {np.shape(self.max_c)} do not fit")
        object.__setattr__(self, "power_kw", power)

    def placebo_dates(self, count: int, *, of_type: DayType | None = None) -> tuple[date, ...]:
        """The latest days without an event, of one type or any, most recent first."""
        free = [
            day
            for day in self.dates
            if day not in self.excluded and (of_type is None or day_type(day, self.holidays) == of_type)
        ]
        return tuple(sorted(free, reverse=True)[:count])

    def event_data(self, method: Method, day: date) -> EventData:
        """What `method` may see for an event on `day`."""
        place = {one: index for index, one in enumerate(self.dates)}
        excluded = {*self.excluded, day}
        wanted = candidate_days(method, day, holidays=self.holidays, excluded=excluded)
        past = [place[one] for one in wanted if one in place]
        begin, end = self._row_of(method)
        highs = self.max_c
        return EventData(
            self.power_kw[:, past, begin:end],
            self.power_kw[:, place[day], begin:end],
            self.event_starts - begin,
            self.event_ends - begin,
            intervals_per_hour=self.intervals_per_hour,
            day_type=day_type(day, self.holidays),
            history_max_c=None if highs is None else highs[:, past],
            event_day_max_c=None if highs is None else highs[:, place[day]],
        )

    def _row_of(self, method: Method) -> tuple[int, int]:
        hour = self.intervals_per_hour
        begin = self.event_starts - method.before_hours * hour
        end = self.event_ends + method.after_hours * hour
        if method.whole_day:
            begin, end = min(begin, self.midnight), max(end, self.midnight + 24 * hour)
        return max(0, begin), min(end, self.power_kw.shape[2])


@dataclass(frozen=True, slots=True)
class Fit:
    """How a method did. `portfolio_kw` and `actual_kw` are the (T,) mean placebo event [kW], over the homes that
    had a baseline; NaN where none had. `known` is the share of homes and intervals with a baseline [1].
    """

    method: str
    title: str
    accuracy: Accuracy
    sites: int
    sites_within: int
    known: float
    portfolio_kw: Floats
    actual_kw: Floats

    @property
    def within(self) -> bool:
        """Whether the portfolio's RRMSE passes PJM's threshold."""
        return self.accuracy.portfolio_rrmse <= PJM_GREATEST_RRMSE


@dataclass(frozen=True, slots=True)
class Suitability:
    """Methods from the best to the worst, and what is to be said of them."""

    fits: tuple[Fit, ...]
    placebo_dates: tuple[date, ...]
    sentences: tuple[str, ...]


def suitability(history: DayHistory, methods: Sequence[str], *, placebo_dates: Sequence[date]) -> Suitability:
    """Let each method guess the placebo days, and rank them.

    Parameters
    ----------
    history
        The homes' past, with at least the days before the earliest placebo day that methods look back to.
    methods
        Names of the candidates, each once.
    placebo_dates
        Days of the history without an event, for example from `DayHistory.placebo_dates`.

    Raises
    ------
    BaselineError
        For an unknown method, no method or no day, or a placebo day that is not in the history or excluded.
    """
    found = [method_named(name) for name in dict.fromkeys(methods)]
    known_days = set(history.dates) - set(history.excluded)
    if not found or not placebo_dates or not known_days.issuperset(placebo_dates):
        raise BaselineError("methods are compared on days of the history that had no event")
    fits = [_fit(history, method, days=placebo_dates) for method in found]
    most = max(fit.known for fit in fits)

    def order(fit: Fit) -> tuple[bool, float, float]:
        error, bias = fit.accuracy.portfolio_rrmse, abs(fit.accuracy.portfolio_bias)
        behind = fit.known < ENOUGH_KNOWN * most or np.isnan(error)
        return behind, np.inf if np.isnan(error) else error, np.inf if np.isnan(bias) else bias

    ranked = tuple(sorted(fits, key=order))
    return Suitability(ranked, tuple(placebo_dates), tuple(_sentences(ranked)))


def _fit(history: DayHistory, method: Method, *, days: Sequence[date]) -> Fit:
    event = slice(history.event_starts, history.event_ends)
    place = [list(history.dates).index(day) for day in days]
    guesses = np.stack(
        [method.calculate(history.event_data(method, day)).baseline_kw for day in days], axis=1
    )
    actual = history.power_kw[:, place, event]
    found = accuracy(guesses, actual)
    both: NDArray[np.bool_] = ~(np.isnan(guesses) | np.isnan(actual))
    measured = int((~np.isnan(actual)).sum())
    return Fit(
        method.name,
        method.title,
        found,
        int((found.intervals > 0).sum()),
        int((found.rrmse <= PJM_GREATEST_RRMSE).sum()),
        float(both.sum() / measured) if measured else 0.0,
        _portfolio_kw(guesses, both),
        _portfolio_kw(actual, both),
    )


def _portfolio_kw(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """(T,) the homes' sum, as a mean over the days that anything is known of [kW]."""
    days = known.any(axis=0).sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=(0, 1))
    mean: Floats = np.divide(total, days, out=np.full(len(total), np.nan), where=days > 0)
    return mean


def _sentences(ranked: Sequence[Fit]) -> Iterator[str]:
    best = ranked[0]
    if np.isnan(best.accuracy.portfolio_rrmse):
        yield "No method could be judged: there is too little data."
        return
    within = "within" if best.within else "beyond"
    yield (
        f"{best.title} fits best: RRMSE {best.accuracy.portfolio_rrmse:.0%}, {within} PJM's "
        f"{PJM_GREATEST_RRMSE:.0%}; alone, {best.sites_within} of {best.sites} homes are within it."
    )
    for fit in ranked:
        bias = fit.accuracy.portfolio_bias
        if fit.known == 0.0:
            yield f"{fit.title} has no baseline on any of these days."
        elif abs(bias) >= NOTABLE_BIAS:
            word = "overstates" if bias > 0 else "understates"
            yield f"{fit.title} {word} by {abs(bias):.0%}."
    behind = [fit for fit in ranked if 0.0 < fit.known < ENOUGH_KNOWN * max(one.known for one in ranked)]
    for fit in behind:
        yield f"{fit.title} knows only {fit.known:.0%} of homes and hours, so it is ranked after the others."
