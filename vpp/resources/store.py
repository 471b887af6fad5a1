"""What batteries, cars and warm buildings have in common: energy that is put in, kept, lost and taken out.

With h the step [h], c and d the AC powers [kW] and s the stored energy [kWh] at the end of a step:

    s_t = retention * s_{t-1} + charge_efficiency_t * h * c_t - h * d_t / discharge_efficiency - drain_t
    least_t <= s_t <= most_t,  0 <= c_t <= charge_kw_t,  0 <= d_t <= discharge_kw_t

This is convex. Not convex are a least charging power (`min_charge_kw`: 0 or at least that much), charging that cannot
be resumed once it stopped (`uninterrupted`), and never charging and discharging at once (`exclusive`), which only
matters where burning energy would pay: at negative prices or at an export limit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vpp.resources.bounds import ResourceError, require_between
from vpp.resources.horizon import (
    Floats,
    Horizon,
    ImpossibleNeedError,
    Requirement,
    ResourceModel,
    modeling,
    switch,
)

TOLERANCE_KWH = 1e-9


@dataclass(frozen=True, slots=True)
class Gauge:
    """How sentences show a stored energy: `verb` and `unit`, of offset + scale * kWh."""

    verb: str = "hold"
    unit: str = "kWh"
    scale: float = 1.0
    offset: float = 0.0

    def show(self, kwh: float) -> str:
        return f"{round(self.offset + self.scale * kwh, 2) + 0.0:g} {self.unit}"


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """A store over a horizon. Arrays are (T,); see the module for the equation.

    Attributes
    ----------
    name
        What to call it in sentences.
    start_kwh
        Stored at the beginning [kWh], >= 0.
    least_kwh, most_kwh
        Bounds of the stored energy at the end of each step [kWh], >= 0.
    charge_kw, discharge_kw
        Greatest AC powers [kW], >= 0.
    charge_efficiency
        Stored per AC energy drawn [1], > 0; above 1 for a heat pump. Constant and at most 1 where it discharges.
    discharge_efficiency
        AC energy given per stored [1], in (0, 1].
    retention
        Share of the stored energy left after one step [1], in (0, 1].
    drain_kwh
        Taken out by others in each step [kWh]; negative is gain.
    wear_per_kwh
        Cost on each AC kWh discharged [currency/kWh], >= 0.
    min_charge_kw
        It charges with at least this or not at all [kW].
    uninterrupted
        Charging that stops is over until it was disconnected (`charge_kw` of 0) for a step; needs a `min_charge_kw`,
        as charging with nothing is a pause.

    Raises
    ------
    ResourceError
        For NaN, shapes that do not fit, negative or reversed bounds, efficiencies beyond what is said above.
    """

    name: str
    horizon: Horizon
    start_kwh: float
    least_kwh: Floats
    most_kwh: Floats
    charge_kw: Floats
    discharge_kw: Floats
    charge_efficiency: Floats
    drain_kwh: Floats
    discharge_efficiency: float = 1.0
    retention: float = 1.0
    wear_per_kwh: float = 0.0
    min_charge_kw: float = 0.0
    uninterrupted: bool = False
    gauge: Gauge = Gauge()

    def __post_init__(self) -> None:
        for name in ("least_kwh", "most_kwh", "charge_kw", "discharge_kw", "charge_efficiency"):
            given = self.horizon.series(f"{name} of {self.name}", getattr(self, name), low=0.0)
            object.__setattr__(self, name, given)
        object.__setattr__(
            self, "drain_kwh", self.horizon.series(f"drain_kwh of {self.name}", self.drain_kwh)
        )
        for name in ("start_kwh", "wear_per_kwh", "min_charge_kw"):
            require_between(f"{name} of {self.name}", getattr(self, name), low=0.0)
        for name in ("discharge_efficiency", "retention"):
            require_between(
                f"{name} of {self.name}", getattr(self, name), low=0.0, high=1.0, low_included=False
            )
        if (self.charge_efficiency <= 0).any():
            raise ResourceError(f"charge_efficiency of {self.name} is 0, must be more than 0")
        if (self.least_kwh > self.most_kwh).any():
            raise ResourceError(f"least_kwh of {self.name} is above most_kwh")
        if self.uninterrupted and not self.min_charge_kw:
            raise ResourceError(f"uninterrupted charging of {self.name} needs a min_charge_kw")
        if self.discharges and (np.ptp(self.charge_efficiency) > 0 or self.charge_efficiency[0] > 1):
            raise ResourceError(f"charge_efficiency of {self.name} must be one number up to 1: it discharges")

    @property
    def discharges(self) -> bool:
        """Whether it can give energy at all."""
        return bool((self.discharge_kw > 0).any())

    @property
    def switches(self) -> bool:
        """Whether its charging is not convex."""
        return self.min_charge_kw > 0

    def refuse_impossible(self) -> None:
        """Check that its own powers alone let it stay within its bounds.

        Raises
        ------
        ImpossibleNeedError
            Naming the store, the first step that fails and what can be had there.
        """
        high = low = self.start_kwh
        step_h = self.horizon.step_h
        for step in range(self.horizon.steps):
            still = -float(self.drain_kwh[step])
            into = step_h * float(self.charge_efficiency[step] * self.charge_kw[step])
            out = step_h * float(self.discharge_kw[step]) / self.discharge_efficiency
            high, low = self.retention * high + still + into, self.retention * low + still - out
            if high < self.least_kwh[step] - TOLERANCE_KWH:
                raise ImpossibleNeedError(self._too_little(step, float(self.least_kwh[step]) - high))
            if low > self.most_kwh[step] + TOLERANCE_KWH:
                raise ImpossibleNeedError(self._too_much(step, low - float(self.most_kwh[step])))
            high, low = min(high, float(self.most_kwh[step])), max(low, float(self.least_kwh[step]))

    def stored_from(self, charge_kw: Floats, discharge_kw: Floats) -> Floats:
        """(T,) stored energy [kWh] that follows from powers [kW]."""
        change = self.horizon.step_h * (
            self.charge_efficiency * charge_kw - discharge_kw / self.discharge_efficiency
        )
        stored, before = np.empty(self.horizon.steps), self.start_kwh
        for step, delta in enumerate(change - self.drain_kwh):
            before = stored[step] = self.retention * before + float(delta)
        return stored

    def model(self, *, exclusive: bool = False, relax: bool = False) -> ResourceModel:
        """The store in a cvxpy program.

        Parameters
        ----------
        exclusive
            Add a switch a step, so that it never charges and discharges at once.
        relax
            Let switches take values between 0 and 1: a lower bound, and convex.
        """
        cp = modeling()
        steps, step_h = self.horizon.steps, self.horizon.step_h
        charge = cp.Variable(steps, bounds=[np.zeros(steps), self.charge_kw])
        stored = cp.Variable(steps)
        constraints, integers = self._switched(charge, relax=relax)
        flow = cp.multiply(self.charge_efficiency * step_h, charge) - self.drain_kwh
        power, cost, both_ways = charge, 0.0, None
        details = {"stored_kwh": stored, "charge_kw": charge}
        if self.discharges:
            discharge = cp.Variable(steps, bounds=[np.zeros(steps), self.discharge_kw])
            flow = flow - discharge * (step_h / self.discharge_efficiency)
            power, cost = charge - discharge, self.wear_per_kwh * step_h * cp.sum(discharge)
            both_ways, details["discharge_kw"] = (charge, discharge), discharge
            if exclusive:
                charging = switch(steps, relax=relax)
                constraints += [
                    charge <= cp.multiply(self.charge_kw, charging),
                    discharge <= cp.multiply(self.discharge_kw, 1 - charging),
                ]
                integers += 0 if relax else steps
        before = cp.hstack([np.array([self.start_kwh]), stored[:-1]]) if steps > 1 else self.start_kwh
        constraints.append(stored == self.retention * before + flow)
        return ResourceModel(
            name=self.name,
            power_kw=power,
            least_kw=-self.discharge_kw,
            most_kw=self.charge_kw,
            cost=cost,
            constraints=constraints,
            requirements=(
                Requirement(self.least_kwh - stored, self._too_little),
                Requirement(stored - self.most_kwh, self._too_much),
            ),
            integers=integers,
            relaxed=self._relaxed(exclusive=exclusive, relax=relax),
            both_ways=both_ways,
            details=details,
        )

    def _switched(self, charge: Any, *, relax: bool) -> tuple[list[Any], int]:
        if not self.switches:
            return [], 0
        cp = modeling()
        on = switch(self.horizon.steps, relax=relax)
        constraints = [charge <= cp.multiply(self.charge_kw, on), charge >= self.min_charge_kw * on]
        usable = (self.charge_kw >= self.min_charge_kw) & (self.charge_kw > 0)
        constraints.append(on <= usable.astype(float))
        if self.uninterrupted:
            again = np.flatnonzero((self.charge_kw[1:] > 0) & (self.charge_kw[:-1] > 0)) + 1
            if again.size:
                constraints.append(on[again] <= on[again - 1])
        return constraints, 0 if relax else self.horizon.steps

    def _relaxed(self, *, exclusive: bool, relax: bool) -> str:
        let_through = []
        if self.discharges and (relax or not exclusive):
            let_through.append("charging and discharging at once")
        if relax and self.switches:
            let_through.append("charging below its least power or with breaks")
        return " and ".join(let_through)

    def _too_little(self, step: int, short: float) -> str:
        asked, when = float(self.least_kwh[step]), self.horizon.label(step + 1)
        gauge = self.gauge
        return f"{self.name} cannot {gauge.verb} {gauge.show(asked)} by {when}: at most {gauge.show(asked - short)}"

    def _too_much(self, step: int, over: float) -> str:
        asked, when = float(self.most_kwh[step]), self.horizon.label(step + 1)
        gauge = self.gauge
        words = (gauge.show(asked), gauge.show(asked + over))
        return f"{self.name} cannot stay within {words[0]} until {when}: at least {words[1]}"


def constant(horizon: Horizon, value: float) -> Floats:
    """(T,) of one number."""
    return np.full(horizon.steps, float(value))
