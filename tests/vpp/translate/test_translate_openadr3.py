import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.errors import VppError
from vpp.intervals import Grid, Interval
from vpp.protocols.openadr3.common import encode
from vpp.protocols.openadr3.event import decode_event
from vpp.protocols.openadr3.report import decode_report
from vpp.translate.grid_signal import GridSignalDraft, SignalError, draft_shed
from vpp.translate.openadr3 import ReportedDelivery, grid_signal_from_event, report_for_signal

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
AT_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)
PERIOD = {"start": "2026-01-15T17:00:00Z", "duration": "PT15M"}
RELATIVE = "DISPATCH_SETPOINT_RELATIVE"


def interval(*values: Any, type: str = RELATIVE, **period: str) -> dict[str, Any]:
    made: dict[str, Any] = {"id": 0, "payloads": [{"type": type, "values": list(values)}]}
    return made | ({"intervalPeriod": period} if period else {})


def draft(*intervals: dict[str, Any], now: datetime = NOW, **event: Any) -> GridSignalDraft:
    sent = {"programID": "p", "intervalPeriod": PERIOD, "intervals": list(intervals), **event}
    return grid_signal_from_event(decode_event(sent), now=now)


def test_a_shed_is_a_negative_setpoint() -> None:
    assert draft(interval(-25), interval(-12.5), interval(0)) == GridSignalDraft(
        "shed", AT_17, AT_17 + timedelta(minutes=45), 900, (25.0, 12.5, 0.0)
    )


def test_unequal_intervals_are_put_on_their_common_step() -> None:
    made = draft(interval(-4, duration="PT20M"), interval(-6, duration="PT30M"))
    assert made.interval_s == 600
    assert made.target_kw == (4.0, 4.0, 6.0, 6.0, 6.0)
    assert made.grid.ends_at == made.ends_at == AT_17 + timedelta(minutes=50)


def test_a_long_interval_is_cut_so_that_a_plan_has_steps() -> None:
    made = draft(interval(-4, duration="PT2H"))
    assert (made.interval_s, made.target_kw) == (900, (4.0,) * 8)
    assert draft(interval(-4, duration="PT1000S")).interval_s == 500


def test_a_gap_asks_for_nothing() -> None:
    made = draft(interval(-4), interval(-6, start="2026-01-15T17:30:00Z"))
    assert made.target_kw == (4.0, 0.0, 6.0)


def test_an_event_that_has_begun_is_taken() -> None:
    assert draft(interval(-4), now=AT_17 + timedelta(minutes=14)).target_kw == (4.0,)


def test_now_is_when_the_event_was_said() -> None:
    event = decode_event(
        {
            "programID": "p",
            "intervalPeriod": {"start": "0001-01-01", "duration": "PT1H"},
            "intervals": [interval(-1)],
        }
    )
    made = grid_signal_from_event(event, now=NOW + timedelta(minutes=10), said_at=NOW)
    assert (made.starts_at, made.ends_at) == (NOW, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("intervals", "event", "code"),
    [
        ([], {}, "event_without_intervals"),
        (
            [interval(-1)],
            {"intervalPeriod": {**PERIOD, "start": "2026-01-15T11:45:00Z"}},
            "event_in_the_past",
        ),
        ([interval(-1), interval(-2, start="2026-01-15T17:10:00Z")], {}, "overlapping_intervals"),
        ([interval(1, type="SIMPLE")], {}, "unsupported_payload"),
        ([interval(0.3, type="PRICE")], {}, "unsupported_payload"),
        ([interval(-1, -2)], {}, "unsupported_payload"),
        ([interval("-1")], {}, "unsupported_payload"),
        ([interval(True)], {}, "unsupported_payload"),
        ([interval()], {}, "unsupported_payload"),
        ([{"id": 0, "payloads": []}], {}, "event_without_payload"),
        ([interval(5)], {}, "positive_setpoint_unsupported"),
        ([interval(-1, duration="P9999Y")], {}, "event_too_long"),
        ([interval(-1, duration="P7DT1H")], {}, "event_too_long"),
        ([interval(-1), interval(-1, duration="PT61S")], {}, "interval_too_fine"),
        ([interval(-1, duration="PT90.5S")], {}, "interval_too_fine"),
        (
            [interval(-1)],
            {"payloadDescriptors": [{"payloadType": RELATIVE, "units": "MW"}]},
            "unsupported_units",
        ),
        ([interval(-1)], {"duration": "PT1H"}, "event_duration_unsupported"),
    ],
)
def test_what_cannot_be_acted_on_is_named(
    intervals: list[dict[str, Any]], event: dict[str, Any], code: str
) -> None:
    with pytest.raises(VppError) as caught:
        draft(*intervals, **event)
    assert caught.value.code == code


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 100)), min_size=1, max_size=12))
def test_the_grid_asks_for_the_same_energy(pieces: list[tuple[int, int]]) -> None:
    periods, at = [], AT_17
    for minutes, kw in pieces:
        periods.append((Interval(at, at + timedelta(minutes=minutes)), float(kw)))
        at += timedelta(minutes=minutes)
    made = draft_shed(periods, now=NOW)
    assert sum(made.target_kw) * made.interval_s == sum(minutes * 60 * kw for minutes, kw in pieces)
    assert made.interval_s <= 900
    assert made.grid.ends_at == made.ends_at == at


def test_a_report_says_what_was_delivered() -> None:
    total = ReportedDelivery("", [3.0, 1.0], [1.5, -0.5], [1.5, 1.0])
    home = ReportedDelivery("home-7", [3.0, math.nan], [1.5, 1.0], [1.5, 0.0])
    report = report_for_signal(
        event_id="e-1",
        client_name="ores",
        grid=Grid(AT_17, 900, 2),
        total=total,
        homes=[home],
        report_name="r",
    )
    assert decode_report(encode(report)) == report
    sent = json.loads(encode(report))
    assert [resource["resourceName"] for resource in sent["resources"]] == ["AGGREGATED_REPORT", "home-7"]
    assert sent["resources"][0]["intervalPeriod"] == PERIOD
    assert sent["resources"][0]["intervals"][1] == {
        "id": 1,
        "payloads": [
            {"type": "BASELINE", "values": [1.0]},
            {"type": "USAGE", "values": [0.0]},
            {"type": "DELTA_USAGE", "values": [-1.0]},
            {"type": "DATA_QUALITY", "values": ["OK"]},
        ],
    }
    assert sent["resources"][1]["intervals"][1]["payloads"] == [
        {"type": "DATA_QUALITY", "values": ["MISSING"]}
    ]
    assert sent["payloadDescriptors"][2] == {
        "objectType": "REPORT_PAYLOAD_DESCRIPTOR",
        "payloadType": "DELTA_USAGE",
        "readingType": "SUMMED",
        "units": "KWH",
    }


@pytest.mark.parametrize("delivered", [[1.0], [1.0, math.inf]])
def test_a_report_that_does_not_fit_is_refused(delivered: list[float]) -> None:
    row = ReportedDelivery("", [1.0, 1.0], [0.0, 0.0], delivered)
    with pytest.raises(SignalError):
        report_for_signal(event_id="e", client_name="c", grid=Grid(AT_17, 900, 2), total=row)
