"""The hub's end of one session, without I/O: which messages to send next, what an answer means.

Messages wait in an outbox per lane, numbered from `Hello.first_unacked` on without a gap. The caller asks
`next_spans` what to send and feeds what it receives; effects tell it what to delete, run or give up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vpp.protocols.link.messages import (
    LINK_VERSION,
    Ack,
    Check,
    CloudMessage,
    DeviceOrder,
    Hello,
    Instruction,
    Lane,
    LinkError,
    Welcome,
)

# Live first, then what became of instructions; backfill takes what is left.
SENDING_ORDER: Final[tuple[Lane, ...]] = ("live", "status", "backfill")
# How many messages may travel unacknowledged. Lanes do not share: backfill never holds up live data.
WINDOW: Final[dict[Lane, int]] = {"live": 64, "status": 32, "backfill": 16}


@dataclass(frozen=True, slots=True)
class Span:
    """Messages [first, end) of a lane, to be sent now."""

    lane: Lane
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The session is open."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Everything up to `seq` is safe in the cloud: delete it."""

    lane: Lane
    seq: int


@dataclass(frozen=True, slots=True)
class Received:
    """An instruction came."""

    instruction: Instruction


@dataclass(frozen=True, slots=True)
class Asked:
    """The cloud asks for a check."""

    check: Check


@dataclass(frozen=True, slots=True)
class Ordered:
    """The owner says something about a device."""

    order: DeviceOrder


@dataclass(frozen=True, slots=True)
class Refused:
    """A message was refused for good; its acknowledgement follows, there is nothing to send again."""

    error: LinkError


@dataclass(frozen=True, slots=True)
class RenewBoot:
    """The cloud holds more of this boot than the outbox ever numbered: the outbox was set back.

    Its messages need a new boot_id, else new ones would be taken for old ones. The session is over.
    """


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over. With `error.permanent` the next one would end the same way."""

    error: LinkError


Effect = Welcomed | Acknowledged | Received | Asked | Ordered | Refused | RenewBoot | Ended


@dataclass(slots=True)
class _Position:
    acked: int
    next: int
    sent: int  # highest ever sent
    rewound: int = -1


class HubSession:
    """One connection. With `pipelined` (HTTPS POST) messages may go out before the welcome came."""

    def __init__(self, *, hello: Hello, next_seq: Mapping[Lane, int], pipelined: bool = False) -> None:
        self.hello = hello
        self._next_seq = dict(next_seq)
        self._open = pipelined
        self._over = False
        self._lanes: dict[Lane, _Position] = {}
        for lane in SENDING_ORDER:
            first = hello.first_unacked.get(lane, 0)
            self._lanes[lane] = _Position(acked=first - 1, next=first, sent=first - 1)

    @property
    def over(self) -> bool:
        """Whether nothing more can come of this session."""
        return self._over

    @property
    def in_flight(self) -> int:
        """Messages sent and not acknowledged."""
        return sum(lane.next - 1 - lane.acked for lane in self._lanes.values())

    def next_spans(self, ends: Mapping[Lane, int], *, backfill_most: int = WINDOW["backfill"]) -> list[Span]:
        """What to send now; `ends` is each lane's next free seq. What is returned counts as sent.

        `backfill_most` bounds the messages of old rows: 0 while they have to wait, 1 so that live data never waits
        for more than one of them.
        """
        if self._over or not self._open:
            return []
        spans = []
        for lane in SENDING_ORDER:
            position = self._lanes[lane]
            end = min(ends.get(lane, 0), position.acked + 1 + WINDOW[lane])
            if lane == "backfill":
                end = min(end, position.next + backfill_most)
            if end > position.next:
                spans.append(Span(lane, position.next, end))
                position.next = end
                position.sent = max(position.sent, end - 1)
        return spans

    def feed(self, message: CloudMessage) -> list[Effect]:
        """Take the cloud's next message."""
        if self._over:
            return []
        if isinstance(message, Welcome):
            return self._feed_welcome(message)
        if isinstance(message, Ack):
            return self._feed_ack(message)
        if isinstance(message, Instruction):
            return [Received(message)]
        if isinstance(message, Check):
            return [Asked(message)]
        if isinstance(message, DeviceOrder):
            return [Ordered(message)]
        return self._feed_error(message)

    def _feed_welcome(self, welcome: Welcome) -> list[Effect]:
        if welcome.version != LINK_VERSION:
            return self._end("unsupported_version", f"the cloud speaks version {welcome.version}")
        effects: list[Effect] = [Welcomed(welcome)]
        for lane, seq in welcome.acked.items():
            if seq >= self._next_seq.get(lane, 0):
                self._over = True
                return [RenewBoot()]
            effects += self._advance(lane, seq)
        self._open = True
        return effects

    def _feed_ack(self, ack: Ack) -> list[Effect]:
        if ack.seq > self._lanes[ack.lane].sent:
            return self._end("ack_of_unsent", f"{ack.lane} {ack.seq} was acknowledged but never sent")
        return self._advance(ack.lane, ack.seq)

    def _advance(self, lane: Lane, seq: int) -> list[Effect]:
        position = self._lanes[lane]
        if seq <= position.acked:
            return []
        position.acked = seq
        position.next = max(position.next, seq + 1)
        if seq >= position.rewound:
            position.rewound = -1
        return [Acknowledged(lane, seq)]

    def _feed_error(self, error: LinkError) -> list[Effect]:
        if error.lane is None or error.expected_seq is None:
            self._over = True
            return [Ended(error)]
        if error.permanent:
            return [Refused(error)]
        position = self._lanes[error.lane]
        if not position.acked < error.expected_seq <= position.sent + 1:
            # The cloud wants what is gone or never was: only a new hello can settle that.
            self._over = True
            return [Ended(error)]
        # Every message behind a gap is refused with the same seq: one of them is enough to go back.
        if error.expected_seq != position.rewound:
            position.rewound = error.expected_seq
            position.next = error.expected_seq
        return []

    def _end(self, code: str, detail: str) -> list[Effect]:
        self._over = True
        return [Ended(LinkError(code, detail))]
