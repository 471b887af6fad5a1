"""What a home could have saved in the past days by doing the same things at better hours.

- Moving a load: the same energy per day in the cheapest hours it could run in, at no more than its own peak power.
  The greedy filling of the cheapest hours is optimal (a fractional knapsack); a test lets HiGHS say so.
- A battery's mode: the bills of the same days under each mode. The profiles of the modes are the caller's, who has
  the scheduling that makes them.
- A lower reserve: what was bought while the battery rested at its reserve, up to the energy set free, at the
  difference between the price then and the cheapest price of the day through the round trip.

All three look back with the prices and needs known; a home that plans ahead reaches less. Prices per kWh are taken to
be marginal: no demand charges. The methods are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import (
    DiagnosticsError,
    Floats,
    complete,
    mask,
    one_name_each,
    positive,
    same_shape,
)

SuggestionKind = Literal["shift_load", "battery_mode", "lower_reserve"]
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a home would save [currency per week], by what, and the numbers behind it (suffix `_cost`: per week)."""

    kind: SuggestionKind
    resource: str
    amount_per_week: Decimal
    currency: str
    sentence: str
    evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Shift:
    """Of N loads: what running when they did cost, and at best would have, (N,) each over all days [currency].

    `best_kw` (N, D, T) is the better profile [kW] and `moved_kwh` (N,) the energy that runs at other hours.
    """

    cost: Floats
    best_cost: Floats
    best_kw: Floats
    moved_kwh: Floats


def cheaper_hours(
    load_kw: ArrayLike, price_per_kwh: ArrayLike, *, available: ArrayLike, step_h: float
) -> Shift:
    """Move every day's energy of each load into the cheapest of its available hours.

    Hours in which it ran count as available. Of equal prices the earliest is taken.

    Parameters
    ----------
    load_kw
        (N, D, T) power of the load [kW] on D days; a day may begin at noon, so that nights stay whole.
    price_per_kwh
        (D, T) price of bought energy [currency/kWh].
    available
        (N, D, T), or fewer leading dimensions: when it could run, such as the car at home.
    step_h
        Length of an interval [h].

    Raises
    ------
    DiagnosticsError
        For missing, infinite or negative powers, or shapes that do not fit.
    """
    load = complete("load", load_kw, dimensions=3, least=0.0)
    price = complete("price", price_per_kwh, dimensions=2)
    same_shape("price", price, shape=load.shape[1:])
    positive("step_h", step_h)
    can = mask("available", available, shape=load.shape) | (load > 0)
    prices = np.where(can, price, np.inf)
    order = np.argsort(prices, axis=2, kind="stable")
    limit = np.where(can, load.max(axis=(1, 2), initial=0.0)[:, None, None], 0.0)
    room = np.take_along_axis(limit, order, axis=2)
    before = room.cumsum(axis=2) - room
    filled = np.clip(load.sum(axis=2, keepdims=True) - before, 0.0, room)
    best = np.zeros_like(load)
    np.put_along_axis(best, order, filled, axis=2)
    cost, best_cost = ((power * price).sum(axis=(1, 2)) * step_h for power in (load, best))
    return Shift(cost, best_cost, best, np.abs(load - best).sum(axis=(1, 2)) * step_h / 2)


def shift_suggestions(
    shift: Shift, resources: Sequence[str], *, currency: str, least_per_week: Decimal = Decimal("0.50")
) -> list[Suggestion]:
    """Suggest what saves at least `least_per_week`.

    Raises
    ------
    DiagnosticsError
        For names that do not fit, or a currency that is no code of three letters.
    """
    one_name_each(resources, len(shift.cost))
    weeks = shift.best_kw.shape[1] / 7
    found = []
    for row, name in enumerate(resources):
        amount = _money((shift.cost[row] - shift.best_cost[row]) / weeks if weeks else 0.0)
        if amount >= least_per_week:
            evidence = {
                "present_cost": float(shift.cost[row] / weeks),
                "best_cost": float(shift.best_cost[row] / weeks),
                "moved_kwh": float(shift.moved_kwh[row] / weeks),
            }
            text = f"Running in cheaper hours moves {evidence['moved_kwh']:.1f} kWh a week and saves {amount} {currency}."
            found.append(Suggestion("shift_load", name, amount, _code(currency), text, evidence))
    return found


def bill(net_kw: ArrayLike, *, buy_per_kwh: ArrayLike, sell_per_kwh: ArrayLike, step_h: float) -> Floats:
    """(N,) cost [currency] of net powers (N, T) [kW], load convention, at prices (T,) [currency/kWh].

    Raises
    ------
    DiagnosticsError
        For missing or infinite values, or shapes that do not fit.
    """
    net = complete("net power", net_kw, dimensions=2)
    buy, sell = (complete("price", price, dimensions=1) for price in (buy_per_kwh, sell_per_kwh))
    same_shape("price", buy, shape=net.shape[1:])
    same_shape("price", sell, shape=net.shape[1:])
    positive("step_h", step_h)
    return np.asarray((np.maximum(net, 0) @ buy - np.maximum(-net, 0) @ sell) * step_h)


