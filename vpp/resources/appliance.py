"""A washing machine, a dishwasher: a profile of power that runs once within a window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpp.resources.bounds import ResourceError
from vpp.resources.horizon import Floats, Horizon, ImpossibleNeedError, ResourceModel, modeling, switch


@dataclass(frozen=True, slots=True, eq=False)
class Appliance:
    """A run of K phases, one step each, within the steps [earliest, latest).

    Attributes
    ----------
    profile_kw
        (K,) power of each phase [kW], >= 0.
    earliest, latest
        Boundaries [steps from the start]: it starts not before the first and has ended by the second; None is the
        end of the horizon.
    interruptible
        Whether it may pause between phases; their order stays.

    Raises
    ------
    ResourceError
        For NaN, negative power, an empty profile, a window outside the horizon.
    ImpossibleNeedError
        For a window shorter than the profile.
    """

    name: str
    horizon: Horizon
    profile_kw: Sequence[float] | Floats
    earliest: int = 0
    latest: int | None = None
    interruptible: bool = False

    def __post_init__(self) -> None:
        profile = np.asarray(self.profile_kw, dtype=np.float64)
        if profile.ndim != 1 or not profile.size:
            raise ResourceError(f"profile_kw of {self.name} needs at least one phase")
        if not (np.isfinite(profile) & (profile >= 0)).all():
            raise ResourceError(f"profile_kw of {self.name} is not a finite number of 0 or more")
        latest = self.horizon.steps if self.latest is None else self.latest
        if not 0 <= self.earliest < latest <= self.horizon.steps:
            raise ResourceError(
                f"the window of {self.name}, steps {self.earliest} to {latest}, is none within "
                f"{self.horizon.steps} steps"
            )
        if latest - self.earliest < profile.size:
            label = self.horizon.label
            raise ImpossibleNeedError(
                f"{self.name} cannot run between {label(self.earliest)} and {label(latest)}: it needs "
                f"{profile.size} steps, the window has {latest - self.earliest}"
            )
        object.__setattr__(self, "profile_kw", profile)
        object.__setattr__(self, "latest", latest)

    @property
    def profile(self) -> Floats:
        """(K,) power of each phase [kW]."""
        return np.asarray(self.profile_kw, dtype=np.float64)

    @property
    def window(self) -> range:
        """The steps it may run in."""
        return range(self.earliest, self.horizon.steps if self.latest is None else self.latest)

    def runs(self) -> Floats:
        """(starts, T) power [kW] of a run without a pause from each start the window allows."""
        starts = range(self.window.start, self.window.stop - len(self.profile) + 1)
        runs = np.zeros((len(starts), self.horizon.steps))
        for row, start in enumerate(starts):
            runs[row, start : start + len(self.profile)] = self.profile
        return runs

    def model(self, *, exclusive: bool = False, relax: bool = False) -> ResourceModel:
        """The run in a cvxpy program; there is nothing that `exclusive` would change.

        Switches, all of them integer: one for each start, or, with pauses, one for each step if all phases are alike,
        else one for each phase and step. Relaxed they stand for a mix of runs: a lower bound.
        """
        profile = self.profile
        if not self.interruptible:
            power, constraints, count = self._starts(relax=relax)
        elif np.ptp(profile) == 0:
            power, constraints, count = self._alike(relax=relax)
        else:
            power, constraints, count = self._phases(relax=relax)
        most = np.zeros(self.horizon.steps)
        most[self.window.start : self.window.stop] = profile.max()
        return ResourceModel(
            name=self.name,
            power_kw=power,
            least_kw=np.zeros_like(most),
            most_kw=most,
            constraints=constraints,
            integers=0 if relax else count,
            relaxed="a mix of several runs" if relax else "",
        )

    def _starts(self, *, relax: bool) -> tuple[Any, list[Any], int]:
        cp = modeling()
        runs = self.runs()
        chosen = switch(len(runs), relax=relax)
        return runs.T @ chosen, [cp.sum(chosen) == 1], len(runs)

    def _alike(self, *, relax: bool) -> tuple[Any, list[Any], int]:
        cp = modeling()
        on = switch(len(self.window), relax=relax)
        return (
            self._placed() @ on * float(self.profile[0]),
            [cp.sum(on) == len(self.profile)],
            len(self.window),
        )

    def _phases(self, *, relax: bool) -> tuple[Any, list[Any], int]:
        cp = modeling()
        width, phases = len(self.window), len(self.profile)
        flags = switch(width * phases, relax=relax)
        at = cp.reshape(flags, (phases, width), order="C")
        done = at @ np.triu(np.ones((width, width)))
        constraints = [cp.sum(at, axis=1) == 1, cp.sum(at, axis=0) <= 1]
        # A phase is done by a step only if the one before it was done by the step before.
        constraints += [done[1:, 1:] <= done[:-1, :-1], at[1:, 0] == 0]
        return self._placed() @ (self.profile @ at), constraints, width * phases

    def _placed(self) -> Floats:
        """(T, window) that puts the window's steps in their places."""
        return np.eye(self.horizon.steps)[:, self.window.start : self.window.stop]
