"""The life of an instruction, seen by who gave it."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from s2python.common import InstructionStatus

from vpp.protocols.s2.messages import Message

S = InstructionStatus
# What may follow, by S2's InstructionStatus; None: given, and nothing heard yet.
FOLLOWS: Final[dict[S | None, frozenset[S]]] = {
    None: frozenset({S.NEW, S.ACCEPTED, S.REJECTED, S.REVOKED, S.STARTED, S.SUCCEEDED, S.ABORTED}),
    S.NEW: frozenset({S.ACCEPTED, S.REJECTED, S.REVOKED, S.STARTED, S.SUCCEEDED, S.ABORTED}),
    S.ACCEPTED: frozenset({S.REVOKED, S.STARTED, S.SUCCEEDED, S.ABORTED}),
    S.STARTED: frozenset({S.REVOKED, S.SUCCEEDED, S.ABORTED}),
    S.REJECTED: frozenset(),
    S.REVOKED: frozenset(),
    S.SUCCEEDED: frozenset(),
    S.ABORTED: frozenset(),
}
_KEPT = 64


@dataclass(slots=True)
class Given:
    """An instruction and what became of it."""

    message: Message
    at: datetime
    status: S | None = None
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be heard of it."""
        return not FOLLOWS[self.status]


class InstructionBook:
    """The latest instructions of a session, oldest forgotten first."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, Given] = OrderedDict()

    def __getitem__(self, key: str) -> Given:
        return self._given[key]

    def __contains__(self, key: str) -> bool:
        return key in self._given

    def add(self, key: str, given: Given) -> None:
        """Note one that goes out."""
        self._given[key] = given
        while len(self._given) > _KEPT:
            self._given.popitem(last=False)

    def news(self, key: str, status: S) -> bool | None:
        """Take a status: whether it is new; None where it cannot follow what was heard before."""
        given = self._given[key]
        if status == given.status:
            return False
        if status not in FOLLOWS[given.status]:
            return None
        given.status = status
        return True
