"""Which past days a baseline is made of."""

from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Literal

from vpp.errors import VppError

DayType = Literal["weekday", "weekend"]
DayRule = Callable[[date, Collection[date]], str]


class BaselineError(VppError):
    """A baseline that is asked for wrongly: shapes, infinities, impossible counts."""

    code = "invalid_baseline_request"


def day_type(day: date, holidays: Collection[date] = ()) -> DayType:
    """Monday to Friday are weekdays; Saturdays, Sundays and holidays count as weekend."""
    return "weekend" if day.weekday() >= 5 or day in holidays else "weekday"


def day_type_with_saturday(day: date, holidays: Collection[date] = ()) -> str:
    """Tell Saturdays from Sundays, which holidays count as: PJM's and ISO New England's three types."""
    if day.weekday() == 6 or day in holidays:
        return "sunday"
    return "saturday" if day.weekday() == 5 else "weekday"


def any_day(day: date, holidays: Collection[date] = ()) -> str:
    """Take all days for one type: AEMO's "all days"."""
    return "day"


def select_days(
    event_date: date,
    *,
    wanted: int = 10,
    look_back_days: int = 45,
    holidays: Collection[date] = (),
    excluded: Collection[date] = (),
    type_of: DayRule = day_type,
) -> tuple[date, ...]:
    """Choose the latest days of the event day's type, most recent first.

    The frame is CAISO's 10-of-10: 10 days of the same type within 45 days, event days and outages left
    out. CAISO asks only 4 days of a weekend; pass `wanted` for that. The 45 days are from a secondary
    source (Nexant, Baseline Accuracy Work Group proposal, 2017) and were not checked in the tariff.

    Parameters
    ----------
    event_date
        Local date of the event.
    wanted
        How many days [1]; fewer are returned where the look-back holds fewer.
    look_back_days
        How far back [d].
    holidays
        Local dates that count as weekend.
    excluded
        Days never taken: earlier events, outages.
    type_of
        Tells the types of days apart.

    Raises
    ------
    BaselineError
        For a count below 1.
    """
    if wanted < 1 or look_back_days < 1:
        raise BaselineError(f"cannot choose {wanted} days out of {look_back_days}")
    wanted_type = type_of(event_date, holidays)
    earlier = (event_date - timedelta(days=back) for back in range(1, look_back_days + 1))
    eligible = [day for day in earlier if day not in excluded and type_of(day, holidays) == wanted_type]
    return tuple(eligible[:wanted])
