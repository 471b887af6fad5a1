"""Whose data a report tells, and in which periods."""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from apps.accounts.models import Organization
from apps.programs.models import GridSignal, Program
from apps.programs.selectors import enrolled_site_ids
from apps.sites.consents import allowed_sites
from apps.sites.models import Site
from apps.sites.selectors import sites_named
from vpp.protocols.openadr3.reporting import ReportInterval

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Homes:
    """Homes in the order of their numbers."""

    organization: Organization
    site_ids: list[int]
    names: list[str]
    zones: list[str]

    def __len__(self) -> int:
        return len(self.site_ids)

    def places(self, site_ids: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where homes stand here and in `site_ids`."""
        _, here, there = np.intersect1d(
            np.array(self.site_ids, dtype=np.int64), site_ids, assume_unique=True, return_indices=True
        )
        return here, there


@dataclasses.dataclass(frozen=True)
class Asked:
    """One report: the homes, its periods, and the signal that the event made of them if it asks for a shed."""

    program: Program
    homes: Homes
    intervals: tuple[ReportInterval, ...]
    signal: GridSignal | None
    now: datetime

    @property
    def starts_at(self) -> datetime:
        return min(one.period.starts_at for one in self.intervals)

    @property
    def ends_at(self) -> datetime:
        return max(one.period.ends_at for one in self.intervals)

    @property
    def hours(self) -> Floats:
        """(intervals,) length [h]."""
        return np.array([one.period.seconds / 3600 for one in self.intervals])


def homes_asked(
    *, program: Program, targets: Sequence[Collection[str]], at: datetime, by_home: bool
) -> Homes:
    """Return the homes that take part in a program at an instant and that every list of targets names.

    `by_home`: each is told by itself, which a household may say no to; in a sum of all it is nobody.
    """
    organization = program.organization
    chosen = set(enrolled_site_ids(program=program, at=at))
    for names in targets:
        if names:
            chosen &= sites_named(organization=organization, names=names)
    if by_home:
        chosen = set(allowed_sites(site_ids=chosen, purpose="utility"))
    rows = list(Site.objects.filter(pk__in=chosen).order_by("pk").values_list("pk", "name", "time_zone"))
    return Homes(
        organization, [pk for pk, _, _ in rows], [name for _, name, _ in rows], [zone for _, _, zone in rows]
    )
