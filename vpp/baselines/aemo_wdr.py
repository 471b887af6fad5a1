"""AEMO's wholesale demand response (WDR): four variants on CAISO's 10-of-10, and who may take part.

The variants differ by the days they take: all days alike, business days only, non-business days only, or, as
a composite, business days for a business day and non-business days for the others. A variant for one kind of
day has no baseline on the other. The days and their correction are those of `caiso_ten_of_ten`: 10 days, 4 of
the non-business ones, a ratio over hours 2, 3 and 4 before the event within 20 %.

A site is eligible when its baseline passes a threshold of error and one of bias on days without an event.

Sources: that there are these four, that they use CAISO's framework and differ by day type, is from AEMO's page
of its Baseline Methodology Register; that each meter has to pass one accuracy and one bias score is from
AEMO's page of the predictability-of-load calculator. Neither the register nor the Baseline Eligibility
Compliance and Metrics Policy could be read: the thresholds (RRMSE 20 %, bias 4 % either way), the least numbers
of days and that the correction is CAISO's ratio are from memory or taken over from CAISO; set them from the
policy before money depends on them.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from vpp.baselines.accuracy import Accuracy
from vpp.baselines.caiso_ten_of_ten import caiso_ten_of_ten
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError, DayType
from vpp.baselines.result import BaselineResult, Bools

GREATEST_RRMSE: Final = 0.2
GREATEST_BIAS: Final = 0.04


def aemo_all_days(data: EventData) -> BaselineResult:
    """Average the 10 latest days of any type, and scale by the hours before the event.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data, with past days of any type.
    """
    return caiso_ten_of_ten(replace(data, day_type="weekday"))


def aemo_business_days(data: EventData) -> BaselineResult:
    """Average the 10 latest business days; an event on another day has no baseline.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    """
    return _only(data, "weekday")


def aemo_non_business_days(data: EventData) -> BaselineResult:
    """Average the 4 latest non-business days; an event on a business day has no baseline.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    """
    return _only(data, "weekend")


def aemo_composite(data: EventData) -> BaselineResult:
    """Average 10 business or 4 non-business days, as the event's day is.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data, with past days of the event day's type.
    """
    return caiso_ten_of_ten(data)


def aemo_eligible(
    found: Accuracy, *, greatest_rrmse: float = GREATEST_RRMSE, greatest_bias: float = GREATEST_BIAS
) -> Bools:
    """Tell which sites may take part with a method, by its accuracy on placebo days.

    Parameters
    ----------
    found
        From `placebo_accuracy`.
    greatest_rrmse, greatest_bias
        Thresholds of error, and of bias either way [1].

    Returns
    -------
    (S,) whether a site passes both; one of which nothing can be told does not.

    Raises
    ------
    BaselineError
        For a threshold that is negative or no number.
    """
    if not (greatest_rrmse >= 0 and greatest_bias >= 0):
        raise BaselineError(f"thresholds {greatest_rrmse} and {greatest_bias} cannot be")
    return np.asarray((found.rrmse <= greatest_rrmse) & (np.abs(found.bias) <= greatest_bias), dtype=np.bool_)


def _only(data: EventData, wanted: DayType) -> BaselineResult:
    result = caiso_ten_of_ten(data)
    if data.day_type == wanted:
        return result
    nothing = np.full_like(result.baseline_kw, np.nan)
    return replace(
        result,
        baseline_kw=nothing,
        unadjusted_kw=nothing.copy(),
        adjustment=np.ones(len(nothing)),
        days_used=np.zeros_like(result.days_used),
        ok=np.zeros_like(result.ok),
        reason=(f"other_day_type: this method has no baseline on a {data.day_type}",) * len(nothing),
    )
