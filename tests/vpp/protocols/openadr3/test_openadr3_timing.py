from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.intervals import FOREVER, Interval
from vpp.protocols.openadr3.event import decode_event
from vpp.protocols.openadr3.timing import TimingError, resolve

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
AT_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def periods(*own: dict[str, str] | None, **event: Any) -> list[Interval]:
    intervals = [
        {"id": index, "payloads": []} | ({"intervalPeriod": period} if period is not None else {})
        for index, period in enumerate(own)
    ]
    decoded = decode_event({"programID": "p", "intervals": intervals, **event})
    return [timed.period for timed in resolve(decoded, now=NOW)]


DEFAULT = {"start": "2026-01-15T17:00:00Z", "duration": "PT15M"}


def test_intervals_follow_each_other_from_the_event_s_start() -> None:
    assert periods(None, None, intervalPeriod=DEFAULT) == [
        Interval(AT_17, AT_17 + QUARTER),
        Interval(AT_17 + QUARTER, AT_17 + 2 * QUARTER),
    ]


def test_an_interval_overrides_start_or_duration() -> None:
    result = periods(
        None, {"duration": "PT1H"}, {"start": "2026-01-15T20:00:00+01:00"}, intervalPeriod=DEFAULT
    )
    assert result == [
        Interval(AT_17, AT_17 + QUARTER),
        Interval(AT_17 + QUARTER, AT_17 + 5 * QUARTER),
        Interval(AT_17 + timedelta(hours=2), AT_17 + timedelta(hours=2) + QUARTER),
    ]


@pytest.mark.parametrize("start", ["0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z"])
def test_the_year_one_is_now_and_later_follows(start: str) -> None:
    result = periods(None, {"start": start}, intervalPeriod={"start": start, "duration": "PT15M"})
    assert result == [Interval(NOW, NOW + QUARTER), Interval(NOW + QUARTER, NOW + 2 * QUARTER)]


def test_an_infinite_interval_has_no_end() -> None:
    assert periods(None, intervalPeriod={**DEFAULT, "duration": "P9999Y"}) == [Interval(AT_17, FOREVER)]
    assert periods(None, intervalPeriod={**DEFAULT, "duration": "P900000000D"}) == [Interval(AT_17, FOREVER)]


def test_no_intervals_give_none() -> None:
    assert periods(intervalPeriod=DEFAULT) == []
    assert resolve(decode_event({"programID": "p"}), now=NOW) == ()


@pytest.mark.parametrize("duration", ["PT30M", "PT1800S"])
def test_the_event_s_duration_may_say_what_the_intervals_say(duration: str) -> None:
    assert len(periods(None, None, intervalPeriod=DEFAULT, duration=duration)) == 2
    endless = {**DEFAULT, "duration": "P9999Y"}
    assert len(periods(None, intervalPeriod=endless, duration="P9999Y")) == 1


@pytest.mark.parametrize(
    ("own", "event", "code"),
    [
        ([None], {}, "interval_without_start"),
        ([{"duration": "PT1H"}], {}, "interval_without_start"),
        ([{"start": "2026-01-15T17:00:00Z"}], {}, "interval_without_duration"),
        ([None], {"intervalPeriod": {**DEFAULT, "duration": "PT0S"}}, "empty_interval"),
        ([None], {"intervalPeriod": {**DEFAULT, "randomizeStart": "PT5M"}}, "randomize_start_unsupported"),
        ([None], {"intervalPeriod": DEFAULT, "duration": "PT1H"}, "event_duration_unsupported"),
        ([None], {"intervalPeriod": DEFAULT, "duration": "P9999Y"}, "event_duration_unsupported"),
        ([None, None], {"intervalPeriod": {**DEFAULT, "duration": "P9999Y"}}, "invalid_timing"),
    ],
)
def test_what_cannot_be_timed_is_named(
    own: list[dict[str, str] | None], event: dict[str, Any], code: str
) -> None:
    with pytest.raises(TimingError) as caught:
        periods(*own, **event)
    assert caught.value.code == code


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=20))
def test_contiguous_intervals_leave_no_gap(seconds: list[int]) -> None:
    result = periods(
        *({"duration": f"PT{length}S"} for length in seconds), intervalPeriod={"start": "0001-01-01"}
    )
    assert result[0].starts_at == NOW
    assert all(after.starts_at == before.ends_at for before, after in pairwise(result))
    assert result[-1].ends_at == NOW + timedelta(seconds=sum(seconds))
