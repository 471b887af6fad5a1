"""The cloud's end of a session."""

import pytest

from vpp.protocols.link.cloud import CloudSession, LinkStateError, Verdict
from vpp.protocols.link.messages import (
    Ack,
    Hello,
    InstructionStatus,
    Lane,
    LinkError,
    Points,
    Snapshots,
    Welcome,
)


def opened(first: dict[Lane, int] | None = None, acked: dict[Lane, int] | None = None) -> CloudSession:
    session = CloudSession(hub_id="hub-1")
    assert session.feed(Hello("hub-1", "boot", first or {})) is Verdict.HELLO
    session.welcome(site_id=7, server_time=0, acked=acked)
    session.take_outgoing()
    return session


def snapshot(seq: int) -> Snapshots:
    return Snapshots("live", seq, [seq * 60_000], grid_kw=[1.0])


def test_stores_in_order_and_acknowledges_only_after_commit() -> None:
    session = opened()
    assert session.feed(snapshot(0)) is Verdict.STORE
    assert session.feed(snapshot(1)) is Verdict.STORE
    assert session.take_outgoing() == []
    session.committed("live", 1, stored=2)
    assert session.take_outgoing() == [Ack("live", 1, stored=2)]


def test_duplicate_is_acknowledged_as_far_as_committed() -> None:
    session = opened()
    session.feed(snapshot(0))
    assert session.feed(snapshot(0)) is Verdict.DUPLICATE
    assert session.take_outgoing() == []
    session.committed("live", 0)
    session.take_outgoing()
    assert session.feed(snapshot(0)) is Verdict.DUPLICATE
    assert session.take_outgoing() == [Ack("live", 0)]


def test_gap_is_refused_with_the_expected_seq() -> None:
    session = opened({"live": 5})
    assert session.feed(snapshot(7)) is Verdict.REFUSED
    assert session.take_outgoing() == [
        LinkError("out_of_order", "got 7, expected 5", lane="live", expected_seq=5)
    ]
    assert session.feed(snapshot(5)) is Verdict.STORE


def test_persisted_position_moves_the_start() -> None:
    session = CloudSession(hub_id="hub-1")
    session.feed(Hello("hub-1", "boot", {"live": 3}))
    welcome = session.welcome(site_id=7, server_time=1, acked={"live": 9, "status": -1})
    assert welcome == Welcome(7, 1, {"live": 9, "backfill": -1, "status": -1})
    assert session.feed(snapshot(4)) is Verdict.DUPLICATE
    assert session.feed(snapshot(10)) is Verdict.STORE


@pytest.mark.parametrize(
    "flawed",
    [
        Snapshots("live", 0, []),
        Snapshots("live", 0, [1, 2], grid_kw=[1.0]),
        Snapshots("live", 0, [1], voltage_v=[1.0, 2.0]),
        Points("live", 0, ["ev"], ["x", "y"], [1], [1.0]),
        Points("live", 0, [], [], [], []),
        Snapshots("live", 0, [1] * 1001),
    ],
)
def test_malformed_columns_are_refused_and_the_lane_goes_on(flawed: Snapshots | Points) -> None:
    session = opened()
    assert session.feed(flawed) is Verdict.REFUSED
    error, ack = session.take_outgoing()
    assert isinstance(error, LinkError)
    assert (error.code, error.permanent, error.lane, error.expected_seq) == ("malformed", True, "live", 1)
    assert ack == Ack("live", 0, quarantined=1)
    assert session.feed(snapshot(1)) is Verdict.STORE


def test_refused_message_is_not_acknowledged_before_what_came_earlier() -> None:
    session = opened()
    session.feed(snapshot(0))
    session.feed(Snapshots("live", 1, []))
    assert [type(message) for message in session.take_outgoing()] == [LinkError]
    session.feed(snapshot(2))
    assert session.committed("live", 0, stored=1) == Ack("live", 1, stored=1, quarantined=1)
    assert session.committed("live", 2, stored=1) == Ack("live", 2, stored=1)


def test_commit_of_what_was_never_handed_out_is_an_error() -> None:
    session = opened()
    with pytest.raises(LinkStateError):
        session.committed("live", 0)


def test_welcome_needs_a_hello() -> None:
    with pytest.raises(LinkStateError):
        CloudSession(hub_id="hub-1").welcome(site_id=1, server_time=0)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (snapshot(0), "hello_first"),
        (Hello("hub-2", "boot"), "foreign_hub"),
        (Hello("hub-1", "boot", version=2), "unsupported_version"),
        (Hello("hub-1", ""), "malformed"),
        (Hello("hub-1", "boot", {"live": -1}), "malformed"),
        (Hello("hub-1", "boot", {"live": 2**60}), "malformed"),
    ],
)
def test_a_bad_start_closes_the_session(message: Hello | Snapshots, code: str) -> None:
    session = CloudSession(hub_id="hub-1")
    assert session.feed(message) is Verdict.CLOSE
    (error,) = session.take_outgoing()
    assert isinstance(error, LinkError)
    assert error.code == code
    assert session.feed(Hello("hub-1", "boot")) is Verdict.CLOSE
    assert session.take_outgoing() == []


def test_a_second_hello_closes_the_session() -> None:
    session = opened()
    assert session.feed(Hello("hub-1", "boot")) is Verdict.CLOSE
    assert session.feed(snapshot(0)) is Verdict.CLOSE


def test_unknown_lane_is_refused() -> None:
    session = opened()
    status = InstructionStatus(0, "i", 1, "applied", 5, lane="nowhere")  # type: ignore[arg-type]
    assert session.feed(status) is Verdict.REFUSED


def test_instruction_status_is_stored_in_its_lane() -> None:
    session = opened()
    assert session.feed(InstructionStatus(0, "i", 1, "applied", 5)) is Verdict.STORE
    assert session.committed("status", 0) == Ack("status", 0)
