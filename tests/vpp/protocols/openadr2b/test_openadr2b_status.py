"""An event's status, when a VEN must be told, and the VEN's machine."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.protocols.backoff import LONGEST_PAUSE_S
from vpp.protocols.openadr2b.read import instant, length, number
from vpp.protocols.openadr2b.status import RESEND_AFTER, Shown, event_status, is_settled, must_show, showing
from vpp.protocols.openadr2b.ven import REQUESTS, TRANSITIONS, Act, Phase, VenMachine
from vpp.protocols.openadr2b.vocabulary import OpenADR2bError

START = datetime(2026, 1, 15, 17, tzinfo=UTC)
END = START + timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (START - timedelta(hours=2), "far"),
        (START - timedelta(minutes=10), "near"),
        (START - SECOND, "near"),
        (START, "active"),
        (END - SECOND, "active"),
        (END, "completed"),
    ],
)
def test_status_by_time(now: datetime, status: str) -> None:
    assert event_status(starts_at=START, ends_at=END, now=now, ramp_up=timedelta(minutes=10)) == status
    assert event_status(starts_at=START, ends_at=END, now=now, canceled=True) == "cancelled"


def test_without_ramp_up_an_event_is_never_near() -> None:
    assert event_status(starts_at=START, ends_at=END, now=START - SECOND) == "far"


def told(number: int = 0, *, answered: bool = True, ends_at: datetime = END) -> Shown:
    return Shown(number, ends_at, START - timedelta(hours=1), answered)


NOW = START - timedelta(hours=1) + SECOND


@pytest.mark.parametrize(
    ("shown", "current", "expected"),
    [
        ({}, {}, False),
        ({}, {"a": 0}, True),
        ({"a": told()}, {"a": 0}, False),
        ({"a": told()}, {"a": 1}, True),
        ({"a": told()}, {}, True),
        ({"a": told(ends_at=NOW)}, {}, False),
        ({"a": told(answered=False)}, {"a": 0}, False),
    ],
    ids=["nothing", "new", "known", "changed", "gone", "ended", "waiting"],
)
def test_when_a_ven_must_be_told(shown: dict[str, Shown], current: dict[str, int], expected: bool) -> None:
    assert must_show(shown, current, now=NOW) is expected


def test_what_is_not_answered_is_sent_again() -> None:
    shown = {"a": told(answered=False)}
    assert must_show(shown, {"a": 0}, now=shown["a"].shown_at + RESEND_AFTER) is True


NUMBERS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3))


@given(before=NUMBERS, after=NUMBERS, answered=st.booleans())
def test_once_told_and_answered_nothing_is_sent_again(
    before: dict[str, int], after: dict[str, int], answered: bool
) -> None:
    shown = {event_id: told(number, answered=answered) for event_id, number in before.items()}
    now_told = showing(shown, {event_id: (number, END) for event_id, number in after.items()}, now=NOW)
    assert set(now_told) == set(after)
    assert not must_show(now_told, after, now=NOW)
    done = {event_id: told(one.modification_number) for event_id, one in now_told.items()}
    assert is_settled(done, after)
    assert is_settled(now_told, after) == all(answered and before.get(one) == after[one] for one in after)


@pytest.mark.parametrize("text", ["x", "INF", "-INF", "NaN", "1e999", ""])
def test_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OpenADR2bError):
        number(text)


@given(st.text(max_size=40))
def test_whatever_text_gives_a_value_or_the_named_error(text: str) -> None:
    for read in (number, instant, length):
        try:
            read(text)
        except OpenADR2bError as error:
            assert error.response_code == 454


def test_instants_are_read_in_utc() -> None:
    assert instant("2026-01-15T18:00:00+01:00") == START
    assert instant("2026-01-15T17:00:00") == START
    assert instant("2026-01-15T17:00:00.000000000Z") == START
    assert length("+PT1H") == timedelta(hours=1)


def test_ven_comes_from_registration_to_polling() -> None:
    machine, acts = VenMachine(), []
    for kind in (
        "oadrCreatedPartyRegistration",
        "oadrRegisteredReport",
        "oadrDistributeEvent",
        "oadrResponse",
    ):
        machine, act = machine.answered(kind, 200)
        acts.append(act)
    assert acts == [Act.KEEP_REGISTRATION, Act.KEEP_REPORT_WISHES, Act.TAKE_EVENTS, Act.NOTHING]
    assert (machine.phase, machine.request) == (Phase.POLLING, ("OadrPoll", "oadrPoll"))


@pytest.mark.parametrize("phase", Phase)
def test_ven_registers_anew_when_asked_to_or_unknown(phase: Phase) -> None:
    machine, act = VenMachine(phase).answered("oadrRequestReregistration", 200)
    assert (machine, act) == (VenMachine(), Act.CONFIRM_REREGISTRATION)
    if phase is not Phase.UNREGISTERED:
        assert VenMachine(phase).answered("oadrResponse", 452) == (
            VenMachine(Phase.UNREGISTERED, 1), Act.FORGET_REGISTRATION,
        )  # fmt: skip


KINDS = sorted({kind for _, kind in TRANSITIONS} | {"oadrUpdatedReport", "oadrCreatedOpt", "nonsense"})


@given(
    steps=st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([200, 450, 452, 463, 469])), max_size=20)
)
def test_ven_always_knows_what_to_say_next(steps: list[tuple[str, int]]) -> None:
    machine = VenMachine()
    for kind, code in steps:
        before = machine
        machine, act = machine.answered(kind, code)
        assert machine.request == REQUESTS[machine.phase]
        if (before.phase, kind) in TRANSITIONS and code == 200:
            assert (machine.phase, act) == TRANSITIONS[before.phase, kind]
            assert machine.failures == 0
        else:
            assert machine.failures == before.failures + 1


@given(failures=st.integers(0, 10_000), share=st.floats(0, 1))
def test_pauses_grow_to_five_minutes(failures: int, share: float) -> None:
    pause_s = VenMachine(failures=failures).pause_s(share=share)
    assert 0 <= pause_s <= LONGEST_PAUSE_S
    assert (pause_s == 0) == (failures == 0)
    assert VenMachine(failures=1).pause_s(share=1.0) == 2.0
    assert VenMachine(failures=20).pause_s(share=0.0) == 150.0
