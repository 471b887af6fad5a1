"""When an update goes on to the next ring of hubs, and when it stops by itself. Pure."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from vpp.protocols.link.update import ring_position

# The first so many per cent of hubs, by their place in the fleet; test hubs belong to the first ring.
RINGS = (1.0, 10.0, 100.0)
# A few failures among many hubs are the hubs' own; fewer than this many stop nothing by their share.
LEAST_FAILURES = 3


@dataclasses.dataclass(frozen=True)
class Progress:
    """What became of the hubs of all rings opened so far."""

    hubs: int
    waiting: int
    healthy: int
    failed: int

    @property
    def reached(self) -> int:
        return self.hubs - self.waiting


@dataclasses.dataclass(frozen=True)
class Step:
    """What a campaign does next, and why."""

    do: Literal["wait", "advance", "stop", "finish"]
    reason: str = ""


def ring_of(hub_id: str, *, is_test_hub: bool) -> int:
    """Return the first ring that a hub belongs to."""
    position = ring_position(hub_id)
    return 0 if is_test_hub else next(index for index, share in enumerate(RINGS) if position < share)


def next_step(progress: Progress, *, ring: int, soaked: bool, healthy_pct: int, failed_pct: int) -> Step:
    """Return what a running campaign does next."""
    ended = progress.healthy + progress.failed
    enough = progress.failed >= LEAST_FAILURES or (progress.failed > 0 and ended == progress.hubs)
    if enough and progress.failed * 100 > failed_pct * ended:
        return Step("stop", f"{progress.failed} of {ended} hubs failed, more than {failed_pct} %")
    is_last = ring == len(RINGS) - 1
    if is_last:
        return Step("finish", "every hub has answered") if ended == progress.hubs else Step("wait")
    if progress.hubs == 0:
        return Step("advance", "no hub is in this ring")
    if not soaked or progress.healthy == 0:
        return Step("wait")
    if progress.healthy * 100 >= healthy_pct * progress.reached:
        return Step("advance", f"{progress.healthy} of {progress.reached} hubs are healthy")
    return Step("wait")


def progress_of(counts: Mapping[str, int]) -> Progress:
    """Return the progress that counts by state make."""
    return Progress(
        hubs=sum(counts.values()),
        waiting=counts.get("waiting", 0),
        healthy=counts.get("healthy", 0),
        failed=counts.get("failed", 0),
    )
