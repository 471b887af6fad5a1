"""CAISO's weather matching: days as hot as the event day.

Weekday: of the like days within 90 days the 4 whose daily maximum temperature is nearest to the event day's
are averaged. Weekend and holiday, in two variants: the 4 latest ("4 of 4"), or of the 5 latest the 3 nearest
in temperature ("3 of 5"). Every interval is multiplied by actual / average over 2 h before and 2 h after the
event at 2 h distance, within 1 / 1.4 and 1.4. Of days equally near the most recent is taken.

Sources: "4 of 90", the two weekend variants and that temperature is what is compared are from the names in the
PG&E baseline study of SLAC (public repository) and from the table of contents of Nexant's draft for CAISO's
Baseline Accuracy Work Group (2017). From memory: the bounds of 40 % and the windows. The tariff (4.13.4) was
not read. Not found: what is done with fewer than 4 days (no baseline here), and whether "4 of 4" looks at
temperatures at all (with 4 of 4 days it makes no difference; here a day without a temperature counts).
"""

import numpy as np

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest, latest
from vpp.baselines.data import EventData
from vpp.baselines.five_of_ten import BEFORE_AND_AFTER
from vpp.baselines.result import BaselineResult

NO_TEMPERATURE = "missing_temperature: no highest temperature of the event day is known"


def weather_matching(
    data: EventData, *, correction: Correction = BEFORE_AND_AFTER, weekend_three_of_five: bool = False
) -> BaselineResult:
    """Average the days nearest in temperature, and scale by the hours around.

    A site without the event day's temperature has no baseline where temperatures are compared
    (`missing_temperature`); a past day without one is not compared.

    Parameters
    ----------
    data
        The event's meter data, with highest temperatures.
    correction
        The adjustment.
    weekend_three_of_five
        Whether a weekend's days are 3 of 5 by temperature; otherwise the 4 latest.
    """
    usable = correction.usable_days(data)
    if data.day_type == "weekend" and not weekend_three_of_five:
        used = latest(usable, 4)
        return average_and_correct(data, used, eligible=used, min_days=4, correction=correction)
    wanted = 4 if data.day_type == "weekday" else 3
    distance = data.temperature_distance_k
    compared = usable & ~np.isnan(distance)
    if data.day_type == "weekend":
        compared = latest(compared, 5)
    used = highest(-distance, compared, count=wanted)
    found = average_and_correct(data, used, eligible=compared, min_days=wanted, correction=correction)
    return without_temperature(data, found)


def without_temperature(data: EventData, found: BaselineResult) -> BaselineResult:
    """Say of sites without the event day's temperature that this is why they have no baseline.

    Parameters
    ----------
    data
        The event's meter data.
    found
        A result that has no baseline for them.
    """
    unknown = np.ones(len(found.ok), dtype=np.bool_)
    if data.event_day_max_c is not None and data.history_max_c is not None:
        unknown = np.isnan(data.event_day_max_c)
    reasons = tuple(
        NO_TEMPERATURE if missing else why for missing, why in zip(unknown, found.reason, strict=True)
    )
    gone = unknown[:, None]
    return BaselineResult(
        np.where(gone, np.nan, found.baseline_kw),
        np.where(gone, np.nan, found.unadjusted_kw),
        found.adjustment,
        found.days_used,
        found.ok & ~unknown,
        reasons,
    )
