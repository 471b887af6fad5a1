"""Limits of homes' connection points, turned into limits of what their batteries may do.

With n the net load, m and x the import and the export limit, a battery that never charges and discharges at once keeps

    -x <= n + c - d <= m      where      c <= m - n  and  d <= n + x

as long as the home keeps its limits without it. Where n > m, the discharge f = n - m is forced: the store is drained of
f / discharge_efficiency more, the net load is m, and the rest of the discharge is chosen freely; likewise where n < -x.
So a home with limits is a home without them, solved exactly by the same kernel. What forced discharge wears is a
constant.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpp.scheduling.battery_problem import BatteryProblem, Fleet, Floats, InfeasibleScheduleError

TOLERANCE_KW: Final = 1e-9


class Confined(NamedTuple):
    """A problem without limits whose stored energies are those of the one with them, and (N or 1,) what it leaves out.

    `worn` [currency] is the wear of what each home is forced to discharge.
    """

    fleet: Fleet
    worn: Floats


def bounded_fleet(problem: BatteryProblem) -> Fleet:
    """The problem as arrays, with the greatest powers that the limits leave."""
    fleet = problem.fleet()
    if problem.import_kw is None and problem.export_kw is None:
        return fleet
    least, most = problem.grid_bounds()
    return fleet._replace(
        charge=np.minimum(fleet.charge, np.maximum(0.0, most - fleet.net)),
        discharge=np.minimum(fleet.discharge, np.maximum(0.0, fleet.net - least)),
    )


def confine(problem: BatteryProblem) -> Confined:
    """Take the limits out of a problem.

    Raises
    ------
    InfeasibleScheduleError
        Naming the homes whose battery is too weak to keep a limit, the limit, and the step.
    """
    fleet = bounded_fleet(problem)
    if problem.import_kw is None and problem.export_kw is None:
        return Confined(fleet, np.zeros(1))
    least, most = problem.grid_bounds()
    given, taken = np.maximum(0.0, fleet.net - most), np.maximum(0.0, least - fleet.net)
    _refuse_weak(problem, given - fleet.discharge, way="import")
    _refuse_weak(problem, taken - fleet.charge, way="export")
    free = fleet._replace(
        net=np.clip(fleet.net, least, most),
        charge=np.maximum(0.0, fleet.charge - taken),
        discharge=np.maximum(0.0, fleet.discharge - given),
        drain=fleet.drain + given / fleet.discharge_efficiency - taken * fleet.charge_efficiency,
    )
    return Confined(free, (fleet.wear * given).sum(axis=1))


def _refuse_weak(problem: BatteryProblem, short_kwh: NDArray[np.float64], *, way: str) -> None:
    short = short_kwh / problem.step_h
    homes = np.flatnonzero((short > TOLERANCE_KW).any(axis=1))
    if not homes.size:
        return
    step = int(short[homes[0]].argmax())
    raise InfeasibleScheduleError(
        f"the {way} limit cannot be kept at step {step} (of the first such home): {short[homes[0], step]:.3g} kW are "
        f"beyond what its battery can do: {problem.named(homes)}"
    )
