"""A steered plan's question as the plan keeps it, and put together again from that."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.dispatch.errors import InputsNotKeptError, WhatIfInvalidError
from apps.dispatch.kept import Change
from apps.dispatch.models import Plan
from apps.dispatch.question import kept_limit, limit_from
from apps.dispatch.steering import Question, Steered
from vpp.dispatch.coupling import Limit
from vpp.errors import VppError
from vpp.scheduling.battery_problem import BatteryProblem

Floats = NDArray[np.float64]
WISHED: Final = ("buy", "sell", "charge_share", "charge_kwh", "import_kw", "export_kw")
HIGHEST_FACTOR: Final = 100.0
UNLIMITED: Final = ("import_kw", "export_kw")


def kept(steered: Steered) -> dict[str, Any]:
    """What was known, for a replay."""
    problem = steered.problem
    fields: Mapping[str, Any] = (
        {}
        if problem is None
        else {
            field.name: packed(getattr(problem, field.name))
            for field in dataclasses.fields(problem)
            if field.name != "names" and getattr(problem, field.name) is not None
        }
    )
    return {
        "steered": True,
        "sites": [site.pk for site in steered.sites],
        "problem": dict(fields),
        "limits": [kept_limit(limit) for limit in steered.limits],
        "wish": {name: packed(getattr(steered.wish, name)) for name in WISHED},
        "zones": steered.zones.tolist(),
        "rest_kw": packed(steered.rest_kw),
        "notes": {str(site_id): note for site_id, note in steered.left_out.items()},
        "forecast": steered.source,
        "published": dict(steered.wish.published),
    }


def packed(values: Any) -> Any:
    """Numbers as JSON: what is not finite as None, rows that repeat themselves as [value, times, value, times, …]."""
    if not np.ndim(values):
        return float(values)
    plain = np.asarray(values, dtype=np.float64)
    if plain.ndim == 2:
        rows = [_runs(row) for row in plain]
        if sum(map(len, rows)) * 2 < plain.size:
            return {"runs": rows}
    return finite(plain)


def unpacked(kept: Any, *, none: float = np.nan) -> Any:
    """Return numbers as they were; `none` stands for what was not finite."""
    if isinstance(kept, dict):
        rows = [np.repeat(_floats(row[::2], none=none), row[1::2]) for row in kept["runs"]]
        return np.stack(rows)
    return _floats(kept, none=none) if isinstance(kept, list) else float(kept)


def _runs(row: Floats) -> list[Any]:
    begins = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    times = np.diff(np.append(begins, len(row)))
    return [one for pair in zip(finite(row[begins]), times.tolist(), strict=True) for one in pair]


def finite(values: Floats) -> Any:
    """Return numbers as lists, None for what is not finite."""
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    return plain.tolist()


def _floats(kept: Any, *, none: float) -> Floats:
    values = np.array(kept, dtype=np.float64)
    return np.where(np.isnan(values), none, values)


def steered_question(*, plan: Plan, change: Change) -> tuple[list[int], Question | None]:
    """Return the homes and the question of a steered plan, or another from the same knowledge; None without batteries.

    Raises InputsNotKeptError where the plan does not keep it, WhatIfInvalidError for a change that makes no sense.
    """
    inputs: dict[str, Any] = plan.inputs
    if "limits" not in inputs:
        raise InputsNotKeptError(f"revision {plan.revision} does not keep what it was computed from")
    _check(change)
    site_ids: list[int] = inputs["sites"]
    if unknown := change.without - set(site_ids):
        raise WhatIfInvalidError(f"{len(unknown)} of these homes had no part in the plan")
    rows = np.flatnonzero(~np.isin(site_ids, sorted(change.without)))
    if not inputs["problem"] or not len(rows):
        return [], None
    try:
        problem = problem_kept(inputs)
        limits = tuple(limit_from(one) for one in inputs["limits"])
    except (VppError, TypeError, ValueError) as error:
        raise InputsNotKeptError(f"what revision {plan.revision} knew cannot be read any more") from error
    question = Question(problem, limits, zones=np.array(inputs["zones"], dtype=np.intp))
    return [site_ids[row] for row in rows], _changed(question, rows, factor=change.price_factor)


def _check(change: Change) -> None:
    if change.target_kw is not None or change.also or change.weights:
        raise WhatIfInvalidError("of a plan by prices only the prices and the homes can be changed")
    if not 0 <= change.price_factor <= HIGHEST_FACTOR:
        raise WhatIfInvalidError(f"the factor of the prices must lie between 0 and {HIGHEST_FACTOR:g}")


def problem_kept(inputs: Mapping[str, Any]) -> BatteryProblem:
    """Return the batteries' problem as a plan's inputs keep it."""
    values = {
        name: unpacked(kept, none=np.inf if name in UNLIMITED else np.nan)
        for name, kept in inputs["problem"].items()
    }
    return BatteryProblem(**values)


def _changed(question: Question, rows: NDArray[np.intp], *, factor: float) -> Question:
    """Leave homes out, whose limits are kept for the others less what they draw, and change the prices."""
    problem = question.problem
    gone = np.ones(len(problem.net_kw), dtype=np.bool_)
    gone[rows] = False
    part = problem.select(rows) if gone.any() else problem
    priced = dataclasses.replace(
        part, buy_per_kwh=part.buy_per_kwh * factor, sell_per_kwh=part.sell_per_kwh * factor
    )
    limits = tuple(
        _without(limit, problem.net_kw, zones=question.zones, gone=gone) for limit in question.limits
    )
    return Question(priced if factor != 1.0 else part, limits, zones=question.zones[rows])


def _without(limit: Limit, net_kw: Floats, *, zones: NDArray[np.intp], gone: NDArray[np.bool_]) -> Limit:
    inside = gone if limit.zones is None else gone & np.isin(zones, limit.zones)
    drawn = net_kw[inside].sum(axis=0)
    return dataclasses.replace(limit, least_kw=limit.least_kw - drawn, most_kw=limit.most_kw - drawn)
