"""What steered signals and known prices ask of a program's batteries together, on one grid of quarter-hours."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.flexibility.price_selectors import prices_by_quarter
from apps.programs.models import GridSignal, Program
from vpp.intervals import Grid

Floats = NDArray[np.float64]
QUARTER: Final = timedelta(minutes=15)
HORIZON: Final = timedelta(hours=36)
# What a kWh costs and earns where nobody has said so, in the program's currency.
USUAL_PRICE: Final = 0.30
USUAL_EXPORT_PRICE: Final = 0.08
GRAMS_PER_KG: Final = 1000.0


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is asked on a grid of quarter-hours.

    (T,) `buy` and `sell` [currency/kWh] with what greenhouse gas counts for; `charge_share` [0-1] and `charge_kwh` (of all
    batteries together), NaN where nothing is asked; `import_kw` and `export_kw` [kW], infinite likewise. `published` says
    which prices were known, and since when.
    """

    grid: Grid
    buy: Floats
    sell: Floats
    charge_share: Floats
    charge_kwh: Floats
    import_kw: Floats
    export_kw: Floats
    published: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def grid_of(*, signals: Sequence[GridSignal], now: datetime) -> Grid:
    """Return the quarter-hours that signals are planned on, from the running one on."""
    starts_at = now - timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
    ends_at = min(max(signal.ends_at for signal in signals), starts_at + HORIZON)
    return Grid(starts_at, 900, max(1, -((starts_at - ends_at) // QUARTER)))


def wish_of(*, program: Program, signals: Sequence[GridSignal], grid: Grid, now: datetime) -> Wish:
    """Put signals, the first in rank first, and known prices on one grid."""

    def first_said(kind: str, *, where: Callable[[GridSignal], bool] = lambda _: True) -> Floats:
        values: Floats = np.full(grid.count, np.nan)
        for signal in signals:
            if signal.kind == kind and where(signal):
                later = values_on(signal, grid=grid)
                values = np.where(np.isnan(values), later, values)
        return values

    def tightest(kind: str) -> Floats:
        values: Floats = np.full(grid.count, np.inf)
        for signal in signals:
            if signal.kind == kind:
                asked, fallback = values_on(signal, grid=grid), signal.detail.get("fallback_kw")
                if fallback is not None:  # what was subscribed to holds where no limit is said
                    asked = np.where(np.isnan(asked), float(fallback), asked)
                values = np.fmin(values, asked)
        return values

    buy, sell, published = _published(program, grid=grid, now=now)
    carbon = np.nan_to_num(first_said("ghg")) / GRAMS_PER_KG * float(program.carbon_price)
    asked_buy, asked_sell = first_said("price"), first_said("export_price")
    return Wish(
        grid=grid,
        buy=np.where(np.isnan(asked_buy), buy, asked_buy) + carbon,
        # Where only the price of import was said, export does not earn more than import costs.
        sell=np.where(np.isnan(asked_sell), np.fmin(sell, asked_buy), asked_sell) + carbon,
        charge_share=first_said("charge_state", where=lambda one: one.detail.get("unit") != "kWh"),
        charge_kwh=first_said("charge_state", where=lambda one: one.detail.get("unit") == "kWh"),
        import_kw=tightest("import_limit"),
        export_kw=tightest("export_limit"),
        published=published,
    )


def values_on(signal: GridSignal, *, grid: Grid) -> Floats:
    """(T,) what a signal asks in the middle of each interval of a grid; NaN where nothing."""
    step = timedelta(seconds=signal.interval_s)
    values = np.array([math.nan if value is None else value for value in signal.values], dtype=np.float64)
    found = np.full(grid.count, np.nan)
    for index in range(grid.count):
        interval = grid.interval(index)
        middle = interval.starts_at + (interval.ends_at - interval.starts_at) / 2
        place = (middle - signal.starts_at) // step
        if 0 <= place < len(values):
            found[index] = values[place]
    return found


def _published(program: Program, *, grid: Grid, now: datetime) -> tuple[Floats, Floats, dict[str, Any]]:
    rows = prices_by_quarter(
        organization=program.organization, starts_at=grid.starts_at, ends_at=grid.ends_at, as_of=now
    )
    buy = [USUAL_PRICE if row is None else float(row.price_per_kwh) for row in rows]
    sell = [
        USUAL_EXPORT_PRICE
        if row is None or row.export_price_per_kwh is None
        else float(row.export_price_per_kwh)
        for row in rows
    ]
    at = [row.published_at for row in rows if row is not None]
    published = {"known": len(at), "assumed": len(rows) - len(at)}
    newest = {"published_at": max(at).isoformat()} if at else {}
    return np.array(buy), np.array(sell), published | newest
