from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.intervals import FOREVER, Interval
from vpp.protocols.openadr3.common import ValuesMap
from vpp.protocols.openadr3.event import EventRequest, decode_event
from vpp.protocols.openadr3.timing import (
    TimedInterval,
    TimingError,
    expand,
    is_void,
    lifespan,
    no_shift,
    resolve,
)
from vpp.protocols.openadr3.values import values_over_time

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
AT_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def an_event(*own: dict[str, str] | None, **event: Any) -> EventRequest:
    intervals = [
        {"id": index, "payloads": []} | ({"intervalPeriod": period} if period is not None else {})
        for index, period in enumerate(own)
    ]
    return decode_event({"programID": "p", "intervals": intervals, **event})


def periods(*own: dict[str, str] | None, **event: Any) -> list[Interval]:
    return [timed.period for timed in resolve(an_event(*own, **event), now=NOW)]


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
        ([None], {"intervalPeriod": DEFAULT, "duration": "PT0S"}, "empty_interval"),
        ([None], {"intervalPeriod": DEFAULT, "duration": "P9999Y"}, "endless_event"),
        (
            [None],
            {"intervalPeriod": {**DEFAULT, "duration": "PT1S"}, "duration": "P9D"},
            "too_many_intervals",
        ),
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


def minutes(*marks: int) -> list[Interval]:
    ends = [AT_17 + timedelta(minutes=mark) for mark in marks]
    return [Interval(before, after) for before, after in pairwise(ends)]


def test_a_longer_event_repeats_its_intervals_and_cuts_the_last() -> None:
    own: list[dict[str, str] | None] = [None, {"duration": "PT5M"}]
    assert periods(*own, intervalPeriod=DEFAULT, duration="PT50M") == minutes(0, 15, 20, 35, 40, 50)
    ids = [timed.id for timed in resolve(an_event(*own, intervalPeriod=DEFAULT, duration="PT50M"), now=NOW)]
    assert ids == [0, 1, 0, 1, 0]


def test_a_shorter_event_cuts_its_intervals() -> None:
    assert periods(None, None, intervalPeriod=DEFAULT, duration="PT20M") == minutes(0, 15, 20)
    assert periods(None, None, intervalPeriod=DEFAULT, duration="PT15M") == minutes(0, 15)
    endless = {**DEFAULT, "duration": "P9999Y"}
    assert periods(None, intervalPeriod=endless, duration="PT1H") == minutes(0, 60)


def test_an_endless_event_is_given_as_far_as_is_asked() -> None:
    event = an_event(None, {"duration": "PT5M"}, intervalPeriod=DEFAULT, duration="P9999Y")
    first = [timed.period for timed in islice(expand(event, now=NOW), 1000)]
    assert first[:4] == minutes(0, 15, 20, 35, 40)
    assert first[-1].ends_at == AT_17 + 500 * timedelta(minutes=20)
    until = AT_17 + timedelta(minutes=20)
    assert [timed.period for timed in resolve(event, now=NOW, until=until)] == minutes(0, 15, 20)


def test_repetition_stops_at_the_end_of_the_calendar() -> None:
    long = {"start": "9999-12-30T00:00:00Z", "duration": "PT12H"}
    result = periods(None, intervalPeriod=long, duration="P3650D")
    assert (len(result), result[-1].ends_at) == (4, FOREVER)


def test_a_random_shift_moves_what_follows() -> None:
    own: list[dict[str, str] | None] = [
        None,
        None,
        {"start": "2026-01-15T19:00:00Z", "randomizeStart": "PT10M"},
        None,
    ]
    event = an_event(*own, intervalPeriod={**DEFAULT, "randomizeStart": "PT4M"})
    draws = {0: 0.5, 2: -1.0}
    result = [timed.period for timed in resolve(event, now=NOW, draw=lambda index: draws[index])]
    assert [(period.starts_at - AT_17).total_seconds() / 60 for period in result] == [2, 17, 110, 125]
    assert {period.seconds for period in result} == {900.0}
    with pytest.raises(TimingError):
        resolve(event, now=NOW, draw=lambda index: 1.5)


def test_a_shift_out_of_the_calendar_is_an_error() -> None:
    event = an_event(None, intervalPeriod={**DEFAULT, "randomizeStart": "P9999Y"})
    with pytest.raises(TimingError):
        resolve(event, now=NOW, draw=lambda index: 1.0)
    assert len(resolve(event, now=NOW)) == 1


