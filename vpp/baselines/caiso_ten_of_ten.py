"""CAISO 10-of-10 with the same-day adjustment, on top of `mean_ten_of_ten`.

Weekday: mean of the 10 latest weekdays, at least 5. Otherwise: of the 4 latest weekend days and holidays, all
4 needed. Every interval is multiplied by actual / average over hours 2, 3 and 4 before the event, within 20
%.

Sources: the frame and the 20 % are from Nexant's draft for CAISO's Baseline Accuracy Work Group (2017), and
the window with bounds 0.8 and 1.2 from LBNL's Modelica Buildings `BaselinePrediction`. The look-back of 45
days and the least numbers of days are from memory. The tariff (4.13.4) was not read; the work group itself
argued for 0.83 to 1.2, which is `cap=(1 / 1.2, 1.2)`.
"""

from dataclasses import replace

import numpy as np

from vpp.baselines.adjust import Cap
from vpp.baselines.data import EventData
from vpp.baselines.result import WINDOW_OUTSIDE, BaselineResult
from vpp.baselines.ten_of_ten import mean_ten_of_ten


def caiso_ten_of_ten(data: EventData, *, cap: Cap = (0.8, 1.2)) -> BaselineResult:
    """Average 10 weekdays or 4 others, and scale by the hours before the event.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    cap
        Least and greatest ratio [1].
    """
    days, min_days = (10, 5) if data.day_type == "weekday" else (4, 4)
    window = data.before(hours=3, gap_hours=1)
    if window is None:
        plain = mean_ten_of_ten(data.event_history_kw, adjustment="none", days=days, min_days=min_days)
        reasons = tuple(why or WINDOW_OUTSIDE for why in plain.reason)
        return replace(plain, adjustment=np.ones(len(reasons)), reason=reasons)
    return mean_ten_of_ten(
        data.event_history_kw,
        adjust_history_kw=data.history_kw[:, :, window],
        adjust_actual_kw=data.event_day_kw[:, window],
        adjustment="ratio",
        ratio_cap=cap,
        days=days,
        min_days=min_days,
    )
