"""Sentences: what a plan does and why it can be trusted, or what makes a home's wishes impossible."""

import math
from collections.abc import Mapping

import numpy as np

from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Floats, Horizon, Requirement, modeling
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.scheduling.home_problem import Cost, HomeMethod, HomeProblem, InfeasibleHomeError
from vpp.scheduling.home_program import build_program
from vpp.scheduling.program import solve_program

NOTHING_KWH = 1e-6


def infeasible(problem: HomeProblem, *, time_limit_s: float) -> InfeasibleHomeError:
    """The error for a home whose program has no solution: what gives way when as little as possible may.

    First the resources' needs may give way, with the limits of the connection point kept; if that is not enough, the
    limits too. Switches are relaxed; where that alone makes it possible, the error names the resources that switch.
    """
    program = build_program(problem, relax=True)
    for hard, soft in ((program.limits, program.needs), ((), (*program.needs, *program.limits))):
        held = [*program.constraints, *(limit.short <= 0 for limit in hard)]
        slacks = [modeling().Variable(need.short.shape, nonneg=True) for need in soft]
        held += [need.short <= slack for need, slack in zip(soft, slacks, strict=True)]
        if not soft:
            continue
        total = sum(modeling().sum(slack) for slack in slacks)
        if solve_program(total, held, time_limit_s=max(1.0, time_limit_s)).found:
            said = _what_gives_way(soft, [np.atleast_1d(slack.value) for slack in slacks])
            if said:
                return InfeasibleHomeError(f"{problem.name}: {said}{_within(problem, limited=bool(hard))}")
            break
    switching = [one.name for one in problem.resources if isinstance(one, Appliance) or _switches(one)]
    return InfeasibleHomeError(
        f"{problem.name}: no way to switch {', '.join(switching) or 'its meter'} meets all needs and limits together"
    )


def _within(problem: HomeProblem, *, limited: bool) -> str:
    ways = (("import", problem.import_limit_kw), ("export", problem.export_limit_kw))
    said = [f"an {way} limit of {limit:g} kW" for way, limit in ways if limit is not None]
    return f", beside the other resources and within {' and '.join(said)}" if limited and said else ""


def _switches(resource: object) -> bool:
    return isinstance(resource, Store) and (resource.switches or resource.discharges)


def _what_gives_way(needs: tuple[Requirement, ...], slacks: list[Floats]) -> str:
    worst = max(range(len(needs)), key=lambda index: float(slacks[index].max()))
    step = int(slacks[worst].argmax())
    short = float(slacks[worst][step])
    return needs[worst].sentence(step, short) if short > NOTHING_KWH else ""


def sentences(
    problem: HomeProblem,
    *,
    power_kw: Mapping[str, Floats],
    cost: Cost,
    method: HomeMethod,
    gap: float,
) -> tuple[str, ...]:
    """What the plan costs, how sure that is, and what each resource does that has a choice."""
    said = [
        f"{problem.name} pays {cost.total:.2f}: import {cost.import_cost:.2f}, export -{cost.export_income:.2f}, "
        f"demand {cost.demand:.2f}, wear {cost.wear:.2f}.",
        _certainty(method, gap=gap),
    ]
    for resource in problem.resources:
        power, horizon = power_kw[resource.name], problem.horizon
        if isinstance(resource, Store):
            said += _moved(resource.name, power, horizon=horizon)
        elif isinstance(resource, Appliance):
            said.append(f"{resource.name} runs {_when(power > 0, horizon=horizon)}.")
        elif isinstance(resource, PvOutput):
            curtailed = float((resource.available_kw + power).sum()) * horizon.step_h
            if curtailed > 1e-3:
                said.append(f"{resource.name} is curtailed by {curtailed:.2f} kWh.")
    return tuple(said)


def _certainty(method: HomeMethod, *, gap: float) -> str:
    if method == "rule":
        return (
            "The solver found no plan in its time: needs are met as early as possible, prices are not used."
        )
    if gap <= 1e-6:
        return "No plan can do better."
    if math.isinf(gap):
        return "It is the best found in the time; how far from the best there is, is not proven."
    return f"It is the best found in the time, at most {100 * gap:.2g} % from the best there is."


def _moved(name: str, power: Floats, *, horizon: Horizon) -> list[str]:
    said = []
    for verb, part in (("draws", np.maximum(power, 0.0)), ("gives", np.maximum(-power, 0.0))):
        energy = float(part.sum()) * horizon.step_h
        if energy > 1e-3:
            said.append(f"{name} {verb} {energy:.2f} kWh {_when(part > 1e-6, horizon=horizon)}.")
    return said


def _when(on: Floats | np.ndarray[tuple[int, ...], np.dtype[np.bool_]], *, horizon: Horizon) -> str:
    """The first and last boundary of what is on, and in how many pieces it is."""
    steps = np.flatnonzero(on)
    if not steps.size:
        return "not at all"
    pieces = int((np.diff(steps) > 1).sum()) + 1
    span = f"from {horizon.label(int(steps[0]))} to {horizon.label(int(steps[-1]) + 1)}"
    return span if pieces == 1 else f"{span}, in {pieces} pieces"
