"""Quiet hours by the wall clock, on the days the clocks change too."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.alerts.quiet import Quiet, told_at

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(time(22), time(7))
ZONES = [
    ZoneInfo(name)
    for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
]
times = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
seconds = st.integers(1_704_067_200, 1_830_000_000)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "quiet", "told"),
    [
        ("2026-06-17T19:59:59+00:00", NIGHT, "2026-06-17T19:59:59+00:00"),
        ("2026-06-17T20:00:00+00:00", NIGHT, "2026-06-18T05:00:00+00:00"),
        ("2026-06-18T04:59:59+00:00", NIGHT, "2026-06-18T05:00:00+00:00"),
        ("2026-06-18T05:00:00+00:00", NIGHT, "2026-06-18T05:00:00+00:00"),
        # The night the clocks go forward is an hour shorter, the night they go back an hour longer.
        ("2026-03-28T21:00:00+00:00", NIGHT, "2026-03-29T05:00:00+00:00"),
        ("2026-10-24T20:00:00+00:00", NIGHT, "2026-10-25T06:00:00+00:00"),
        # 02:30 does not come on 29 March: the clock shows 03:00 right after 01:59.
        ("2026-03-29T00:30:00+00:00", Quiet(time(1), time(2, 30)), "2026-03-29T01:00:00+00:00"),
        # 02:30 comes twice on 25 October; the first one ends it, the second quiet stretch is quiet again.
        ("2026-10-25T00:10:00+00:00", Quiet(time(1), time(2, 30)), "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T01:10:00+00:00", Quiet(time(1), time(2, 30)), "2026-10-25T01:30:00+00:00"),
        ("2026-06-17T12:00:00+00:00", Quiet(time(13), time(15)), "2026-06-17T13:00:00+00:00"),
        ("2026-06-17T12:00:00+00:00", None, "2026-06-17T12:00:00+00:00"),
    ],
)
def test_quiet_hours_end_when_the_clock_on_the_wall_says_so(now: str, quiet: Quiet | None, told: str) -> None:
    assert told_at(at(now), quiet, zone=BERLIN) == at(told)


# Generating is slow where a machine is busy, and says nothing of the code.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(
    now=seconds.map(lambda one: datetime.fromtimestamp(one, UTC)),
    start=times,
    end=times,
    zone=st.sampled_from(ZONES),
)
@example(now=at("2026-03-29T00:30:00+00:00"), start=time(1), end=time(2, 30), zone=BERLIN)
@example(now=at("2026-04-04T14:40:00+00:00"), start=time(1), end=time(1, 45), zone=ZONES[2])
def test_what_waits_comes_at_the_first_minute_that_is_not_quiet(
    now: datetime, start: time, end: time, zone: ZoneInfo
) -> None:
    quiet = Quiet(start, end)
    told = told_at(now, quiet, zone=zone)
    assert not quiet.holds(told, zone)
    assert now <= told <= now + timedelta(hours=25)
    if told > now:
        # The last moment before it was quiet still, and so was every minute since.
        assert quiet.holds(told - timedelta(microseconds=1), zone)
        minutes = int((told - now).total_seconds() // 60)
        assert all(quiet.holds(now + timedelta(minutes=one), zone) for one in range(0, minutes, 7))
