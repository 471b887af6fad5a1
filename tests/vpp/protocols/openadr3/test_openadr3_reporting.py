from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.intervals import Interval
from vpp.protocols.openadr3.common import ReportDescriptor
from vpp.protocols.openadr3.event import EventRequest, decode_event
from vpp.protocols.openadr3.reporting import DueReport, ReportRequestError, next_due, reports_due
from vpp.protocols.openadr3.timing import expand

AT_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
LONG_BEFORE = AT_17 - timedelta(days=3)
NEXT_DAY = AT_17 + timedelta(days=1)


def an_event(count: int, *, length: str = "PT15M", **changes: Any) -> EventRequest:
    period = {"start": "2026-01-15T17:00:00Z", "duration": length}
    intervals = [{"id": 10 + index, "payloads": []} for index in range(count)]
    return decode_event({"programID": "p", "intervalPeriod": period, "intervals": intervals, **changes})


def asks(**changes: Any) -> ReportDescriptor:
    return ReportDescriptor(payload_type="USAGE", **changes)


def due(
    event: EventRequest, *, said_at: datetime = LONG_BEFORE, until: datetime = NEXT_DAY, **changes: Any
) -> list[tuple[int, list[int]]]:
    """Minutes from 17:00 at which reports are due, and the intervals that each covers."""
    found = reports_due(
        ReportDescriptor(payload_type="USAGE", **changes), event, said_at=said_at, until=until
    )
    return [((one.at - AT_17) // timedelta(minutes=1), [part.id for part in one.intervals]) for one in found]


class TestTheGuidesExamples:
    def test_all_intervals_at_the_end_of_the_last(self) -> None:
        assert due(an_event(4)) == [(60, [10, 11, 12, 13])]

    def test_forecast_of_all_intervals_comes_a_day_ahead(self) -> None:
        assert due(an_event(4), historical=False) == [(-24 * 60, [10, 11, 12, 13])]

    def test_set_after_set(self) -> None:
        wish: dict[str, Any] = {"start_interval": 1, "num_intervals": 2, "frequency": 2, "repeat": 3}
        assert due(an_event(6), **wish) == [(30, [10, 11]), (60, [12, 13]), (90, [14, 15])]

    def test_rolling_forecast(self) -> None:
        wish: dict[str, Any] = {
            "start_interval": 0,
            "num_intervals": 3,
            "frequency": 1,
            "repeat": 3,
            "historical": False,
        }
        assert due(an_event(6), **wish) == [(0, [10, 11, 12]), (15, [11, 12, 13]), (30, [12, 13, 14])]

    def test_forecasts_of_implied_intervals_go_on_for_ever(self) -> None:
        event = an_event(0, length="PT1H")
        wish: dict[str, Any] = {
            "start_interval": 0,
            "num_intervals": 3,
            "frequency": 1,
            "repeat": -1,
            "historical": False,
        }
        assert due(event, until=AT_17 + timedelta(hours=1), **wish) == [(0, [0, 1, 2]), (60, [1, 2, 3])]
        assert next_due(asks(**wish), event, said_at=LONG_BEFORE, after=NEXT_DAY) == NEXT_DAY + timedelta(
            hours=1
        )

    def test_state_of_charge_now(self) -> None:
        period = {"start": "0001-01-01", "duration": "PT0S"}
        event = decode_event({"programID": "p", "intervalPeriod": period})
        wish: dict[str, Any] = {"frequency": 0, "report_intervals": "OPEN_INTERVALS"}
        (found,) = reports_due(asks(**wish), event, said_at=AT_17, until=NEXT_DAY)
        assert found.at == AT_17
        assert [part.period for part in found.intervals] == [Interval(AT_17 - QUARTER, AT_17)]


class TestRules:
    def test_repeated_event_gives_one_report_a_round_if_they_are_to_repeat(self) -> None:
        event = an_event(2, duration="P9999Y")
        rounds = [(30 * number, [10, 11]) for number in (1, 2, 3)]
        assert due(event, repeat=-1, until=AT_17 + timedelta(minutes=100)) == rounds
        assert due(event) == rounds[:1]

    def test_short_last_round_is_cut(self) -> None:
        event = an_event(2, duration="PT40M")
        found = list(
            reports_due(
                asks(frequency=1, repeat=-1, num_intervals=1), event, said_at=LONG_BEFORE, until=NEXT_DAY
            )
        )
        assert [one.intervals[0].period.seconds / 60 for one in found] == [15, 15, 10]

    def test_of_what_is_past_only_the_newest_is_made(self) -> None:
        wish: dict[str, Any] = {"frequency": 1, "repeat": -1, "num_intervals": 1}
        said_at = AT_17 + timedelta(minutes=50)
        assert due(an_event(6), said_at=said_at, **wish) == [(45, [12]), (60, [13]), (75, [14]), (90, [15])]

    def test_event_that_has_run_for_years_is_looked_at_from_today_on(self) -> None:
        event = an_event(1, length="PT1M", duration="P9999Y")
        later = AT_17 + timedelta(days=3650)
        found = reports_due(
            asks(frequency=1, repeat=-1),
            event,
            said_at=later,
            since=later,
            until=later + timedelta(minutes=2),
        )
        assert [one.at - later for one in found] == [timedelta(minutes=1), timedelta(minutes=2)]

    def test_sub_intervals_keep_their_intervals_number(self) -> None:
        assert due(an_event(2, length="PT40M"), report_intervals="SUB_INTERVALS") == [
            (80, [10, 10, 10, 11, 11, 11])
        ]

    def test_open_intervals_are_the_clocks_quarter_hours(self) -> None:
        event = an_event(
            1, length="PT40M", intervalPeriod={"start": "2026-01-15T17:05:00Z", "duration": "PT40M"}
        )
        (found,) = reports_due(
            asks(report_intervals="OPEN_INTERVALS"), event, said_at=LONG_BEFORE, until=NEXT_DAY
        )
        assert [(part.id, part.period.starts_at.minute) for part in found.intervals] == [(0, 15), (1, 30)]

    def test_endless_interval_is_never_over_but_can_be_forecast(self) -> None:
        event = an_event(1, length="P9999Y")
        assert due(event) == []
        assert [len(ids) for _, ids in due(event, historical=False, report_intervals="SUB_INTERVALS")] == [
            192
        ]

    def test_interval_that_the_event_does_not_have_gives_no_report(self) -> None:
        assert due(an_event(2), start_interval=2) == []
        assert next_due(asks(start_interval=2), an_event(2), said_at=AT_17, after=LONG_BEFORE) is None

    @pytest.mark.parametrize(
        "wish", [{"num_intervals": 0}, {"frequency": -2}, {"repeat": 0}, {"start_interval": -2}]
    )
    def test_number_that_means_nothing_is_refused(self, wish: dict[str, Any]) -> None:
        with pytest.raises(ReportRequestError):
            due(an_event(2), **wish)


wishes = st.builds(
    asks,
    start_interval=st.integers(-1, 6),
    num_intervals=st.sampled_from([-1, 1, 2, 3]),
    frequency=st.integers(-1, 4),
    repeat=st.sampled_from([-1, 1, 2, 5]),
    historical=st.booleans(),
    report_intervals=st.sampled_from(["INTERVALS", "SUB_INTERVALS", "OPEN_INTERVALS"]),
)
events = st.builds(
    an_event,
    st.integers(0, 4),
    length=st.sampled_from(["PT20M", "PT1H", "PT10H"]),
    duration=st.sampled_from([None, "PT50M", "PT3H", "P9999Y"]),
)
instants = st.integers(-200, 1000).map(lambda minutes: AT_17 + timedelta(minutes=minutes))


def told(wish: ReportDescriptor, event: EventRequest, **when: Any) -> list[DueReport]:
    return list(islice(reports_due(wish, event, **when), 60))


class TestProperties:
    @given(wishes, events, instants)
    def test_looking_twice_gives_the_same_as_looking_once(
        self, wish: ReportDescriptor, event: EventRequest, middle: datetime
    ) -> None:
        whole = told(wish, event, said_at=LONG_BEFORE, until=NEXT_DAY)
        first = told(wish, event, said_at=LONG_BEFORE, until=middle)
        second = told(wish, event, said_at=LONG_BEFORE, since=middle, until=NEXT_DAY)
        assert (first + second)[:60] == whole
        assert all(one.at <= middle for one in first) and all(one.at > middle for one in second)

    @given(wishes, events)
    def test_history_is_over_when_it_is_told_and_in_order(
        self, wish: ReportDescriptor, event: EventRequest
    ) -> None:
        found = told(wish, event, said_at=LONG_BEFORE, until=NEXT_DAY)
        assert all(one.at < other.at for one, other in pairwise(found))
        assert wish.repeat == -1 or len(found) <= wish.repeat
        for one in found:
            assert not wish.historical or all(part.period.ends_at <= one.at for part in one.intervals)
            assert wish.historical or all(part.period.starts_at >= one.at for part in one.intervals)

    @given(wishes, events)
    def test_next_is_the_first_that_comes(self, wish: ReportDescriptor, event: EventRequest) -> None:
        found = told(wish, event, said_at=LONG_BEFORE, until=NEXT_DAY)
        at = next_due(wish, event, said_at=LONG_BEFORE, after=LONG_BEFORE)
        assert (at if at is not None and at <= NEXT_DAY else None) == (found[0].at if found else None)

    @given(wishes, events.filter(lambda event: bool(event.intervals)))
    def test_intervals_told_are_the_events_own(self, wish: ReportDescriptor, event: EventRequest) -> None:
        own = {(one.id, one.period) for one in islice(expand(event, now=LONG_BEFORE), 3000)}
        if wish.report_intervals != "INTERVALS" or (wish.num_intervals > 3 and event.duration == "P9999Y"):
            return
        for one in told(wish, event, said_at=LONG_BEFORE, until=NEXT_DAY):
            assert {(part.id, part.period) for part in one.intervals} <= own
