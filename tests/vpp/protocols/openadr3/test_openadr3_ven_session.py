"""A VEN's conversation as a table of steps."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.protocols.backoff import LONGEST_PAUSE_S
from vpp.protocols.openadr3.common import OpenADRFormatError
from vpp.protocols.openadr3.ven_session import (
    CALM,
    Phase,
    Step,
    VenSession,
    addressed,
    changes,
    mark,
)

ROUND = [Step.VEN, Step.RESOURCES, Step.PROGRAMS, Step.SUBSCRIPTION, Step.EVENTS, Step.REPORTS, Step.REST]


def after(session: VenSession, *, count: int, is_subscribed: bool = False) -> VenSession:
    for _ in range(count):
        session = session.answered(is_subscribed=is_subscribed)
    return session


class TestSteps:
    def test_first_round_and_the_next(self) -> None:
        session, asked = VenSession(), []
        for _ in range(9):
            asked.append(session.asks)
            session = session.answered()
        assert asked == [Step.TOKEN, *ROUND, Step.VEN]

    def test_phases(self) -> None:
        assert VenSession().answered().phase is Phase.UNREGISTERED
        assert after(VenSession(), count=2).phase is Phase.REGISTERED
        assert after(VenSession(), count=5).phase is Phase.POLLING
        assert after(VenSession(), count=5, is_subscribed=True).phase is Phase.SUBSCRIBED

    @pytest.mark.parametrize("count", range(1, 7))
    def test_expired_token_is_renewed_and_the_step_goes_on(self, count: int) -> None:
        session = after(VenSession(), count=count)
        failed = session.failed(401)
        assert (failed.asks, failed.answered().asks) == (Step.TOKEN, session.asks)

    @pytest.mark.parametrize("status", [None, 400, 403, 500, 503])
    def test_other_failures_begin_the_round_anew(self, status: int | None) -> None:
        failed = after(VenSession(), count=5).failed(status)
        assert (failed.asks, failed.failures, failed.phase) == (Step.VEN, 1, Phase.POLLING)

    def test_forgotten_ven_registers_anew(self) -> None:
        assert after(VenSession(), count=8).failed(404).phase is Phase.UNREGISTERED
        assert after(VenSession(), count=3).failed(404).phase is Phase.REGISTERED

    def test_rest_needs_no_token(self) -> None:
        assert VenSession(step=Step.REST).asks is Step.REST


class TestPauses:
    @given(st.integers(1, 60), st.floats(0, 1))
    def test_pause_doubles_to_its_longest(self, failures: int, share: float) -> None:
        session = VenSession(failures=failures)
        longest = min(LONGEST_PAUSE_S, 2.0**failures)
        assert longest / 2 <= session.pause_s(share=share) <= longest

    def test_only_read_events_make_up_for_failures(self) -> None:
        session = VenSession(has_token=True, failures=3)
        assert after(session, count=4).failures == 3
        assert after(session, count=5).failures == 0

    def test_no_token_is_ever_good_enough(self) -> None:
        """A VTN that gives tokens and refuses them is not asked faster and faster."""
        session = VenSession()
        for _ in range(20):
            session = session.answered().failed(401)
        assert session.pause_s(share=1.0) == LONGEST_PAUSE_S

    @given(st.floats(1, 3600), st.floats(0, 1))
    def test_rest_is_the_polls_period_give_or_take(self, poll_s: float, share: float) -> None:
        polling, subscribed = VenSession(phase=Phase.POLLING), VenSession(phase=Phase.SUBSCRIBED)
        assert 0.899 * poll_s <= polling.rest_s(poll_s=poll_s, share=share) <= 1.101 * poll_s
        assert subscribed.rest_s(poll_s=poll_s, share=0.5) == pytest.approx(CALM * poll_s)


def shown(id_: str, at: str = "2026-01-01T00:00:00Z", **changes_: Any) -> dict[str, Any]:
    return {"id": id_, "modificationDateTime": at, **changes_}


class TestChanges:
    def test_new_changed_and_missing(self) -> None:
        held = {"a": mark(shown("a")), "b": mark(shown("b")), "c": mark(shown("c"))}
        now = [shown("a"), shown("b", "2026-01-02T00:00:00Z"), shown("d")]
        found = changes(held, now)
        assert ([one["id"] for one in found.fresh], found.missing) == (["b", "d"], ("c",))

    def test_hidden_target_is_a_change(self) -> None:
        held = {"a": mark(shown("a", targets=["north", "south"]))}
        assert len(changes(held, [shown("a", targets=["north"])]).fresh) == 1

    def test_second_change_within_a_second_is_a_change(self) -> None:
        held = {"a": mark(shown("a", priority=1))}
        assert changes(held, [shown("a", priority=2)]).fresh == (shown("a", priority=2),)

    def test_event_shown_on_two_pages_is_one(self) -> None:
        later = shown("a", "2026-01-02T00:00:00Z")
        assert changes({}, [shown("a"), later]).fresh == (later,)

    @given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "2"]))))
    def test_what_was_taken_is_no_news(self, pairs: list[tuple[str, str]]) -> None:
        now = [shown(id_, at) for id_, at in pairs]
        taken = {one["id"]: mark(one) for one in changes({}, now).fresh}
        assert changes(taken, now) == changes({}, [])

    @pytest.mark.parametrize("bad", [{}, {"id": "a"}, shown(""), {"id": 1, "modificationDateTime": "x"}])
    def test_object_that_cannot_be_told_apart_is_refused(self, bad: dict[str, Any]) -> None:
        with pytest.raises(OpenADRFormatError):
            changes({}, [bad])


class TestAddressed:
    RESOURCES = {"home 1": ("east",), "home 2": ("east", "west")}

    @pytest.mark.parametrize(
        ("targets", "is_private", "found"),
        [
            ([], False, ()),
            (["ores"], False, ()),
            (["home 1", "ores"], False, ()),
            (["home 1"], False, ("home 1",)),
            (["east"], False, ("home 1", "home 2")),
            (["west", "elsewhere"], False, ("home 2",)),
            (["elsewhere"], False, None),
            (["elsewhere"], True, ()),
        ],
    )
    def test_for_whom_an_event_is(
        self, targets: list[str], is_private: bool, found: tuple[str, ...] | None
    ) -> None:
        held = addressed(targets, ours=["ores"], resources=self.RESOURCES, is_private=is_private)
        assert held == found
