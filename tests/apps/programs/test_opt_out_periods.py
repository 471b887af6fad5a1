"""A household's no to a time, or to all events."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import AuditEntry
from apps.programs.errors import PeriodInvalidError, PeriodUnknownError
from apps.programs.models import GridSignal, OptOut, OptOutPeriod
from apps.programs.opt_out_periods import (
    opt_out_period_create,
    opt_out_period_end,
    opt_out_periods_expire,
)
from apps.programs.services import signal_receive, signal_revise
from tests import factories
from tests.apps.portal.world import World, add_signal, build_world
from vpp.translate.grid_signal import GridSignalDraft

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    factories.forget_counts()
    return build_world(now=NOW)


def draft(starts_at: datetime, kind: str = "shed") -> GridSignalDraft:
    values = (2.0,) * 8 if kind == "shed" else (None,) * 8
    return GridSignalDraft(kind, starts_at, starts_at + 2 * HOUR, 900, values)  # type: ignore[arg-type]


def arrive(world: World, starts_at: datetime, name: str = "Later") -> GridSignal:
    return signal_receive(
        program=world.program, draft=draft(starts_at), source=f"test:{name}", name=name, now=NOW
    )


def out_of(signal: GridSignal) -> list[int]:
    return list(OptOut.objects.filter(signal=signal).order_by("site").values_list("site", flat=True))


def leave(world: World, starts_at: datetime, ends_at: datetime | None) -> OptOutPeriod:
    return opt_out_period_create(
        site=world.sites[0],
        starts_at=starts_at,
        ends_at=ends_at,
        user=world.owner,
        actor="owner",
        now=NOW,
    )


@pytest.mark.parametrize(
    ("starts_after", "is_out"),
    [(-2 * HOUR, False), (-timedelta(minutes=119), True), (23 * HOUR, True), (24 * HOUR, False)],
)
def test_later_signals_that_touch_the_time_go_on_without_the_home(
    world: World, starts_after: timedelta, is_out: bool
) -> None:
    begins = NOW + timedelta(days=1)
    leave(world, begins, begins + timedelta(days=1))
    signal = arrive(world, begins + starts_after)
    assert out_of(signal) == ([world.sites[0].pk] if is_out else [])


def test_what_is_there_already_is_left_at_once_and_joined_again_on_undo(world: World) -> None:
    inside = add_signal(world, starts_at=NOW + HOUR)
    outside = add_signal(world, starts_at=NOW + 9 * HOUR, name="Night")
    period = leave(world, NOW, NOW + 5 * HOUR)
    assert (out_of(inside), out_of(outside)) == ([world.sites[0].pk], [])
    opt_out_period_end(site=world.sites[0], period_id=period.pk, actor="owner", now=NOW)
    assert out_of(inside) == []
    actions = AuditEntry.objects.exclude(action__contains="create").values_list("action", flat=True)
    assert sorted(one for one in actions if "opt_out" in one) == [
        "opt_out",
        "opt_out_period",
        "opt_out_period_end",
        "opt_out_withdraw",
    ]


def test_out_of_all_holds_until_taken_back_and_covers_what_a_time_ended(world: World) -> None:
    first = leave(world, NOW, NOW + 5 * HOUR)
    everything = leave(world, NOW, None)
    signal = arrive(world, NOW + 2 * HOUR)
    far = arrive(world, NOW + timedelta(days=300), name="Far")
    opt_out_period_end(site=world.sites[0], period_id=first.pk, actor="owner", now=NOW)
    assert (out_of(signal), out_of(far)) == ([world.sites[0].pk], [world.sites[0].pk])
    opt_out_period_end(site=world.sites[0], period_id=everything.pk, actor="owner", now=NOW)
    assert (out_of(signal), out_of(far)) == ([], [])


def test_a_signal_that_moves_out_of_the_time_takes_the_home_in_again(world: World) -> None:
    leave(world, NOW, NOW + 5 * HOUR)
    signal = arrive(world, NOW + HOUR)
    signal_revise(signal_id=signal.pk, draft=draft(NOW + 8 * HOUR), name="Later", now=NOW)
    assert out_of(signal) == []
    signal_revise(signal_id=signal.pk, draft=draft(NOW + 4 * HOUR), name="Later", now=NOW)
    assert out_of(signal) == [world.sites[0].pk]


def test_a_notice_is_not_left(world: World) -> None:
    leave(world, NOW, None)
    signal = signal_receive(
        program=world.program, draft=draft(NOW + HOUR, "notice"), source="test:n", name="N", now=NOW
    )
    assert out_of(signal) == []


def test_a_time_that_is_over_lets_the_home_in_again(world: World) -> None:
    signal = add_signal(world, starts_at=NOW + HOUR)
    leave(world, NOW, NOW + 2 * HOUR)
    assert opt_out_periods_expire(now=NOW + HOUR) == 0
    assert out_of(signal) == [world.sites[0].pk]
    assert opt_out_periods_expire(now=NOW + 2 * HOUR) == 1
    assert opt_out_periods_expire(now=NOW + 2 * HOUR) == 0
    assert out_of(signal) == []


def test_nonsense_and_others_times_are_refused(world: World) -> None:
    with pytest.raises(PeriodInvalidError, match="ends before it begins"):
        leave(world, NOW + 2 * HOUR, NOW + HOUR)
    with pytest.raises(PeriodInvalidError, match="over already"):
        leave(world, NOW - 2 * HOUR, NOW - HOUR)
    with pytest.raises(PeriodInvalidError, match="two years"):
        leave(world, NOW, NOW + timedelta(days=731))
    period = leave(world, NOW, None)
    with pytest.raises(PeriodInvalidError, match="already"):
        leave(world, NOW, None)
    with pytest.raises(PeriodUnknownError):
        opt_out_period_end(site=world.sites[1], period_id=period.pk, actor="x", now=NOW)
    assert OptOutPeriod.objects.get().ended_at is None
