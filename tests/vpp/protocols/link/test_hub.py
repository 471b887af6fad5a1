"""The hub's end of a session."""

from vpp.protocols.link.hub import (
    WINDOW,
    Acknowledged,
    Ended,
    HubSession,
    Received,
    Refused,
    RenewBoot,
    Span,
    Welcomed,
)
from vpp.protocols.link.messages import Ack, Hello, Instruction, Lane, LinkError, Welcome


def session(first: dict[Lane, int], ends: dict[Lane, int], *, pipelined: bool = False) -> HubSession:
    return HubSession(hello=Hello("hub-1", "boot", first), next_seq=ends, pipelined=pipelined)


def opened(first: dict[Lane, int], ends: dict[Lane, int]) -> HubSession:
    hub = session(first, ends)
    hub.feed(Welcome(1, 0, {lane: seq - 1 for lane, seq in first.items()}))
    return hub


def test_nothing_is_sent_before_the_welcome() -> None:
    hub = session({"live": 0}, {"live": 3})
    assert hub.next_spans({"live": 3}) == []
    assert hub.feed(Welcome(1, 0, {"live": -1})) == [Welcomed(Welcome(1, 0, {"live": -1}))]
    assert hub.next_spans({"live": 3}) == [Span("live", 0, 3)]
    assert hub.in_flight == 3


def test_a_post_is_sent_before_the_welcome() -> None:
    hub = session({"live": 4}, {"live": 6}, pipelined=True)
    assert hub.next_spans({"live": 6}) == [Span("live", 4, 6)]
    hub.feed(Welcome(1, 0, {"live": 3}))
    assert hub.feed(Ack("live", 5)) == [Acknowledged("live", 5)]


def test_live_goes_first_and_backfill_last_each_in_its_window() -> None:
    ends: dict[Lane, int] = {"live": 100, "backfill": 100, "status": 2}
    hub = opened({"live": 0, "backfill": 0, "status": 0}, ends)
    assert hub.next_spans(ends) == [
        Span("live", 0, WINDOW["live"]),
        Span("status", 0, 2),
        Span("backfill", 0, WINDOW["backfill"]),
    ]
    assert hub.next_spans(ends) == []
    hub.feed(Ack("backfill", 4))
    assert hub.next_spans(ends) == [Span("backfill", WINDOW["backfill"], WINDOW["backfill"] + 5)]


def test_welcome_acknowledges_what_the_cloud_holds_already() -> None:
    hub = session({"live": 5}, {"live": 9})
    effects = hub.feed(Welcome(1, 0, {"live": 6}))
    assert effects[1:] == [Acknowledged("live", 6)]
    assert hub.next_spans({"live": 9}) == [Span("live", 7, 9)]


def test_an_outbox_set_back_gets_a_new_boot() -> None:
    hub = session({"live": 5}, {"live": 9})
    assert hub.feed(Welcome(1, 0, {"live": 9})) == [RenewBoot()]
    assert hub.over
    assert hub.next_spans({"live": 9}) == []


def test_out_of_order_rewinds_once_for_a_burst_of_errors() -> None:
    hub = opened({"live": 0}, {"live": 10})
    hub.next_spans({"live": 10})
    gap = LinkError("out_of_order", "", lane="live", expected_seq=4)
    assert hub.feed(gap) == []
    assert hub.next_spans({"live": 10}) == [Span("live", 4, 10)]
    assert hub.feed(gap) == []
    assert hub.next_spans({"live": 10}) == []
    hub.feed(Ack("live", 6))
    assert hub.feed(LinkError("out_of_order", "", lane="live", expected_seq=8)) == []
    assert hub.next_spans({"live": 10}) == [Span("live", 8, 10)]


def test_a_cloud_that_wants_what_is_gone_ends_the_session() -> None:
    hub = opened({"live": 5}, {"live": 10})
    hub.next_spans({"live": 10})
    error = LinkError("out_of_order", "", lane="live", expected_seq=3)
    assert hub.feed(error) == [Ended(error)]
    assert hub.over


def test_an_acknowledgement_of_what_was_not_sent_deletes_nothing() -> None:
    hub = opened({"live": 0}, {"live": 10})
    (effect,) = hub.feed(Ack("live", 3))
    assert isinstance(effect, Ended)
    assert effect.error.code == "ack_of_unsent"


def test_a_refused_message_is_told_and_not_sent_again() -> None:
    hub = opened({"live": 0}, {"live": 2})
    hub.next_spans({"live": 2})
    error = LinkError("malformed", "", permanent=True, lane="live", expected_seq=1)
    assert hub.feed(error) == [Refused(error)]
    assert hub.next_spans({"live": 2}) == []
    assert hub.feed(Ack("live", 1, quarantined=1)) == [Acknowledged("live", 1)]


def test_old_acknowledgements_and_messages_after_the_end_do_nothing() -> None:
    hub = opened({"live": 5}, {"live": 10})
    assert hub.feed(Ack("live", 2)) == []
    instruction = Instruction("i", 1, 0, 1)
    assert hub.feed(instruction) == [Received(instruction)]
    fatal = LinkError("foreign_hub", "", permanent=True)
    assert hub.feed(fatal) == [Ended(fatal)]
    assert hub.feed(instruction) == []


def test_another_version_ends_the_session() -> None:
    hub = session({}, {})
    (effect,) = hub.feed(Welcome(1, 0, version=2))
    assert isinstance(effect, Ended)
    assert effect.error.code == "unsupported_version"


def test_old_rows_wait_while_they_are_held_back_and_go_one_by_one_beside_live_data() -> None:
    ends: dict[Lane, int] = {"live": 1, "backfill": 3, "status": 0}
    hub = opened({"live": 0, "backfill": 0, "status": 0}, ends)
    assert hub.next_spans(ends, backfill_most=0) == [Span("live", 0, 1)]
    assert hub.next_spans(ends, backfill_most=1) == [Span("backfill", 0, 1)]
    ends["live"] = 2
    assert hub.next_spans(ends, backfill_most=1) == [Span("live", 1, 2), Span("backfill", 1, 2)]
