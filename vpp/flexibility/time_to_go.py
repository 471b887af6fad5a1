"""Share a power among devices within one interval, exactly, by one level that suits all of them.

Every rule here gives device i the power `clip(start_i + slope_i * level, least_i, most_i)` and looks for the level at
which the sum is what is asked. The sum ascends with the level along straight pieces, so Newton's method, kept within a
bracket, ends at the exact level after a few sums over all devices.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
MOST_ROUNDS: Final = 200
RELATIVE: Final = 1e-12
SAMPLE: Final = 1000


class SharingError(VppError):
    """Numbers that are none, negative, reversed or of another shape."""

    code = "invalid_sharing"


@dataclass(frozen=True, slots=True)
class Shared:
    """Power of each device (N,) [kW], the `level` it follows from, and what could not be shared out [kW].

    `shortfall_kw` is what was asked less what is given: 0 but for rounding where the devices can do it, above 0 where
    even all of them cannot, below 0 where they cannot do so little.
    """

    power_kw: Floats
    level: float
    shortfall_kw: float


class _Rule(NamedTuple):
    start: Floats
    slope: Floats
    least: Floats
    most: Floats


def share_by_time_to_go(
    target_kw: float, *, power_kw: ArrayLike, energy_kwh: ArrayLike, step_h: float
) -> Shared:
    """Discharge so that devices run out as late as they can: those that last longest give first.

    With the time to go x_i = energy / power [h], device i gives `power_i * clip((x_i - z) / step_h, 0, 1)`, z >= 0 as
    low as the target needs. No policy without recharging delivers a request that this one does not, whatever comes
    later (see `energy_power.event_feasibility` for whether it can be delivered at all).

    Parameters
    ----------
    target_kw
        Power asked for in this interval [kW], >= 0.
    power_kw
        (N,) greatest discharge [kW], >= 0.
    energy_kwh
        (N,) energy left to discharge [kWh], >= 0; what is given never takes more.
    step_h
        Length of the interval [h].

    Returns
    -------
    Shared
        `level` is z [h], the time to go that all devices giving less than their power are held to.

    Raises
    ------
    SharingError
        For NaN, infinity, negative numbers, shapes that do not fit, a step that is none.

    Notes
    -----
    Evans, Tindemans, Angeli, IEEE Trans. Smart Grid 11(1):106 (2020), arXiv 1805.09315, for the optimality of the
    policy in continuous time; the form for intervals equalizes the times to go at the interval's end.
    """
    powers, energies = _numbers(power_kw=power_kw, energy_kwh=energy_kwh)
    _at_least_zero(power_kw=powers, energy_kwh=energies, target_kw=np.asarray(target_kw, dtype=np.float64))
    if not (np.isfinite(step_h) and step_h > 0):
        raise SharingError(f"step_h is {step_h!r}, must be finite and more than 0")
    # energy / step_h is power * x / step_h without dividing by a power that may be 0.
    rule = _Rule(energies / step_h, powers / step_h, np.zeros_like(powers), powers)
    rule.start[powers == 0] = 0.0
    longest = float(np.divide(energies, powers, out=np.zeros_like(powers), where=powers > 0).max(initial=0.0))
    shared = _fill(rule, target_kw, between=(-longest, 0.0))
    return Shared(shared.power_kw, -shared.level, shared.shortfall_kw)


def share_closest_to_plan(
    target_kw: float, *, plan_kw: ArrayLike, least_kw: ArrayLike, most_kw: ArrayLike, weight: ArrayLike = 1.0
) -> Shared:
    """The powers with the given sum that are closest to a plan: minimize sum_i weight_i * (p_i - plan_i)^2.

    By the conditions of optimality p_i = clip(plan_i + z / weight_i, least_i, most_i) with one z for all: exact, one
    interval at a time (energies of later intervals are not looked at).

    Parameters
    ----------
    target_kw
        Sum asked for [kW], any sign.
    plan_kw, least_kw, most_kw
        (N,) [kW], load convention.
    weight
        (N,) or scalar, > 0.

    Raises
    ------
    SharingError
        For NaN, infinity, reversed bounds, weights of 0 or less, shapes that do not fit.
    """
    plan, least, most = _numbers(plan_kw=plan_kw, least_kw=least_kw, most_kw=most_kw)
    weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), plan.shape)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise SharingError("a weight is not a finite number above 0")
    if not np.isfinite(target_kw):
        raise SharingError(f"target_kw is {target_kw!r}, must be finite")
    if (least > most).any():
        raise SharingError("least_kw is above most_kw")
    low = float(((least - plan) * weights).min(initial=0.0))
    high = float(((most - plan) * weights).max(initial=0.0))
    return _fill(_Rule(plan, 1.0 / weights, least, most), target_kw, between=(low, high))


def share_by_headroom(
    target_kw: float, *, plan_kw: ArrayLike, least_kw: ArrayLike, most_kw: ArrayLike
) -> Shared:
    """Correct a plan in proportion to what each device can still do in the direction of the correction.

    One pass over the devices; exact in power, blind to energies. `level` is the share of the head-room used [-1, 1].

    Raises
    ------
    SharingError
        For NaN, infinity, a plan outside of its bounds, shapes that do not fit.
    """
    plan, least, most = _numbers(plan_kw=plan_kw, least_kw=least_kw, most_kw=most_kw)
    if not np.isfinite(target_kw):
        raise SharingError(f"target_kw is {target_kw!r}, must be finite")
    if (least > plan).any() or (plan > most).any():
        raise SharingError("plan_kw is not within least_kw and most_kw")
    wanted = target_kw - float(plan.sum())
    room = most - plan if wanted >= 0 else plan - least
    whole = float(room.sum())
    level = float(np.clip(wanted / whole, -1.0, 1.0)) if whole > 0 else 0.0
    power = np.clip(plan + level * room, least, most)
    return Shared(power, level, target_kw - float(power.sum()))


def _fill(rule: _Rule, target_kw: float, *, between: tuple[float, float]) -> Shared:
    """The level in `between` at which the sum is the target; the nearer end where there is none."""
    low, high = between
    close = RELATIVE * max(1.0, abs(target_kw))
    level = _first_guess(rule, target_kw, between=between)
    work = np.empty_like(rule.start)
    for _ in range(MOST_ROUNDS):
        np.multiply(rule.slope, level, out=work)
        work += rule.start
        moving = work > rule.least
        moving &= work < rule.most
        np.clip(work, rule.least, rule.most, out=work)
        missing = target_kw - float(work.sum())
        if abs(missing) <= close or (missing > 0 and level >= high) or (missing < 0 and level <= low):
            break
        low, high = (level, high) if missing > 0 else (low, level)
        steepness = float(rule.slope.sum(where=moving))
        newton = level + missing / steepness if steepness > 0 else np.nan
        level = float(newton) if low < newton < high else (low + high) / 2
        if not low < level < high:
            break
    return Shared(work, level, missing)


def _first_guess(rule: _Rule, target_kw: float, *, between: tuple[float, float]) -> float:
    """The level that suits a sample of the devices: Newton's method then needs but a few sums over all."""
    stride = len(rule.start) // SAMPLE
    if stride < 2:
        return between[1]
    sample = _Rule(*(array[::stride] for array in rule))
    share = len(sample.start) / len(rule.start)
    return _fill(sample, target_kw * share, between=between).level


def _numbers(**arrays: ArrayLike) -> list[Floats]:
    """The arrays as (N,) of finite numbers, fit to each other."""
    found = {name: np.asarray(value, dtype=np.float64) for name, value in arrays.items()}
    shape = np.broadcast_shapes(*(array.shape for array in found.values())) if _fit(found) else None
    if shape is None or len(shape) != 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in found.items())
        raise SharingError(f"shapes do not fit: {shapes}")
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise SharingError(f"{name} is not a finite number for every device")
    return [np.array(np.broadcast_to(array, shape)) for array in found.values()]


def _fit(arrays: dict[str, Floats]) -> bool:
    lengths = {array.shape for array in arrays.values() if array.ndim}
    return len(lengths) <= 1


def _at_least_zero(**arrays: Floats) -> None:
    for name, array in arrays.items():
        if not (np.isfinite(array) & (array >= 0)).all():
            raise SharingError(f"{name} must be finite and at least 0")
