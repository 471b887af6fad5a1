"""Instructions as the hub keeps them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.protocols.link.messages import Instruction, Schedule

KEYS = ("battery", "ev")
MINUTE = 60_000


def order(
    revision: int = 1, *, name: str = "i", starts: int = 10, site_kw: float = 1.0, until: int = 60
) -> Instruction:
    plan = Schedule(starts * MINUTE, 900, [site_kw, None])
    return Instruction(name, revision, 0, until * MINUTE, plan)


def states(book: ScheduleBook, instruction: Instruction, minute: int) -> list[tuple[str, str]]:
    return [(notice.state, notice.reason) for notice in book.receive(instruction, minute * MINUTE)]


def test_acknowledged_on_receipt_and_applied_when_its_first_interval_begins() -> None:
    book = ScheduleBook(KEYS)
    assert states(book, order(), 0) == [("acknowledged", "")]
    assert book.tick(9 * MINUTE) == []
    assert book.active(9 * MINUTE) is None
    (notice,) = book.tick(10 * MINUTE)
    assert (notice.instruction_id, notice.revision, notice.state) == ("i", 1, "applied")
    assert book.tick(11 * MINUTE) == []
    active = book.active(26 * MINUTE)
    assert active is not None and active[1] == 1
    assert book.active(40 * MINUTE) is None


def test_a_higher_revision_replaces_and_a_stale_one_is_refused() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(2), 0)
    assert states(book, order(1), 1) == [("rejected", "stale revision: holding 2")]
    assert states(book, order(3, site_kw=9.0), 2) == [("acknowledged", "")]
    active = book.active(10 * MINUTE)
    assert active is not None and active[0].revision == 3


def test_the_same_revision_again_tells_its_state_again() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(), 0)
    book.tick(10 * MINUTE)
    assert states(book, order(), 11) == [("applied", "")]


def test_no_schedule_revokes_and_late_copies_stay_refused() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(), 0)
    assert states(book, Instruction("i", 2, 0, 60 * MINUTE), 11) == [("applied", "revoked")]
    assert book.active(12 * MINUTE) is None
    assert states(book, order(1), 12) == [("rejected", "stale revision: holding 2")]
    assert states(book, Instruction("unknown", 1, 0, 60 * MINUTE), 12) == [("applied", "revoked")]


def test_what_comes_too_late_is_expired() -> None:
    book = ScheduleBook(KEYS)
    assert states(book, order(), 60) == [("expired", "its time was over when it arrived")]
    assert states(book, order(), 40)[0][0] == "expired"


def test_what_was_never_executed_expires() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(until=12), 0)
    (notice,) = book.tick(12 * MINUTE)
    assert notice.state == "expired"
    assert states(book, order(until=12), 13) == [("expired", "it ended before any of it was executed")]


def test_expires_at_ends_the_execution() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(until=12), 0)
    assert book.active(11 * MINUTE) is not None
    assert book.active(12 * MINUTE) is None


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (
            Schedule(0, 900, [1.0], {"boiler": [1.0], "pool": [None]}),
            "unknown or uncontrollable resource boiler, pool",
        ),
        (Schedule(0, 900), "a schedule has 1 to 10000 intervals, not 0"),
        (Schedule(0, 900, [1.0], {"ev": [1.0, 2.0]}), "the series of the schedule differ in length"),
        (Schedule(0, 900, [float("nan")]), "the schedule has a power that is no number"),
    ],
)
def test_a_schedule_the_hub_cannot_follow_is_rejected_with_the_reason(plan: Schedule, reason: str) -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(1), 0)
    assert states(book, Instruction("i", 2, 0, 60 * MINUTE, plan), 0) == [("rejected", reason)]
    active = book.active(10 * MINUTE)
    assert active is not None and active[0].revision == 1


def test_of_two_valid_instructions_the_later_received_is_executed() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(name="a", site_kw=1.0), 0)
    book.receive(order(name="b", site_kw=2.0), 1)
    assert [notice.instruction_id for notice in book.tick(10 * MINUTE)] == ["b"]
    book.receive(Instruction("b", 2, 0, 60 * MINUTE), 11 * MINUTE)
    assert [notice.instruction_id for notice in book.tick(11 * MINUTE)] == ["a"]


def priced(priority: int, *, name: str, starts: int = 10, count: int = 2) -> Instruction:
    plan = Schedule(starts * MINUTE, 900, [1.0] * count)
    return Instruction(name, 1, 0, 600 * MINUTE, plan, priority=priority)


def executed(book: ScheduleBook, *minutes: int) -> list[str | None]:
    active = [book.active(minute * MINUTE) for minute in minutes]
    return [one and one[0].id for one in active]


def test_lower_priority_number_is_executed_whenever_it_came() -> None:
    book = ScheduleBook(KEYS)
    for one in (priced(0, name="alert", count=1), priced(50, name="price", starts=0, count=4)):
        book.receive(one, 0)
    assert executed(book, 0, 10, 24, 25, 59, 60) == ["price", "alert", "alert", "price", "price", None]
    assert [notice.instruction_id for notice in book.tick(9 * MINUTE)] == ["price"]
    assert [notice.instruction_id for notice in book.tick(10 * MINUTE)] == ["alert"]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_lowest_number_and_then_the_last_received_is_executed(priorities: list[int]) -> None:
    book = ScheduleBook(KEYS)
    for place, priority in enumerate(priorities):
        book.receive(priced(priority, name=str(place)), place)
    last = max(place for place, priority in enumerate(priorities) if priority == min(priorities))
    assert executed(book, 12) == [str(last)]
    again = ScheduleBook(KEYS)
    again.load(book.dump())
    assert executed(again, 12) == [str(last)]


def test_a_restart_takes_up_where_it_stopped() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(), 0)
    book.tick(10 * MINUTE)
    again = ScheduleBook(KEYS)
    again.load(book.dump())
    assert again.tick(12 * MINUTE) == []
    active = again.active(12 * MINUTE)
    assert active is not None and active[1] == 0
    assert states(again, order(0), 12) == [("rejected", "stale revision: holding 1")]


def test_what_is_long_over_is_forgotten() -> None:
    book = ScheduleBook(KEYS)
    book.receive(order(), 0)
    book.tick(10 * MINUTE)
    book.tick((60 + 24 * 60 + 1) * MINUTE)
    assert book.dump() == b"[]"
