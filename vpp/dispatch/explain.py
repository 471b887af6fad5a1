"""A plan in sentences: what is met, and what holds the rest back."""

from collections.abc import Sequence

import numpy as np

from vpp.dispatch.problem import AllocationProblem, Cuts, Floats
from vpp.flexibility.envelope import ShedEnvelope

TOLERANCE = 1e-3
NOTABLE_KW = 0.05
NOTABLE_PRICE = 0.005
MOST_SENTENCES = 12


def explain(
    problem: AllocationProblem, *, cuts: Cuts, shed_kw: Floats, shortfall_kw: Floats
) -> tuple[str, ...]:
    """Describe a plan for the usable homes of `problem`, the shortfall first and its causes after it.

    Parameters
    ----------
    cuts
        What is done at each home.
    shed_kw
        (N, T) what comes of it at the meter [kW].
    shortfall_kw
        (T,) what is missing [kW].
    """
    return (
        *_met(problem, shed_kw=shed_kw, shortfall_kw=shortfall_kw),
        *_surplus(problem, shed_kw=shed_kw),
        *_causes(problem.envelope, cuts=cuts, shed_kw=shed_kw),
        *_limits(problem, prices=cuts.limit_prices, shed_kw=shed_kw),
    )


def name_all(names: Sequence[str], *, most: int = 10) -> str:
    """Names in a row, the last ones as a number where there are many."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def _label(problem: AllocationProblem, t: int) -> str:
    return f"at {problem.labels[t]}" if problem.labels else f"in interval {t + 1}"


def _met(problem: AllocationProblem, *, shed_kw: Floats, shortfall_kw: Floats) -> list[str]:
    short = np.flatnonzero(shortfall_kw > NOTABLE_KW)
    if not len(short):
        homes = int((shed_kw > 1e-4).any(axis=1).sum())
        return [
            f"The target is met in all {len(problem.target_kw)} intervals by {homes} of {len(shed_kw)} homes."
        ]
    met = problem.target_kw - shortfall_kw
    sentences = [
        _how_much(problem.target_kw[t], met_kw=met[t], label=_label(problem, t))
        for t in short[:MOST_SENTENCES]
    ]
    if len(short) > MOST_SENTENCES:
        sentences.append(f"{len(short) - MOST_SENTENCES} more intervals fall short.")
    return sentences


def _how_much(target_kw: float, *, met_kw: float, label: str) -> str:
    if met_kw < -NOTABLE_KW:
        return (
            f"Nothing of {target_kw:.1f} kW can be met {label}: "
            f"the homes together are expected to draw {-met_kw:.1f} kW more than their baselines."
        )
    return f"{max(0.0, met_kw):.1f} of {target_kw:.1f} kW can be met {label}."


def _surplus(problem: AllocationProblem, *, shed_kw: Floats) -> list[str]:
    surplus = shed_kw.sum(axis=0) - problem.target_kw
    worst = int(np.argmax(surplus)) if len(surplus) else 0
    if not len(surplus) or surplus[worst] <= NOTABLE_KW:
        return []
    return [f"Up to {surplus[worst]:.1f} kW more than asked for is expected, most {_label(problem, worst)}."]


def _causes(envelope: ShedEnvelope, *, cuts: Cuts, shed_kw: Floats) -> list[str]:
    given = cuts.discharge_kw.sum(axis=1) * envelope.hours
    put_off = cuts.heat_kw.sum(axis=1) * envelope.hours
    total = cuts.discharge_kw + cuts.ev_kw + cuts.heat_kw
    limited = envelope.headroom_kw < envelope.battery_kw + envelope.ev_kw + envelope.heat_kw - TOLERANCE
    counts = (
        (
            (given > TOLERANCE) & (given >= envelope.battery_kwh - TOLERANCE),
            "battery reaches its",
            "batteries reach their",
            "reserve",
        ),
        (
            (put_off > TOLERANCE) & (put_off >= envelope.heat_kwh - TOLERANCE),
            "heat pump puts",
            "heat pumps put",
            "off as much heat as allowed",
        ),
        (
            (limited & (total >= envelope.headroom_kw - TOLERANCE)).any(axis=1),
            "home is held by its",
            "homes are held by their",
            "export limit",
        ),
        (
            (shed_kw < -NOTABLE_KW).any(axis=1),
            "home is",
            "homes are",
            "expected to draw more than the baseline at times",
        ),
    )
    sentences = []
    for homes, one, several, rest in counts:
        if number := int(homes.sum()):
            sentences.append(f"{number} {one if number == 1 else several} {rest}.")
    return sentences


def _limits(problem: AllocationProblem, *, prices: Floats | None, shed_kw: Floats) -> list[str]:
    """What each grid area's limit costs where it is dearest, and where it could not be kept."""
    sentences = []
    for row, limit in enumerate(problem.limits):
        if prices is not None and len(prices[row]):
            t = int(np.abs(prices[row]).argmax())
            if abs(prices[row, t]) >= NOTABLE_PRICE:
                sentences.append(
                    f"{limit.name} costs {abs(prices[row, t]):.2f} per kWh {_label(problem, t)}."
                )
        drawn = (problem.envelope.baseline_kw - shed_kw)[problem.homes_of(limit)].sum(axis=0)
        missed = np.maximum(limit.least_kw - drawn, drawn - limit.most_kw)
        if len(missed) and missed.max() > NOTABLE_KW:
            t = int(missed.argmax())
            sentences.append(
                f"{limit.name} is missed by up to {missed[t]:.1f} kW, most {_label(problem, t)}."
            )
    return sentences
