"""A plan without a solver: everything as early as it fits. Not the cheapest, but there when time has run out."""

import numpy as np

from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Floats
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.scheduling.home_problem import HomeProblem

TOLERANCE = 1e-7


def rule_powers(problem: HomeProblem) -> dict[str, Floats] | None:
    """Powers (T,) by resource [kW] that keep every need and limit, or None where the rule finds none.

    Solar power is curtailed only as far as the export limit asks, appliances run at their first chance, stores are
    filled at once to what they will need until the end, and nothing is discharged.
    """
    steps = problem.horizon.steps
    limit = np.inf if problem.import_limit_kw is None else problem.import_limit_kw
    power: dict[str, Floats] = {}
    meter = np.zeros(steps)
    order = (Load, PvOutput, Appliance, Store)
    for resource in sorted(problem.resources, key=lambda one: order.index(type(one))):
        found = _power(resource, room=limit - meter)
        if found is None:
            return None
        power[resource.name] = found
        meter = meter + found
    if problem.export_limit_kw is not None:
        meter = _curtail(problem, power, meter=meter)
    return power if _kept(problem, meter) else None


def _power(resource: Load | PvOutput | Appliance | Store, *, room: Floats) -> Floats | None:
    if isinstance(resource, Load):
        return resource.power_kw
    if isinstance(resource, PvOutput):
        return -resource.available_kw
    return (
        _first_run(resource, room=room) if isinstance(resource, Appliance) else _filled(resource, room=room)
    )


def _first_run(appliance: Appliance, *, room: Floats) -> Floats | None:
    if not appliance.interruptible:
        fitting = [run for run in appliance.runs() if (run <= room + TOLERANCE).all()]
        return fitting[0] if fitting else None
    power, phases = np.zeros(len(room)), list(appliance.profile)
    for step in appliance.window:
        if phases and phases[0] <= room[step] + TOLERANCE:
            power[step] = phases.pop(0)
    return None if phases else power


def _filled(store: Store, *, room: Floats) -> Floats | None:
    steps, step_h = store.horizon.steps, store.horizon.step_h
    wanted = np.empty(steps)  # enough for all that follows, without charging again
    later = 0.0
    for step in range(steps - 1, -1, -1):
        wanted[step] = min(store.most_kwh[step], max(store.least_kwh[step], later))
        later = (wanted[step] + store.drain_kwh[step]) / store.retention
    power, stored, resumable = np.zeros(steps), store.start_kwh, True
    for step in range(steps):
        resumable = resumable or not store.uninterrupted or store.charge_kw[step] == 0
        before = store.retention * stored - store.drain_kwh[step]
        per_kw = float(store.charge_efficiency[step]) * step_h
        most = min(float(store.charge_kw[step]), max(0.0, float(room[step])))
        asked = min(most, max(0.0, wanted[step] - before) / per_kw)
        if 0 < asked < store.min_charge_kw:
            fits = before + store.min_charge_kw * per_kw <= store.most_kwh[step]
            asked = store.min_charge_kw if fits and most >= store.min_charge_kw else 0.0
        power[step] = asked if resumable else 0.0
        if store.uninterrupted and store.charge_kw[step] > 0:
            resumable = bool(power[step] > 0)
        stored = before + power[step] * per_kw
        if not store.least_kwh[step] - TOLERANCE <= stored <= store.most_kwh[step] + TOLERANCE:
            return None
    return power


def _curtail(problem: HomeProblem, power: dict[str, Floats], *, meter: Floats) -> Floats:
    for resource in problem.resources:
        if isinstance(resource, PvOutput) and resource.curtailable and problem.export_limit_kw is not None:
            over = np.clip(-meter - problem.export_limit_kw, 0.0, resource.available_kw)
            power[resource.name] = power[resource.name] + over
            meter = meter + over
    return meter


def _kept(problem: HomeProblem, meter: Floats) -> bool:
    most = np.inf if problem.import_limit_kw is None else problem.import_limit_kw
    least = -np.inf if problem.export_limit_kw is None else -problem.export_limit_kw
    return bool(((meter <= most + TOLERANCE) & (meter >= least - TOLERANCE)).all())
