"""Tells the cloud what was decided and why, each decision once, also over restarts."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from edge_agent.outbox import Decided, Outbox
from vpp.protocols.link.messages import MAX_DECISIONS, Decision, Decisions

_TOLD: Final = "decisions_told"
# Not sooner than after so long by the machine's clock [s], whatever is decided.
_LEAST_S: Final = 10.0
# So many unacknowledged messages of the status lane, and decisions have to wait.
_MOST_WAITING: Final = 8


class DecisionTeller:
    """Stages what is new of the outbox's decisions; how far it got becomes durable with the same commit."""

    def __init__(self, outbox: Outbox, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._outbox, self._monotonic = outbox, monotonic
        self._number = int(outbox.get(_TOLD) or 0)
        self._told_at = float("-inf")
        self._is_heard = False

    def welcomed(self, features: Sequence[str]) -> None:
        """Learn whether the cloud wants to know of decisions."""
        self._is_heard = "decisions" in features

    def tell(self) -> None:
        """Say what is new, if it is time."""
        if not self._is_heard or self._monotonic() - self._told_at < _LEAST_S:
            return
        if self._outbox.waiting("status") >= _MOST_WAITING:
            return
        fresh = self._outbox.decisions_after(self._number, MAX_DECISIONS)
        if not fresh:
            return
        self._number, self._told_at = fresh[-1][0], self._monotonic()
        self._outbox.put(_TOLD, str(self._number).encode())
        self._outbox.add_status(Decisions(0, [_decision(one) for _, one in fresh]))


def _decision(decided: Decided) -> Decision:
    return Decision(
        at=max(0, decided.at),
        resource=decided.resource[:100],
        controller=decided.controller[:100],
        reason=decided.reason[:300],
        low_kw=_bound(decided.low_kw),
        high_kw=_bound(decided.high_kw),
    )


def _bound(kw: float) -> float | None:
    return round(kw, 4) if math.isfinite(kw) else None
