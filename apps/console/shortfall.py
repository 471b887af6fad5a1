"""Which homes give less than they are asked in a running event, and why, the most missing first."""

import dataclasses
import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from apps.dispatch.models import Plan
from apps.dispatch.selectors import HomeInSignal, SignalView, first_interval
from apps.hubs.models import Hub, Instruction
from apps.hubs.selectors import active_hubs_by_site

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from apps.dispatch.homes_now import HomesNow

SHOWN: Final = 60
# Less than this, or than a tenth of what is asked, is not worth a word [kW].
LEAST_KW: Final = 0.1
LEAST_SHARE: Final = 0.1
AT_RESERVE: Final = 0.02
WORDS: Final = {
    "opted_out": "opted out",
    "offline": "hub off the link",
    "silent": "no measurements",
    "refused": "hub refused",
    "empty": "battery empty",
    "waiting": "order not acknowledged",
    "late": "acknowledged late",
    "weak": "gives less than asked",
}
DETAILS: Final = {
    "opted_out": "the household said no",
    "silent": "its hub is on the link but measures nothing",
    "weak": "its hub follows, its devices give less",
}


class ShortHome(NamedTuple):
    """A home that gives less than asked [kW]; `kind` is a key of WORDS."""

    home: HomeInSignal
    kind: str
    detail: str

    @property
    def words(self) -> str:
        return WORDS[self.kind]

    @property
    def missing_kw(self) -> float:
        return max(self.home.shed_kw - (self.home.delivered_kw or 0.0), 0.0)


@dataclasses.dataclass(frozen=True)
class Shortfall:
    """The homes with what they miss in all [kW], by reason; only the first are listed."""

    homes: list[ShortHome]
    count: int
    missing_kw: float
    by_reason: list[tuple[str, int, float]]


@dataclasses.dataclass(frozen=True)
class Redispatch:
    """A plan that followed another, and how much more it counts on in its first interval [kW]."""

    plan: Plan
    change_kw: float | None


def shortfall(*, view: SignalView, now: datetime) -> Shortfall:
    """Return who is short now and why; every home is counted, the first are named."""
    import numpy as np  # here: the web door starts without it

    fleet = view.fleet
    kinds, missing_kw = _kinds(fleet), fleet.missing_kw
    places = np.flatnonzero(kinds >= 0)
    first = places[np.argsort(-missing_kw[places], kind="stable")][:SHOWN]
    homes = fleet.listed(first)
    hubs = active_hubs_by_site(site_ids=[home.site.pk for home in homes])
    words = list(WORDS)
    named = [
        ShortHome(home, kind, _detail(home, kind, hub=hubs.get(home.site.pk), now=now))
        for home, kind in zip(homes, (words[code] for code in kinds[first]), strict=True)
    ]
    counts = np.bincount(kinds[places], minlength=len(words))
    sums = np.bincount(kinds[places], weights=missing_kw[places], minlength=len(words))
    by_reason = [
        (WORDS[kind], int(count), float(kw))
        for kind, count, kw in zip(words, counts, sums, strict=True)
        if count
    ]
    return Shortfall(
        homes=named,
        count=len(places),
        missing_kw=float(missing_kw[places].sum()),
        by_reason=sorted(by_reason, key=lambda row: (-row[2], row[0])),
    )


def _kinds(fleet: "HomesNow") -> "NDArray[np.int64]":
    """Each home's place in WORDS, -1 where it gives what it is asked.

    The first that explains it: what a person did, what cannot be reached, what is empty, what came late.
    """
    import numpy as np

    from apps.dispatch.homes_now import ORDERS, STATES

    opted_out = fleet.state == STATES.index("opted out")
    missing = fleet.shed_kw - np.nan_to_num(fleet.delivered_kw)
    short = (fleet.shed_kw > 0) & (missing > np.maximum(LEAST_KW, LEAST_SHARE * fleet.shed_kw))
    waiting = [ORDERS.index(word) for word in (Instruction.State.QUEUED, Instruction.State.SENT)]
    reasons = {
        "opted_out": opted_out,
        "offline": ~fleet.is_linked,
        "silent": fleet.state == STATES.index("silent"),
        "refused": fleet.order == ORDERS.index(Instruction.State.REJECTED),
        "empty": fleet.soc <= fleet.reserve_soc + AT_RESERVE,
        "waiting": np.isin(fleet.order, waiting),
        "late": fleet.is_late,
    }
    words = list(WORDS)
    kinds = np.select(list(reasons.values()), [words.index(one) for one in reasons], words.index("weak"))
    return np.where(short | opted_out, kinds, -1)


def _detail(home: HomeInSignal, kind: str, *, hub: Hub | None, now: datetime) -> str:
    order = home.order
    if kind == "offline":
        since = hub.disconnected_at if hub else None
        return f"since {_minutes(now - since)}" if since else "no hub is on the link"
    if kind == "empty":
        return f"at {home.soc:.0%}, its reserve is {home.site.reserve_soc:.0%}"
    if order is not None and kind == "refused":
        return order.state_reason
    if order is not None and kind == "waiting":
        return f"told {_minutes(now - order.created_at)} ago"
    if order is not None and order.acknowledged_at and kind == "late":
        return f"{_minutes(order.acknowledged_at - order.created_at)} after it was told"
    return DETAILS.get(kind, "")


def _minutes(passed: timedelta) -> str:
    minutes = max(round(passed.total_seconds() / 60), 1)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def redispatches(*, view: SignalView) -> list[Redispatch]:
    """Return the plans after the first, newest first, with what each changed."""
    plans = sorted(view.plans, key=lambda plan: plan.revision)
    found = [Redispatch(plan, _change(plan, before, view=view)) for before, plan in itertools.pairwise(plans)]
    return found[::-1]


def _change(plan: Plan, before: Plan, *, view: SignalView) -> float | None:
    first, first_before = (first_interval(plan=one, signal=view.signal) for one in (plan, before))
    if first is None or first_before is None or not plan.planned_kw:
        return None
    place = first - first_before
    if not 0 <= place < len(before.planned_kw):
        return None
    return float(plan.planned_kw[0] - before.planned_kw[place])