def test_lifespan_is_what_the_duration_says_or_the_intervals() -> None:
    def span(*own: dict[str, str] | None, **event: Any) -> Interval | None:
        return lifespan(an_event(*own, **event), now=NOW)

    assert span(intervalPeriod=DEFAULT) is None
    assert span(None, None, intervalPeriod=DEFAULT) == Interval(AT_17, AT_17 + 2 * QUARTER)
    assert span(None, None, intervalPeriod=DEFAULT, duration="PT1H") == Interval(AT_17, AT_17 + 4 * QUARTER)
    assert span(None, intervalPeriod=DEFAULT, duration="P9999Y") == Interval(AT_17, FOREVER)
    gap = {"start": "2026-01-15T16:00:00Z"}
    assert span(None, gap, intervalPeriod=DEFAULT) == Interval(AT_17 - 4 * QUARTER, AT_17 + QUARTER)


@pytest.mark.parametrize(
    ("event", "void"),
    [
        (an_event(None, intervalPeriod={"start": "0001-01-01", "duration": "PT0S"}), True),
        (an_event(None, {"duration": "PT1S"}, intervalPeriod={"duration": "PT0S"}), False),
        (an_event(None, intervalPeriod=DEFAULT, duration="PT0S"), True),
        (an_event(None, intervalPeriod=DEFAULT), False),
        (an_event(None), False),
        (an_event(), False),
    ],
)
def test_an_event_without_length_is_void(event: EventRequest, void: bool) -> None:
    assert is_void(event) is void


LENGTHS = st.lists(st.integers(1, 10_000), min_size=1, max_size=8)


@given(LENGTHS, st.integers(1, 5_000))
def test_event_duration_is_kept_to_the_second(seconds: list[int], whole: int) -> None:
    own = [{"duration": f"PT{length}S"} for length in seconds]
    event = an_event(*own, intervalPeriod={"start": "0001-01-01"}, duration=f"PT{whole}S")
    result = list(islice(expand(event, now=NOW), 200_000))
    assert (result[0].period.starts_at, result[-1].period.ends_at) == (NOW, NOW + timedelta(seconds=whole))
    assert all(after.period.starts_at == before.period.ends_at for before, after in pairwise(result))
    assert [timed.id for timed in result] == [index % len(own) for index in range(len(result))]
    complete = [timed.period.seconds for timed in result[:-1]]
    assert complete == [float(seconds[index % len(own)]) for index in range(len(result) - 1)]


@given(LENGTHS, st.floats(-1.0, 1.0))
def test_a_shift_changes_no_length(seconds: list[int], share: float) -> None:
    own = [{"duration": f"PT{length}S"} for length in seconds]
    event = an_event(*own, intervalPeriod={"start": "2026-01-15T17:00:00Z", "randomizeStart": "PT1H"})
    still = resolve(event, now=NOW, draw=no_shift)
    moved = resolve(event, now=NOW, draw=lambda index: share)
    shifts = {
        after.period.starts_at - before.period.starts_at for before, after in zip(still, moved, strict=True)
    }
    assert shifts == {timedelta(hours=1) * share}
    assert [one.period.seconds for one in moved] == [one.period.seconds for one in still]


class TestValues:
    def timed(self, ends_at: datetime = AT_17 + QUARTER) -> TimedInterval:
        return TimedInterval(0, Interval(AT_17, ends_at), ())

    def test_prices_share_the_interval(self) -> None:
        parts = values_over_time(self.timed(), ValuesMap(type="PRICE", values=[1.0, 2.0, 3.0]))
        assert [part.period for part in parts] == minutes(0, 5, 10, 15)
        assert [part.values for part in parts] == [(1.0,), (2.0,), (3.0,)]

    def test_one_value_and_other_types_take_the_whole_interval(self) -> None:
        for payload in (ValuesMap(type="PRICE", values=[1.0]), ValuesMap(type="CURVE", values=[1.0, 2.0])):
            (only,) = values_over_time(self.timed(), payload)
            assert (only.period, only.values) == (self.timed().period, tuple(payload.values))

    def test_what_cannot_be_cut_is_an_error(self) -> None:
        several = ValuesMap(type="GHG", values=[1.0, 2.0])
        for ends_at in (FOREVER, AT_17 + timedelta(microseconds=1)):
            with pytest.raises(TimingError):
                values_over_time(self.timed(ends_at), several)

    @given(st.integers(1, 500), st.integers(1, 10_000))
    def test_parts_fill_the_interval(self, count: int, seconds: int) -> None:
        timed = self.timed(AT_17 + timedelta(seconds=seconds))
        parts = values_over_time(
            timed, ValuesMap(type="PRICE", values=[float(index) for index in range(count)])
        )
        assert (parts[0].period.starts_at, parts[-1].period.ends_at) == (AT_17, timed.period.ends_at)
        assert all(after.period.starts_at == before.period.ends_at for before, after in pairwise(parts))
        lengths = [part.period.seconds for part in parts]
        assert max(lengths) - min(lengths) < 2e-6
