"""Cover what is missing now by homes with head-room, between two full optimizations: no solver, one pass an interval."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.coupling import Limit
from vpp.errors import VppError
from vpp.flexibility.time_to_go import share_by_headroom, share_by_time_to_go

Floats = NDArray[np.float64]
# A home that is expected to deliver less of what it is asked is not asked for more.
LEAST_RESPONSE: Final = 0.05
CHANGED_KW: Final = 1e-6


class CorrectionError(VppError):
    """Plan, bounds and shortfall that do not fit each other, or numbers that are none."""

    code = "invalid_correction"


@dataclass(frozen=True, slots=True)
class Running:
    """The rest of a plan: N homes over R intervals to come, the running one counting with what is left of it.

    Attributes
    ----------
    shed_kw, least_kw, most_kw
        (N, R) planned shed and its bounds [kW], least <= shed <= most.
    spare_kwh
        (N,) energy that the rest of the plan leaves unused [kWh], >= 0.
    response
        (N,) what a home delivers of each kW asked more [1], >= 0; 0 for a home not to be asked.
    hours
        (R,) lengths of the intervals [h], > 0.
    net_kw
        (N, R) planned net power [kW], load convention; needed with `limits`.
    limits
        What grid areas allow: more shed may bring them to their least power and no further, less shed to their most.
    zone_of_home
        (N,) zone of each home that the limits name; None where each means all homes.
    """

    shed_kw: Floats
    least_kw: Floats
    most_kw: Floats
    spare_kwh: Floats
    response: Floats
    hours: Floats
    net_kw: Floats | None = None
    limits: tuple[Limit, ...] = ()
    zone_of_home: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        shape = self.shed_kw.shape
        if len(shape) != 2 or self.least_kw.shape != shape or self.most_kw.shape != shape:
            raise CorrectionError(f"bounds do not fit a plan of shape {shape}")
        if self.spare_kwh.shape != shape[:1] or self.response.shape != shape[:1]:
            raise CorrectionError(f"{shape[0]} homes need as many energies and responses")
        if self.hours.shape != shape[1:]:
            raise CorrectionError(f"{shape[1]} intervals need as many lengths")
        for name in ("shed_kw", "least_kw", "most_kw", "spare_kwh", "response", "hours"):
            if not np.isfinite(getattr(self, name)).all():
                raise CorrectionError(f"{name} has a value that is no finite number")
        if (self.least_kw > self.shed_kw).any() or (self.shed_kw > self.most_kw).any():
            raise CorrectionError("the plan is not within its bounds")
        if (self.spare_kwh < 0).any() or (self.response < 0).any() or (self.hours <= 0).any():
            raise CorrectionError("an energy or response is below 0, or an interval has no length")
        self._check_limits(shape)

    def _check_limits(self, shape: tuple[int, ...]) -> None:
        if not self.limits:
            return
        if self.net_kw is None or self.net_kw.shape != shape or not np.isfinite(self.net_kw).all():
            raise CorrectionError("limits need the finite planned net power of every home")
        if self.zone_of_home is not None and self.zone_of_home.shape != shape[:1]:
            raise CorrectionError(f"{shape[0]} homes need a zone each")
        for limit in self.limits:
            if limit.steps != shape[1]:
                raise CorrectionError(f"{limit.name} has {limit.steps} steps, the plan {shape[1]}")


@dataclass(frozen=True, slots=True)
class Correction:
    """What to ask instead.

    `shed_kw` (N, R) [kW]; `changed` (N,) the homes that have to be told; `uncovered_kw` (R,) what is still expected to
    be missing, below 0 for a surplus that could not be taken back [kW].
    """

    shed_kw: Floats
    changed: NDArray[np.bool_]
    uncovered_kw: Floats


def correct(running: Running, missing_kw: Floats) -> Correction:
    """Ask homes with head-room for what is missing, or let homes off what is too much.

    In each interval in turn what is missing is shared by time to go: the power a home has left above its plan, its
    spare energy and what it delivers of what it is asked decide together, so that homes run out as late as they can.
    A surplus is taken off in proportion to what homes were asked; the energy saved counts as spare later on. Where a
    limit would be broken, the homes below it keep their part of what it leaves, and the others are asked for the rest.

    Parameters
    ----------
    missing_kw
        (R,) expected shortfall in each interval to come [kW]; below 0 a surplus.

    Raises
    ------
    CorrectionError
        For shortfalls that do not fit or are not finite.

    Notes
    -----
    The rule is `share_by_time_to_go`, best for stores whose greatest power stays the same; with powers that change from
    interval to interval it is only feasible. A correction lowers no home to help another.
    """
    homes, intervals = running.shed_kw.shape
    if missing_kw.shape != (intervals,) or not np.isfinite(missing_kw).all():
        raise CorrectionError(f"a shortfall needs {intervals} finite numbers")
    spare = running.spare_kwh.copy()
    response = np.where(running.response >= LEAST_RESPONSE, running.response, 0.0)
    extra, uncovered = np.zeros((homes, intervals)), np.zeros(intervals)
    for step, missing in enumerate(missing_kw.tolist()):
        taken = _less if missing < 0 else _more
        part = taken(running, missing, step=step, spare_kwh=spare, response=response)
        part[np.abs(part) <= CHANGED_KW] = 0.0
        extra[:, step] = part
        spare = np.maximum(spare - part * running.hours[step], 0.0)
        uncovered[step] = missing - float(response @ part)
    return Correction(
        shed_kw=np.clip(running.shed_kw + extra, running.least_kw, running.most_kw),
        changed=(extra != 0).any(axis=1),
        uncovered_kw=uncovered,
    )


def corrected(running: Running, correction: Correction) -> Running:
    """The rest of the plan with a correction in it, for the next one."""
    more = (correction.shed_kw - running.shed_kw) @ running.hours
    net = None if running.net_kw is None else running.net_kw - (correction.shed_kw - running.shed_kw)
    spare = np.maximum(running.spare_kwh - more, 0.0)
    return replace(running, shed_kw=correction.shed_kw, spare_kwh=spare, net_kw=net)


def _more(running: Running, missing_kw: float, *, step: int, spare_kwh: Floats, response: Floats) -> Floats:
    """(N,) what to ask more [kW]; homes below a limit that binds are held, one limit a round."""
    room = running.most_kw[:, step] - running.shed_kw[:, step]
    hours = float(running.hours[step])
    held = np.zeros(len(room), dtype=np.bool_)
    part = np.zeros(len(room))
    for _ in range(len(running.limits) + 1):
        free = np.where(held, 0.0, response)
        left = max(missing_kw - float((response * part)[held].sum()), 0.0)
        given = share_by_time_to_go(
            left, power_kw=room * free, energy_kwh=spare_kwh * free, step_h=hours
        ).power_kw
        asked = np.divide(given, free, out=np.zeros_like(given), where=free > 0)
        part = np.where(held, part, np.minimum(asked, np.minimum(room, spare_kwh / hours)))
        newly = _hold(running, part, step=step, held=held)
        if not newly:
            break
    return part


def _hold(running: Running, part: Floats, *, step: int, held: NDArray[np.bool_]) -> bool:
    """Scale what the free homes below broken limits were given down to the room, and hold them; in place."""
    newly = False
    for limit in running.limits:
        below = _homes_of(running, limit)
        assert running.net_kw is not None
        room = max(float(running.net_kw[below, step].sum() - limit.least_kw[step]), 0.0)
        asked = float(part[below].sum())
        if asked > room * (1 + 1e-12) + 1e-12:
            part[below] *= room / asked
            held |= below
            newly = True
    return newly


def _homes_of(running: Running, limit: Limit) -> NDArray[np.bool_]:
    if limit.zones is None or running.zone_of_home is None:
        return np.ones(len(running.response), np.bool_)
    return np.isin(running.zone_of_home, limit.zones)


def _less(running: Running, missing_kw: float, *, step: int, spare_kwh: Floats, response: Floats) -> Floats:
    """(N,) what to ask less, as a power below 0 [kW]."""
    planned = response * running.shed_kw[:, step]
    shared = share_by_headroom(
        float(planned.sum()) + missing_kw,
        plan_kw=planned,
        least_kw=response * np.minimum(running.shed_kw, np.maximum(running.least_kw, 0.0))[:, step],
        most_kw=planned,
    )
    change = shared.power_kw - planned
    part = np.divide(change, response, out=np.zeros_like(change), where=response > 0)
    for limit in running.limits:
        below = _homes_of(running, limit)
        assert running.net_kw is not None
        room = max(float(limit.most_kw[step] - running.net_kw[below, step].sum()), 0.0)
        given = -float(part[below].sum())
        if given > room:
            part[below] *= room / given
    return part