def battery_mode_suggestions(
    present_cost: ArrayLike,
    cost_by_mode: Mapping[str, ArrayLike],
    *,
    resources: Sequence[str],
    weeks: float,
    currency: str,
    least_per_week: Decimal = Decimal("0.50"),
) -> list[Suggestion]:
    """Suggest the mode with the lowest bill.

    Parameters
    ----------
    present_cost
        (N,) bill of the days as they were [currency], of `bill`.
    cost_by_mode
        (N,) bill of the same days under each other mode [currency], energy left in the battery made equal.
    resources, weeks
        Names, and how long the days are [weeks].
    currency, least_per_week
        Code of three letters, and the least saving that is worth a word.

    Raises
    ------
    DiagnosticsError
        For missing or infinite costs, or shapes that do not fit.
    """
    present = complete("cost", present_cost, dimensions=1)
    one_name_each(resources, len(present))
    positive("weeks", weeks)
    costs = {mode: complete(f"cost of {mode}", cost, dimensions=1) for mode, cost in cost_by_mode.items()}
    for mode, cost in costs.items():
        same_shape(f"cost of {mode}", cost, shape=present.shape)
    found = []
    for row, name in enumerate(resources):
        if not costs:
            break
        mode = min(costs, key=lambda mode: float(costs[mode][row]))
        amount = _money((present[row] - costs[mode][row]) / weeks)
        if amount >= least_per_week:
            evidence = {
                "present_cost": float(present[row] / weeks),
                "best_cost": float(costs[mode][row] / weeks),
            }
            text = f"The mode {mode} would have saved {amount} {currency} a week."
            found.append(Suggestion("battery_mode", name, amount, _code(currency), text, evidence))
    return found


def lower_reserve_saving(
    import_kw: ArrayLike,
    at_reserve: ArrayLike,
    *,
    price_per_kwh: ArrayLike,
    freed_kwh: ArrayLike,
    round_trip: float,
    step_h: float,
) -> Floats:
    """(N,) saving [currency] of D days, had the battery been allowed to go deeper.

    Parameters
    ----------
    import_kw
        (N, D, T) power bought [kW].
    at_reserve
        (N, D, T) whether the battery rested at its reserve.
    price_per_kwh
        (D, T) [currency/kWh].
    freed_kwh
        (N,) energy at the AC side between the present and the lower reserve [kWh], used once a day.
    round_trip
        Efficiency of charging and discharging [0-1].
    step_h
        Length of an interval [h].

    Raises
    ------
    DiagnosticsError
        For missing, infinite or negative powers, an efficiency outside (0, 1], or shapes that do not fit.
    """
    bought = complete("import", import_kw, dimensions=3, least=0.0)
    resting = mask("at_reserve", at_reserve, shape=bought.shape)
    price = complete("price", price_per_kwh, dimensions=2)
    freed = complete("freed energy", freed_kwh, dimensions=1, least=0.0)
    same_shape("price", price, shape=bought.shape[1:])
    same_shape("freed energy", freed, shape=bought.shape[:1])
    positive("step_h", step_h)
    if not 0 < round_trip <= 1:
        raise DiagnosticsError(f"a round-trip efficiency of {round_trip} is none")
    if not bought.size:
        return np.zeros(len(bought))
    gain = price - price.min(axis=1, keepdims=True) / round_trip
    return _dearest(bought * resting * step_h, gain=gain, limit_kwh=freed)


def _dearest(energy_kwh: Floats, *, gain: Floats, limit_kwh: Floats) -> Floats:
    """(N,) worth of the energy with the greatest gain, up to a limit on each day."""
    order = np.argsort(-gain, axis=1, kind="stable")
    sorted_kwh = np.take_along_axis(energy_kwh, np.broadcast_to(order, energy_kwh.shape), axis=2)
    before = sorted_kwh.cumsum(axis=2) - sorted_kwh
    used = np.clip(limit_kwh[:, None, None] - before, 0.0, sorted_kwh)
    worth = np.maximum(np.take_along_axis(gain, order, axis=1), 0.0)
    return np.asarray((used * worth).sum(axis=(1, 2)))


def lower_reserve_suggestions(
    saving: ArrayLike,
    resources: Sequence[str],
    *,
    freed_kwh: ArrayLike,
    weeks: float,
    currency: str,
    least_per_week: Decimal = Decimal("0.50"),
) -> list[Suggestion]:
    """Suggest a lower reserve where `lower_reserve_saving` says that it pays; its price is less backup.

    Raises
    ------
    DiagnosticsError
        For missing or infinite numbers, or shapes that do not fit.
    """
    savings, freed = (
        complete("saving", saving, dimensions=1),
        complete("freed energy", freed_kwh, dimensions=1),
    )
    one_name_each(resources, len(savings))
    same_shape("freed energy", freed, shape=savings.shape)
    positive("weeks", weeks)
    found = []
    for row, name in enumerate(resources):
        amount = _money(savings[row] / weeks)
        if amount >= least_per_week:
            text = f"Using {freed[row]:.1f} kWh of the reserve saves {amount} {currency} a week, and backs up less."
            evidence = {"freed_kwh": float(freed[row]), "saving_cost": float(savings[row] / weeks)}
            found.append(Suggestion("lower_reserve", name, amount, _code(currency), text, evidence))
    return found


def _money(amount: float) -> Decimal:
    return Decimal(repr(float(amount))).quantize(CENT, rounding=ROUND_HALF_EVEN)


def _code(currency: str) -> str:
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise DiagnosticsError(f"{currency!r} is no currency code like EUR")
    return currency
