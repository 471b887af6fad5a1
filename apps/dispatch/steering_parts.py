"""Who is steered by what: signals with targets are for some of a program's homes only."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.dispatch.steering_wish import Wish, values_on, wish_of
from apps.programs.models import LIMIT_KINDS, GridSignal, Program
from apps.sites.models import Site
from apps.sites.selectors import sites_named
from vpp.intervals import Grid

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]
NAMED_AT_MOST: Final = 3


@dataclasses.dataclass(frozen=True)
class Joint:
    """A limit that the homes of some groups keep together (T,) [kW]; `whom` names them where they are not all."""

    whom: str
    groups: tuple[int, ...]
    import_kw: Floats
    export_kw: Floats


@dataclasses.dataclass(frozen=True)
class Parts:
    """Homes in groups, each of which the same signals are for.

    `wishes` has what a group is asked, `group_of` (N,) each home's group, `is_for` (groups, signals) which signal is for
    which group, and `shared` what all are asked.
    """

    signals: tuple[GridSignal, ...]
    wishes: tuple[Wish, ...]
    group_of: Numbers
    is_for: NDArray[np.bool_]
    shared: Wish
    joint: tuple[Joint, ...]

    def kwh_shares(self, *, capacity: Floats, rows: Numbers) -> list[Floats]:
        """(T,) for each group the share of their capacity [0-1] at which batteries together hold what is asked in kWh.

        `capacity` [kWh] and `rows` are those of the homes that take part: what a signal asks is of the batteries it is for.
        """
        grid, groups = self.shared.grid, self.group_of[rows]
        found = [np.full(grid.count, np.nan) for _ in self.wishes]
        for number, signal in enumerate(self.signals):
            if signal.kind != GridSignal.Kind.CHARGE_STATE or signal.detail.get("unit") != "kWh":
                continue
            asked_of = float(capacity[self.is_for[groups, number]].sum())
            share = np.minimum(1.0, values_on(signal, grid=grid) / max(1e-9, asked_of))
            for group in np.flatnonzero(self.is_for[:, number]):
                found[group] = np.where(np.isnan(found[group]), share, found[group])
        return found

    def by_home(self, name: str, *, rows: Numbers) -> Floats:
        """A field of what homes are asked: (T,) where it is the same for all, else (N, T)."""
        values = [getattr(wish, name) for wish in self.wishes]
        if len(values) == 1:
            only: Floats = values[0]
            return only
        return np.stack(values)[self.group_of[rows]]


def parts_of(
    *, program: Program, signals: Sequence[GridSignal], sites: Sequence[Site], grid: Grid, now: datetime
) -> Parts:
    """Put homes into groups by the signals that are for them, and say what each group is asked."""
    named = [
        sites_named(organization=program.organization, names=one.targets) if one.targets else None
        for one in signals
    ]
    keys = [tuple(names is None or site.pk in names for names in named) for site in sites]
    groups = sorted(set(keys), reverse=True) or [(True,) * len(signals)]
    numbers = {key: number for number, key in enumerate(groups)}
    is_for = np.array(groups, dtype=np.bool_)

    def wished(chosen: Sequence[bool]) -> Wish:
        part = [one for one, is_in in zip(signals, chosen, strict=True) if is_in]
        return wish_of(program=program, signals=part, now=now, grid=grid)

    return Parts(
        signals=tuple(signals),
        wishes=tuple(wished(key) for key in groups),
        group_of=np.array([numbers[key] for key in keys], dtype=np.intp),
        is_for=is_for,
        shared=wished([all(column) for column in zip(*groups, strict=True)]),
        joint=_joint(program, signals, is_for=is_for, grid=grid, now=now),
    )


def _joint(
    program: Program, signals: Sequence[GridSignal], *, is_for: NDArray[np.bool_], grid: Grid, now: datetime
) -> tuple[Joint, ...]:
    """The limits of signals for the same homes, as one."""
    by_targets: dict[tuple[str, ...], list[int]] = {}
    for number, signal in enumerate(signals):
        if signal.kind in LIMIT_KINDS:
            by_targets.setdefault(tuple(sorted(signal.targets)), []).append(number)
    found = []
    for targets, held in by_targets.items():
        wish = wish_of(program=program, signals=[signals[one] for one in held], now=now, grid=grid)
        groups = tuple(np.flatnonzero(is_for[:, held[0]]).tolist())
        if groups:
            found.append(Joint(_whom(targets), groups, wish.import_kw, wish.export_kw))
    return tuple(found)


def _whom(targets: Sequence[str]) -> str:
    if not targets:
        return ""
    more = f" and {len(targets) - NAMED_AT_MOST} more" if len(targets) > NAMED_AT_MOST else ""
    return f" for {', '.join(targets[:NAMED_AT_MOST])}{more}"
