"""The question of a battery's own optimum, checked, and its answer."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
MOST_STEPS: Final = 2016  # a week of five minutes; memory grows with the square
NAMED: Final = 5
PRICES: Final = ("buy_per_kwh", "sell_per_kwh")  # fields that are by step where they have one dimension
CONSTANT: Final = ("start_kwh", "end_kwh", "wear_per_kwh", "retention")  # fields without steps


class ScheduleError(VppError):
    """A question about a home's optimum that makes no sense or has no answer; names the homes."""

    code = "invalid_schedule_problem"


class InfeasibleScheduleError(ScheduleError):
    """A store that cannot be within its bounds at some step, whatever the battery does; names the homes."""

    code = "infeasible_schedule"


class Fleet(NamedTuple):
    """A checked problem as plain arrays for the solvers: each is (N or 1, T or 1), read with `at`.

    Energies and powers are per step: AC energy [kWh], prices and wear [currency/kWh], efficiencies and retention [1].
    """

    net: Floats
    buy: Floats
    sell: Floats
    least: Floats
    most: Floats
    start: Floats
    charge: Floats
    discharge: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    wear: Floats
    retention: Floats
    drain: Floats


class Answer(NamedTuple):
    """What a solver finds: (N,) `bound` [currency], (N, T) `stored` [kWh], (N,) step that fails, or -1."""

    bound: Floats
    stored: Floats
    failed: NDArray[np.int64]


class Totals(NamedTuple):
    """Sums over homes: lower bound and cost [currency], (T,) energy from the grid [kWh], a home that fails or -1."""

    bound: float
    cost: float
    usage: Floats
    failed: int


