"""Both ends against a line that loses, doubles, reorders and breaks; and a cloud that forgets what it had
not committed. Whatever happens, every message arrives and nothing is deleted that was not stored."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.protocols.link.cloud import LANES, CloudSession, Verdict
from vpp.protocols.link.hub import Acknowledged, HubSession
from vpp.protocols.link.messages import CloudMessage, Hello, HubMessage, Lane, Snapshots

BOOT = "boot"


@dataclass
class Line:
    """A hub with an outbox, a cloud with a store, and what is on its way between them."""

    remembers: bool
    first: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    ends: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    store: set[tuple[Lane, int]] = field(default_factory=set)
    stored_twice: int = 0
    persisted: dict[Lane, int] = field(default_factory=dict)
    up: list[HubMessage] = field(default_factory=list)
    down: list[CloudMessage] = field(default_factory=list)
    uncommitted: list[tuple[Lane, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        """A new session; what was on its way or not committed is gone."""
        self.up, self.down, self.uncommitted = [], [], []
        hello = Hello("hub", BOOT, dict(self.first))
        self.hub = HubSession(hello=hello, next_seq=dict(self.ends))
        self.cloud = CloudSession(hub_id="hub")
        self.up.append(hello)

    def produce(self, lane: Lane) -> None:
        self.ends[lane] += 1

    def send(self) -> None:
        for span in self.hub.next_spans(self.ends):
            assert span.first >= self.first[span.lane], "what is deleted cannot be sent"
            self.up += [Snapshots(span.lane, seq, [seq]) for seq in range(span.first, span.end)]

    def cloud_receives(self) -> None:
        if not self.up:
            return
        message = self.up.pop(0)
        verdict = self.cloud.feed(message)
        if verdict is Verdict.HELLO:
            self.cloud.welcome(site_id=1, server_time=0, acked=self.persisted if self.remembers else None)
        elif verdict is Verdict.STORE:
            assert isinstance(message, Snapshots)
            self.uncommitted.append((message.lane, message.seq))
        self.down += self.cloud.take_outgoing()

    def commit(self) -> None:
        highest: dict[Lane, int] = {}
        for lane, seq in self.uncommitted:
            self.stored_twice += (lane, seq) in self.store
            self.store.add((lane, seq))
            highest[lane] = seq
        self.uncommitted = []
        for lane, seq in highest.items():
            self.persisted[lane] = self.cloud.committed(lane, seq).seq
        self.down += self.cloud.take_outgoing()

    def hub_receives(self) -> None:
        if not self.down:
            return
        for effect in self.hub.feed(self.down.pop(0)):
            if isinstance(effect, Acknowledged):
                for seq in range(self.first[effect.lane], effect.seq + 1):
                    assert (effect.lane, seq) in self.store, "acknowledged, but not committed"
                self.first[effect.lane] = max(self.first[effect.lane], effect.seq + 1)

    def disturb(self, kind: str, place: int) -> None:
        """Lose, double or reorder something on its way."""
        queue: list = self.up if place % 2 else self.down
        if not queue:
            return
        index = place // 2 % len(queue)
        if kind == "lose":
            queue.pop(index)
        elif kind == "double":
            queue.insert(index, queue[index])
        else:
            queue.append(queue.pop(index))

    def settle(self) -> None:
        """A new connection over a good line: everything must get through."""
        self.connect()
        for _ in range(2000):
            self.send()
            if not self.up and not self.down and not self.uncommitted:
                break
            self.cloud_receives()
            self.commit()
            self.hub_receives()


ACTION = st.one_of(
    st.tuples(st.just("produce"), st.sampled_from(LANES)),
    st.tuples(st.sampled_from(["lose", "double", "reorder"]), st.integers(0, 200)),
    st.tuples(st.sampled_from(["send", "cloud", "cloud", "commit", "hub", "hub", "connect"]), st.none()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTION, max_size=120), st.booleans())
def test_everything_arrives_and_nothing_is_deleted_early(actions: list, remembers: bool) -> None:
    line = Line(remembers=remembers)
    for name, argument in actions:
        match name:
            case "produce":
                line.produce(argument)
            case "send":
                line.send()
            case "cloud":
                line.cloud_receives()
            case "commit":
                line.commit()
            case "hub":
                line.hub_receives()
            case "connect":
                line.connect()
            case _:
                line.disturb(name, argument)
    line.settle()
    assert line.store == {(lane, seq) for lane in LANES for seq in range(line.ends[lane])}
    assert line.first == line.ends
    if remembers:
        assert line.stored_twice == 0


@given(st.lists(st.integers(0, 6), max_size=40))
def test_a_replayed_or_reordered_batch_is_stored_once_each_and_in_order(order: list[int]) -> None:
    cloud = CloudSession(hub_id="hub")
    cloud.feed(Hello("hub", BOOT))
    cloud.welcome(site_id=1, server_time=0)
    stored = [seq for seq in order if cloud.feed(Snapshots("live", seq, [seq])) is Verdict.STORE]
    assert stored == list(range(len(stored)))
