"""Baseline methods by name, so that a program's configuration can choose one.

Every method takes `EventData` and gives a `BaselineResult`. What a method needs before that, the days to
load, `candidate_days` tells.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Final

from vpp.baselines.aemo_wdr import (
    aemo_all_days,
    aemo_business_days,
    aemo_composite,
    aemo_non_business_days,
)
from vpp.baselines.caiso_ten_of_ten import caiso_ten_of_ten
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError, DayRule, any_day, day_type, day_type_with_saturday, select_days
from vpp.baselines.ercot_matching_day_pair import ercot_matching_day_pair
from vpp.baselines.ercot_middle_eight_of_ten import ercot_middle_eight_of_ten
from vpp.baselines.ercot_regression import ercot_regression
from vpp.baselines.five_of_ten import BEFORE_ONLY, five_of_ten
from vpp.baselines.iso_ne_ten_of_ten import iso_ne_ten_of_ten
from vpp.baselines.japan_high_four_of_five import japan_high_four_of_five
from vpp.baselines.meter_before import meter_before
from vpp.baselines.names import TITLES
from vpp.baselines.nyiso_high_five_of_ten import nyiso_high_five_of_ten
from vpp.baselines.pjm_high_four_of_five import pjm_high_four_of_five
from vpp.baselines.pjm_match_day import pjm_match_day
from vpp.baselines.pjm_same_day import pjm_same_day, three_hours_before
from vpp.baselines.result import BaselineResult
from vpp.baselines.weather_matching import weather_matching

Calculate = Callable[[EventData], BaselineResult]


@dataclass(frozen=True, slots=True)
class Method:
    """A named way to calculate baselines.

    `look_back_days` is how far back its days lie [d], 0 for a method of the event day alone; `type_of` tells
    which days are alike. It looks at `before_hours` before the event and `after_hours` after it [h], or at
    the `whole_day`. While the hours after the event are not measured yet, `provisional` stands in for it.
    """

    name: str
    calculate: Calculate
    look_back_days: int = 45
    type_of: DayRule = day_type
    before_hours: int = 4
    after_hours: int = 0
    whole_day: bool = False
    provisional: Calculate | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES[self.name]

    @property
    def before_event(self) -> Calculate:
        """What can be calculated without the hours after the event."""
        return self.provisional or self.calculate

    @property
    def final_needs_after(self) -> bool:
        """Whether the final baseline needs hours after the event."""
        return self.after_hours > 0


_ALL = (
    Method("mean_10_of_10", iso_ne_ten_of_ten),
    Method("caiso_10_of_10", caiso_ten_of_ten),
    Method(
        "residential_5_of_10",
        five_of_ten,
        after_hours=4,
        provisional=partial(five_of_ten, correction=BEFORE_ONLY),
    ),
    Method(
        "weather_matching",
        weather_matching,
        look_back_days=90,
        after_hours=4,
        provisional=partial(weather_matching, correction=BEFORE_ONLY),
    ),
    Method(
        "weather_matching_weekend_3_of_5",
        partial(weather_matching, weekend_three_of_five=True),
        look_back_days=90,
        after_hours=4,
        provisional=partial(weather_matching, weekend_three_of_five=True, correction=BEFORE_ONLY),
    ),
    Method("pjm_high_4_of_5", pjm_high_four_of_five, type_of=day_type_with_saturday),
    Method(
        "pjm_same_day",
        pjm_same_day,
        look_back_days=0,
        after_hours=3,
        provisional=three_hours_before,
    ),
    Method("pjm_match_day", pjm_match_day, after_hours=4, whole_day=True),
    Method("iso_ne_10_of_10", iso_ne_ten_of_ten, type_of=day_type_with_saturday),
    Method("ercot_middle_8_of_10", ercot_middle_eight_of_ten, whole_day=True),
    Method("ercot_matching_day_pair", ercot_matching_day_pair, look_back_days=90, before_hours=28),
    Method("ercot_regression", ercot_regression, look_back_days=90, whole_day=True),
    Method("nyiso_high_5_of_10", nyiso_high_five_of_ten, look_back_days=30),
    Method("aemo_all_days", aemo_all_days, type_of=any_day),
    Method("aemo_business_days", aemo_business_days),
    Method("aemo_non_business_days", aemo_non_business_days),
    Method("aemo_composite", aemo_composite),
    Method("japan_high_4_of_5", japan_high_four_of_five, look_back_days=30),
    Method("meter_before_after", meter_before, look_back_days=0, before_hours=1),
)
METHODS: Final[Mapping[str, Method]] = MappingProxyType({method.name: method for method in _ALL})


def method_named(name: str) -> Method:
    """Look a method up; an unknown name is refused with the known ones."""
    if name not in METHODS:
        raise BaselineError(f"no baseline method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]


def candidate_days(
    method: Method,
    event_date: date,
    *,
    holidays: Collection[date] = (),
    excluded: Collection[date] = (),
) -> tuple[date, ...]:
    """All past days a method may choose from, most recent first; it leaves out what is missing by itself.

    Parameters
    ----------
    method
        The method.
    event_date
        Local date of the event.
    holidays, excluded
        As for `select_days`.
    """
    if method.look_back_days == 0:
        return ()
    return select_days(
        event_date,
        wanted=method.look_back_days,
        look_back_days=method.look_back_days,
        holidays=holidays,
        excluded=excluded,
        type_of=method.type_of,
    )
