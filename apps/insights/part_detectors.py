"""What is noticed of single devices: strings that fell behind, and appliances that run in dear hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import TYPE_CHECKING, Final

from apps.insights.data import DAYS, QUARTERS, STEP_H, HomeData
from apps.insights.noticed import Noticed, by_day, by_quarter, money
from apps.insights.parts import appliances_of, device_names, strings_of
from apps.sites.models import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

# What is not worth a word [currency a week], and how sure a saving must be.
LEAST_PER_WEEK: Final = 0.2
SURE: Final = 0.8
# Nobody fills a dishwasher in the small hours: what may begin when, without quiet hours of the household's own.
WAKING: Final = (time(6), time(23))


def _string_below_last_year(data: HomeData) -> Iterator[Noticed]:
    import numpy as np

    from vpp.diagnostics.strings import string_findings, string_yields

    strings = strings_of(data)
    if not strings:
        return
    now, before = (np.stack([getattr(one, name) for one in strings]) for name in ("now_kwh", "before_kwh"))
    named = {one.key: one for one in strings}
    found = string_yields(now, before)
    for one in string_findings(found, list(named)):
        string = named[one.resource]
        series = by_day({"this": string.now_kwh, "before": string.before_kwh}, unit="kWh")
        evidence = dict(one.evidence) | {"strings": float(len(strings))}
        yield Noticed(
            one.kind, one.resource, one.confidence, evidence, series, severity=one.severity, name=string.name
        )


def _shift_appliance(data: HomeData) -> Iterator[Noticed]:
    from vpp.diagnostics.appliance_runs import habit_shift

    if data.price is None or not data.has("grid_kw"):
        return
    names = device_names(data)
    weeks = DAYS / 7
    for key, power in appliances_of(data).items():
        habit = habit_shift(
            power, data.columns["grid_kw"], buy_per_kwh=data.price, sell_per_kwh=data.export_price,
            allowed=allowed_quarters(data.site), step_h=STEP_H,
        )  # fmt: skip
        if habit is None:
            continue
        per_week = float(habit.saving.sum()) / weeks
        sure = habit.confidence(LEAST_PER_WEEK * weeks / habit.runs / 2)
        if per_week < LEAST_PER_WEEK or sure < SURE:
            continue
        evidence = {
            "usual_hour": habit.usual_slot * STEP_H,
            "best_hour": habit.best_slot * STEP_H,
            "runs_per_week": habit.runs / weeks,
            "runs": float(habit.runs),
            "kwh_per_run": habit.kwh_per_run,
            "cost_per_run": float(habit.cost.mean()),
            "saving_per_run": float(habit.saving.mean()),
        }
        series = by_quarter({"cost": habit.cost_by_slot}, unit=data.currency)
        yield Noticed(
            "shift_appliance", key, sure, evidence, series, amount_per_week=money(per_week), name=names.get(key, key)
        )  # fmt: skip


def allowed_quarters(site: Site) -> NDArray[np.bool_]:
    """(96,) in which quarter-hours of the day an appliance may begin: while people are up, and it is not quiet time."""
    import numpy as np

    times = [time(slot // 4, slot % 4 * 15) for slot in range(QUARTERS)]
    return np.array(
        [_within(at, WAKING) and not _within(at, (site.quiet_from, site.quiet_until)) for at in times]
    )


def _within(at: time, hours: tuple[time, time]) -> bool:
    starts, ends = hours
    return starts <= at < ends if starts <= ends else at >= starts or at < ends


PART_DETECTORS: tuple[Callable[[HomeData], Iterator[Noticed]], ...] = (
    _string_below_last_year,
    _shift_appliance,
)
