"""What is noticed of a home, one detector each; the methods are those of `vpp.diagnostics`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from apps.insights.data import DAYS, QUARTERS, STEP_H, HomeData
from apps.insights.noticed import Noticed, by_day, mean_day, money
from apps.insights.part_detectors import PART_DETECTORS

if TYPE_CHECKING:
    from apps.insights.data import Floats

# A home that idles below this draws what others do [kW].
STANDBY_KW = 0.2
# A loss of yield against the year before below this may be the weather [share].
YIELD_LOSS = 0.15


def notice(data: HomeData) -> list[Noticed]:
    """Return all that is noticed of a home."""
    return [one for detector in DETECTORS for one in detector(data)]


def _yield_below_last_year(data: HomeData) -> Iterator[Noticed]:
    import numpy as np

    before = data.before["pv_kw"]
    if not data.has("pv_kw") or np.isfinite(before).mean() < 0.8:
        return
    now_kwh, then_kwh = _daily_kwh(-data.filled("pv_kw")), _daily_kwh(-np.nan_to_num(before))
    total, was = float(now_kwh.sum()), float(then_kwh.sum())
    if was <= 0.0 or 1.0 - total / was < YIELD_LOSS:
        return
    # Weather differs from year to year: the more days are below their own of last year, the surer.
    below = float((now_kwh < then_kwh).mean())
    evidence = {
        "loss_pct": round(100 * (1 - total / was), 1),
        "now_kwh": round(total, 1),
        "before_kwh": round(was, 1),
    }
    series = by_day({"this": now_kwh, "before": then_kwh}, unit="kWh")
    yield Noticed("yield_below_last_year", "pv", below * 0.8, evidence, series, severity="warning")


def _clipping(data: HomeData) -> Iterator[Noticed]:
    from vpp.diagnostics.clipping import clipping, clipping_findings
    from vpp.intervals import Grid

    if not data.has("pv_kw"):
        return
    made = -data.columns["pv_kw"]
    found = clipping(made[None, :])
    for one in clipping_findings(found, ["pv"], grid=Grid(data.starts_at, 900, len(made))):
        series = mean_day({"sun": -data.filled("pv_kw")})
        yield Noticed("clipping", "pv", one.confidence, dict(one.evidence), series, severity=one.severity)


def _stuck(data: HomeData) -> Iterator[Noticed]:
    from vpp.diagnostics.stale import stretch_findings, stuck_values
    from vpp.intervals import Grid

    for name in ("load_kw", "pv_kw", "grid_kw"):
        rows = data.columns[name][None, :]
        grid = Grid(data.starts_at, 900, rows.shape[1])
        for one in stretch_findings(
            "stuck_value", stuck_values(rows), values=rows, resources=[name], grid=grid
        ):
            resource = name.removesuffix("_kw")
            series = by_day({"value": _daily_kwh(abs(data.filled(name)))}, unit="kWh")
            yield Noticed(
                "stuck_value", resource, one.confidence, dict(one.evidence), series, severity="warning"
            )


def _standby(data: HomeData) -> Iterator[Noticed]:
    import numpy as np

    if not data.has("load_kw"):
        return
    nights = np.nanpercentile(data.columns["load_kw"].reshape(DAYS, QUARTERS)[:, 4:20], 20, axis=1)
    base = float(np.nanmedian(nights))
    if base <= STANDBY_KW:
        return
    over = base - STANDBY_KW
    amount = money(over * 24 * 7 * float(data.price.mean())) if data.price is not None else None
    evidence = {"standby_kw": round(base, 3), "usual_kw": STANDBY_KW, "kwh_per_year": round(base * 8760)}
    spread = float(np.nanstd(nights)) / base
    series = by_day({"value": nights}, unit="kW")
    yield Noticed("standby", "load", max(0.3, 1.0 - spread), evidence, series, amount_per_week=amount)


def _cheaper_hours(data: HomeData) -> Iterator[Noticed]:
    import numpy as np

    from vpp.diagnostics.savings import cheaper_hours, shift_suggestions

    if data.price is None or data.price.min() == data.price.max():
        return
    for name in ("ev_kw", "heat_kw"):
        power = np.maximum(data.filled(name), 0.0)
        if power.sum() * STEP_H < 1.0:
            continue
        load = power.reshape(1, DAYS, QUARTERS)
        there = np.isfinite(data.columns[name]).reshape(load.shape)
        shift = cheaper_hours(load, data.price.reshape(DAYS, QUARTERS), available=there, step_h=STEP_H)
        for one in shift_suggestions(shift, [name], currency=data.currency, least_per_week=Decimal("0.20")):
            series = mean_day({"this": power, "best": shift.best_kw.reshape(-1)})
            yield Noticed(
                "shift_load", name.removesuffix("_kw"), 0.8, dict(one.evidence), series,
                amount_per_week=one.amount_per_week,
            )  # fmt: skip


def _reserve(data: HomeData) -> Iterator[Noticed]:
    import numpy as np

    from vpp.diagnostics.savings import lower_reserve_saving, lower_reserve_suggestions

    freed = max(0.0, data.reserve_soc - 0.1) * data.capacity_kwh
    if data.price is None or freed <= 0.5 or not data.has("battery_soc"):
        return
    shape = (1, DAYS, QUARTERS)
    bought = np.maximum(data.filled("grid_kw"), 0.0).reshape(shape)
    resting = (np.nan_to_num(data.columns["battery_soc"], nan=1.0) <= data.reserve_soc + 0.01).reshape(shape)
    saving = lower_reserve_saving(
        bought, resting, price_per_kwh=data.price.reshape(DAYS, QUARTERS), freed_kwh=[freed], round_trip=0.9, step_h=STEP_H
    )  # fmt: skip
    found = lower_reserve_suggestions(
        saving, ["battery"], freed_kwh=[freed], weeks=DAYS / 7, currency=data.currency, least_per_week=Decimal("0.20")
    )  # fmt: skip
    for one in found:
        series = mean_day({"soc": 100 * np.nan_to_num(data.columns["battery_soc"])}, unit="%")
        evidence = {
            **one.evidence,
            "reserve_pct": 100 * data.reserve_soc,
            "hours_at_reserve": float(resting.sum() * STEP_H / DAYS * 7),
        }
        yield Noticed("lower_reserve", "battery", 0.7, evidence, series, amount_per_week=one.amount_per_week)


def _export_limit(data: HomeData) -> Iterator[Noticed]:
    import numpy as np

    limit = data.site.export_limit_kw
    if not data.has("grid_kw") or limit <= 0.0:
        return
    export = np.maximum(-data.filled("grid_kw"), 0.0)
    hours = float((export >= 0.98 * limit).sum() * STEP_H)
    if hours < 2.0:
        return
    evidence = {"hours_per_week": round(hours / DAYS * 7, 1), "limit_kw": limit}
    yield Noticed("export_limit", "grid", 0.9, evidence, mean_day({"export": export}))


DETECTORS: tuple[Callable[[HomeData], Iterator[Noticed]], ...] = (
    _yield_below_last_year,
    _clipping,
    _stuck,
    _standby,
    _cheaper_hours,
    _reserve,
    _export_limit,
    *PART_DETECTORS,
)


def _daily_kwh(power_kw: Floats) -> Floats:
    import numpy as np

    return np.asarray(power_kw.reshape(DAYS, QUARTERS).sum(axis=1) * STEP_H, dtype=np.float64)
