"""The cloud's end of one session, without I/O: what to store, what to answer, what was skipped.

The caller feeds decoded messages, stores what `feed` says, calls `committed` after its commit and sends
`take_outgoing()`. Positions are per lane and in order; commits are reported in order as well.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum

from vpp.errors import VppError
from vpp.protocols.link.messages import (
    LINK_VERSION,
    Ack,
    CloudMessage,
    Gap,
    Hello,
    HubMessage,
    Lane,
    LinkError,
    Points,
    Snapshots,
    Welcome,
)

LANES: tuple[Lane, ...] = ("live", "backfill", "status")
MAX_ROWS = 1000
_MAX_SEQ = 2**53


class Verdict(Enum):
    """What the caller does with the message it fed; answers are in `outgoing` in every case."""

    HELLO = "hello"  # look up what is persisted, then call `welcome`
    STORE = "store"  # store it, then call `committed`
    DUPLICATE = "duplicate"  # held already: nothing to do
    REFUSED = "refused"  # nothing of it may be stored; keep it in quarantine if you wish
    CLOSE = "close"  # send `outgoing`, then close the connection


class LinkStateError(VppError):
    """The caller reported a commit of something that this session never handed out."""

    code = "link_state"


class _Position:
    __slots__ = ("committed", "expected", "refused")

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.committed = expected - 1
        self.refused: deque[int] = deque()


class CloudSession:
    """One connection (or one POST) of the hub that its token names."""

    __slots__ = ("_closed", "_greeted", "_lanes", "hello", "hub_id", "outgoing")

    def __init__(self, *, hub_id: str) -> None:
        self.hub_id = hub_id
        self.hello: Hello | None = None
        self.outgoing: list[CloudMessage] = []
        self._lanes: dict[str, _Position] = {}
        self._greeted = False
        self._closed = False

    def take_outgoing(self) -> list[CloudMessage]:
        """The messages to send now, in order; each is given once."""
        outgoing = self.outgoing
        self.outgoing = []
        return outgoing

    def feed(self, message: HubMessage) -> Verdict:
        """Judge the next message of the hub."""
        if not self._greeted or isinstance(message, Hello):
            return self._feed_unusual(message)
        position = self._lanes.get(message.lane)
        if position is None:
            return self._refuse("unknown_lane", f"there is no lane {message.lane!r}")
        seq = message.seq
        if seq == position.expected:
            flaw = _flaw(message)
            position.expected = seq + 1
            if flaw is None:
                return Verdict.STORE
            return self._quarantine(message.lane, seq, flaw=flaw)
        if seq < position.expected:
            # Not a promise: what is received but not yet committed is acknowledged by its own commit.
            if position.committed >= 0:
                self.outgoing.append(Ack(message.lane, position.committed))
            return Verdict.DUPLICATE
        return self._refuse(
            "out_of_order",
            f"got {seq}, expected {position.expected}",
            lane=message.lane,
            expected_seq=position.expected,
        )

    def welcome(
        self,
        *,
        site_id: int,
        server_time: int,
        snapshot_interval_s: float = 60.0,
        acked: Mapping[Lane, int] | None = None,
        features: Sequence[str] = (),
    ) -> Welcome:
        """Answer the hello; `acked` are the persisted positions of this boot, where there are any."""
        if self.hello is None or self._greeted:
            raise LinkStateError("welcome follows exactly one accepted hello")
        for lane, seq in (acked or {}).items():
            position = self._lanes[lane]
            if seq >= position.expected:
                position.expected = seq + 1
                position.committed = seq
        self._greeted = True
        welcome = Welcome(
            site_id=site_id,
            server_time=server_time,
            acked={lane: self._lanes[lane].committed for lane in LANES},
            snapshot_interval_s=snapshot_interval_s,
            features=list(features),
        )
        self.outgoing.append(welcome)
        return welcome

    def committed(
        self, lane: Lane, seq: int, *, stored: int = 0, duplicates: int = 0, quarantined: int = 0
    ) -> Ack:
        """Everything of `lane` up to `seq` is committed: queue and return its acknowledgement."""
        position = self._lanes[lane]
        if seq >= position.expected:
            raise LinkStateError(f"{lane} {seq} was never handed out")
        position.committed = max(position.committed, seq)
        refused = position.refused
        while refused and refused[0] <= position.committed + 1:
            position.committed = max(position.committed, refused.popleft())
            quarantined += 1
        ack = Ack(lane, position.committed, stored, duplicates, quarantined)
        self.outgoing.append(ack)
        return ack

    def position(self, lane: Lane) -> int:
        """The highest seq of `lane` that is committed, -1 for none."""
        return self._lanes[lane].committed

    def _quarantine(self, lane: Lane, seq: int, *, flaw: str) -> Verdict:
        """Refuse for good a message whose turn it was: the lane goes on behind it."""
        position = self._lanes[lane]
        self._refuse("malformed", flaw, permanent=True, lane=lane, expected_seq=seq + 1)
        position.refused.append(seq)
        if position.committed == seq - 1:
            self.committed(lane, position.committed)
        return Verdict.REFUSED

    def _refuse(
        self,
        code: str,
        detail: str,
        *,
        permanent: bool = False,
        lane: Lane | None = None,
        expected_seq: int | None = None,
    ) -> Verdict:
        self.outgoing.append(LinkError(code, detail, permanent, lane, expected_seq))
        return Verdict.REFUSED

    def _close(self, code: str, detail: str, *, permanent: bool) -> Verdict:
        self._closed = True
        self._greeted = False
        self._refuse(code, detail, permanent=permanent)
        return Verdict.CLOSE

    def _feed_unusual(self, message: HubMessage) -> Verdict:
        if self._closed:
            return Verdict.CLOSE
        if self.hello is not None:
            detail = "one hello per session, and nothing before its welcome"
            return self._close("unexpected_message", detail, permanent=False)
        if not isinstance(message, Hello):
            return self._close("hello_first", "a session starts with a hello", permanent=False)
        return self._feed_hello(message)

    def _feed_hello(self, hello: Hello) -> Verdict:
        if hello.version != LINK_VERSION:
            detail = f"this end speaks version {LINK_VERSION}, not {hello.version}"
            return self._close("unsupported_version", detail, permanent=True)
        if hello.hub_id != self.hub_id:
            return self._close("foreign_hub", "the token belongs to another hub", permanent=True)
        unknown = set(hello.first_unacked) - set(LANES)
        if unknown or not all(0 <= seq < _MAX_SEQ for seq in hello.first_unacked.values()):
            return self._close("malformed", "first_unacked has positions that cannot be", permanent=True)
        if not hello.boot_id:
            return self._close("malformed", "boot_id is empty", permanent=True)
        self.hello = hello
        self._lanes = {lane: _Position(hello.first_unacked.get(lane, 0)) for lane in LANES}
        return Verdict.HELLO


def _flaw(message: HubMessage) -> str | None:
    """What is wrong with the shape of a message, or None."""
    if type(message) is Snapshots:
        return _snapshots_flaw(message)
    if type(message) is Points:
        return _points_flaw(message)
    if type(message) is Gap and message.ends_at < message.starts_at:
        return "a gap ends before it starts"
    return None


def _snapshots_flaw(m: Snapshots) -> str | None:
    rows = len(m.at)
    if not 0 < rows <= MAX_ROWS:
        return f"a message has 1 to {MAX_ROWS} rows, not {rows}"
    # Written out: this runs for every snapshot of every home.
    for column in (
        m.grid_kw,
        m.import_kwh,
        m.export_kwh,
        m.load_kw,
        m.pv_kw,
        m.battery_kw,
        m.battery_soc,
        m.ev_kw,
        m.ev_soc,
        m.heat_kw,
        m.voltage_v,
        m.frequency_hz,
    ):
        if column and len(column) != rows:
            return f"a column has {len(column)} values for {rows} instants"
    return None


def _points_flaw(m: Points) -> str | None:
    rows = len(m.at)
    if not 0 < rows <= MAX_ROWS:
        return f"a message has 1 to {MAX_ROWS} rows, not {rows}"
    if not len(m.resource) == len(m.quantity) == len(m.value) == rows:
        return "resource, quantity, at and value differ in length"
    return None