@dataclass(frozen=True, slots=True)
class BatteryProblem:
    """Homes that buy and sell at given prices, each with one battery.

    Attributes
    ----------
    net_kw
        (N, T) load less PV [kW]; negative is surplus.
    buy_per_kwh, sell_per_kwh
        (T,) or (N, T) price of import and of export [currency/kWh].
    step_h
        Length of a step [h].
    start_kwh
        (N,) or scalar, energy stored at the beginning [kWh].
    least_kwh, most_kwh
        Scalar, (N,) or (N, T) bounds of the stored energy at the end of each step [kWh]: reserve and capacity.
    charge_kw, discharge_kw
        Scalar, (N,) or (N, T) greatest AC powers [kW], >= 0.
    charge_efficiency, discharge_efficiency
        Scalar or (N,) one-way efficiencies [1], in (0, 1].
    wear_per_kwh
        Scalar or (N,) cost of use on each AC kWh discharged [currency/kWh], >= 0.
    retention
        Scalar or (N,) share of the stored energy that is left after a step [1], in (0, 1]; 1 leaks nothing.
    drain_kwh
        Scalar, (N,) or (N, T) energy taken out of the store in each step by others [kWh], after the leak: a trip
        of a car, hot water; negative where they add to it.
    end_kwh
        Scalar or (N,) least energy stored at the end [kWh]; None asks for at least the start.
    import_kw, export_kw
        Scalar, (N,) or (N, T) limits of the connection point [kW], >= 0; None or inf where there is none.
    names
        What to call the homes in an error; none for their position.

    Raises
    ------
    ScheduleError
        For NaN, infinity, shapes that do not fit, negative or reversed bounds, efficiencies beyond (0, 1].
    """

    net_kw: Floats
    buy_per_kwh: Floats
    sell_per_kwh: Floats
    step_h: float
    start_kwh: Floats | float
    most_kwh: Floats | float
    charge_kw: Floats | float
    discharge_kw: Floats | float
    least_kwh: Floats | float = 0.0
    charge_efficiency: Floats | float = 0.95
    discharge_efficiency: Floats | float = 0.95
    wear_per_kwh: Floats | float = 0.0
    retention: Floats | float = 1.0
    drain_kwh: Floats | float = 0.0
    end_kwh: Floats | float | None = None
    import_kw: Floats | float | None = None
    export_kw: Floats | float | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.ndim(self.net_kw) != 2 or 0 in np.shape(self.net_kw):
            raise ScheduleError(f"net_kw needs homes and steps, its shape is {np.shape(self.net_kw)}")
        homes, steps = self.net_kw.shape
        if steps > MOST_STEPS:
            raise ScheduleError(f"{steps} steps are more than {MOST_STEPS}; split the horizon")
        if not (math.isfinite(self.step_h) and self.step_h > 0):
            raise ScheduleError(f"step_h is {self.step_h!r}, must be finite and more than 0")
        if self.names and len(self.names) != homes:
            raise ScheduleError(f"{len(self.names)} names do not fit {homes} homes")
        self._check_values()

    def _check_values(self) -> None:
        for name in ("net_kw", "buy_per_kwh", "sell_per_kwh", "drain_kwh"):
            self._refuse(~np.isfinite(self._plane(name)), f"{name} is not a finite number")
        for name in ("start_kwh", "least_kwh", "most_kwh", "charge_kw", "discharge_kw", "wear_per_kwh"):
            values = self._plane(name)
            self._refuse(
                ~(np.isfinite(values) & (values >= 0)), f"{name} is not a finite number of 0 or more"
            )
        for name in ("charge_efficiency", "discharge_efficiency", "retention"):
            values = self._plane(name)
            self._refuse(~((values > 0) & (values <= 1)), f"{name} is not more than 0 and at most 1")
        self._refuse(self._plane("least_kwh") > self._plane("most_kwh"), "least_kwh is above most_kwh")
        if self.end_kwh is not None:
            end = self._plane("end_kwh")
            self._refuse(~(np.isfinite(end) & (end >= 0)), "end_kwh is not a finite number of 0 or more")
            last = self._plane("most_kwh")[:, -1:]
            self._refuse(end > last, "end_kwh is above most_kwh")
        for name in ("import_kw", "export_kw"):
            if getattr(self, name) is not None:
                self._refuse(~(self._plane(name) >= 0), f"{name} is not a number of 0 or more")

    def _refuse(self, bad: NDArray[np.bool_], what: str) -> None:
        if not bad.any():
            return
        rows = np.asarray(bad.any(axis=1))
        if len(rows) == 1:
            raise ScheduleError(f"{what}, for all homes")
        raise ScheduleError(f"{what}: {self.named(np.flatnonzero(rows))}")

    def named(self, homes: Iterable[int]) -> str:
        """The names of `homes`, the first few of them and how many more there are."""
        every = [self.names[home] if self.names else f"home {home}" for home in homes]
        more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
        return ", ".join(every[:NAMED]) + more

    def select(self, homes: NDArray[np.intp]) -> "BatteryProblem":
        """The problem of some of the homes, by their numbers."""

        def part(name: str) -> Any:
            value = getattr(self, name)
            per_home = np.ndim(value) == 2 or (np.ndim(value) == 1 and name not in PRICES)
            return value[homes] if per_home else value

        chosen = {each.name: part(each.name) for each in fields(self) if each.name != "names"}
        names = tuple(self.names[home] for home in homes) if self.names else ()
        return BatteryProblem(**chosen, names=names)

    def _plane(self, name: str) -> Floats:
        """One field as (N or 1, T or 1)."""
        homes, steps = self.net_kw.shape
        try:
            value = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
        except (TypeError, ValueError):
            raise ScheduleError(f"{name} is not an array of numbers") from None
        shape = np.shape(getattr(self, name))
        by_step = name in PRICES
        constant = name.endswith("efficiency") or name in CONSTANT
        if shape == ():
            return value.reshape(1, 1)
        if shape == (homes,) and not by_step:
            return value.reshape(homes, 1)
        if shape == (steps,) and by_step:
            return value.reshape(1, steps)
        if shape == (homes, steps) and not constant:
            return value
        raise ScheduleError(f"{name} of shape {shape} does not fit {homes} homes and {steps} steps")

    def fleet(self) -> Fleet:
        """The problem as the solvers read it."""
        step_h, start = self.step_h, self._plane("start_kwh")
        end = start if self.end_kwh is None else self._plane("end_kwh")
        return Fleet(
            net=self._plane("net_kw") * step_h,
            buy=self._plane("buy_per_kwh"),
            sell=self._plane("sell_per_kwh"),
            least=self._with_end(self._plane("least_kwh"), end),
            most=self._plane("most_kwh"),
            start=start,
            charge=self._plane("charge_kw") * step_h,
            discharge=self._plane("discharge_kw") * step_h,
            charge_efficiency=self._plane("charge_efficiency"),
            discharge_efficiency=self._plane("discharge_efficiency"),
            wear=self._plane("wear_per_kwh"),
            retention=self._plane("retention"),
            drain=self._plane("drain_kwh"),
        )

    def grid_bounds(self) -> tuple[Floats, Floats]:
        """The least and the most energy a step may draw from the grid [kWh], each (N or 1, T or 1)."""
        none = np.full((1, 1), np.inf)
        into = none if self.import_kw is None else self._plane("import_kw")
        out = none if self.export_kw is None else self._plane("export_kw")
        return -out * self.step_h, into * self.step_h

    def _with_end(self, least: Floats, end: Floats) -> Floats:
        steps = self.net_kw.shape[1]
        raised = np.repeat(np.broadcast_to(least, (max(len(least), len(end)), least.shape[1])), 1, axis=0)
        if raised.shape[1] != steps:
            raised = np.repeat(raised, steps, axis=1)
        raised[:, -1] = np.maximum(raised[:, -1], end[:, 0])
        return raised


@dataclass(frozen=True, slots=True)
class BatteryPowers:
    """What follows from stored energies (N, T) at the end of each step [kWh]; arrays are (N,) or (N, T).

    `cost` [currency] with wear, `moved` [currency] the sum of all that is paid and earned; `grid_kw` is drawn from the
    grid (export is negative), `charge_kw` and `discharge_kw` are AC, >= 0, and never both above 0.
    """

    cost: Floats
    moved: Floats
    stored_kwh: Floats
    grid_kw: Floats
    charge_kw: Floats
    discharge_kw: Floats


@dataclass(frozen=True, slots=True)
class BatteryResult:
    """What each battery does. Arrays are (N,) or (N, T).

    `objective` [currency] is the cost of this very plan, wear included; `lower_bound` [currency] a cost that no plan
    can go below. `exact` where the two are the same to 1e-9 of the money moved: always when `sell <= buy` and prices
    are not negative. `stored_kwh` is at the end of each step, `grid_kw` is drawn from the grid (export is
    negative), `charge_kw` and `discharge_kw` are AC, >= 0, and never both above 0.
    """

    objective: Floats
    lower_bound: Floats
    exact: NDArray[np.bool_]
    stored_kwh: Floats
    grid_kw: Floats
    charge_kw: Floats
    discharge_kw: Floats
