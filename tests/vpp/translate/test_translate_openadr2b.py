"""3.1 event content in 2.0b's words and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.protocols.openadr2b.event import Event2b, Signal, SignalInterval
from vpp.protocols.openadr3.event import decode_event
from vpp.translate.grid_signal import EventWithoutIntervals, UnsupportedPayload
from vpp.translate.openadr2b import NotIn2bError, event_from_2b, event_to_2b
from vpp.translate.openadr3 import signals_from_event

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
START = datetime(2026, 1, 15, 17, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def interval(type_: str, *values: Any, **period: str) -> dict[str, Any]:
    made: dict[str, Any] = {"id": 0, "payloads": [{"type": type_, "values": list(values)}]}
    return {**made, "intervalPeriod": period} if period else made


def said(*intervals: dict[str, Any], now: datetime = NOW, canceled: bool = False, **event: Any) -> Event2b:
    period = {"start": START.isoformat(), "duration": "PT15M"}
    content = {"programID": "p", "intervalPeriod": period, "intervals": list(intervals), **event}
    return event_to_2b(
        decode_event(content), event_id="e", modification_number=3, said_at=NOW, created_at=NOW, market_context="urn:m",
        now=now, canceled=canceled,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "name", "kind", "unit", "factor"),
    [
        ("SIMPLE", "SIMPLE", "level", "", 1.0),
        ("PRICE", "ELECTRICITY_PRICE", "price", "", 1.0),
        ("DISPATCH_SETPOINT", "LOAD_DISPATCH", "setpoint", "W", 1e3),
        ("DISPATCH_SETPOINT_RELATIVE", "LOAD_DISPATCH", "delta", "W", 1e3),
        ("CHARGE_STATE_SETPOINT", "CHARGE_STATE", "setpoint", "Wh", 1e3),
        ("CONTROL_SETPOINT", "LOAD_CONTROL", "x-loadControlSetpoint", "", 1.0),
        ("CONTROL_LEVEL_OFFSET", "LOAD_CONTROL", "x-loadControlLevelOffset", "", 1.0),
        ("CONTROL_LEVEL_OFFSET_PERCENT", "LOAD_CONTROL", "x-loadControlPercentOffset", "", 1.0),
    ],
)
def test_each_payload_has_its_signal(type_: str, name: str, kind: str, unit: str, factor: float) -> None:
    event = said(interval(type_, 1), interval(type_, 2))
    signal = event.signals[0]
    assert (signal.name, signal.type, signal.unit, signal.factor) == (name, kind, unit, factor)
    assert signal.intervals == (SignalInterval(QUARTER, 1.0), SignalInterval(QUARTER, 2.0))
    assert (event.starts_at, event.length, event.modification_number) == (START, 2 * QUARTER, 3)


def test_price_has_its_currency_and_its_sub_intervals() -> None:
    descriptor = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "PRICE", "currency": "EUR"}
    signal = said(interval("PRICE", 0.1, 0.2, 0.3), payloadDescriptors=[descriptor]).signals[0]
    assert (signal.measure, signal.unit) == ("currencyPerKWh", "EUR")
    assert signal.intervals == tuple(SignalInterval(timedelta(minutes=5), value) for value in (0.1, 0.2, 0.3))


def test_gap_asks_for_nothing_where_that_can_be_said() -> None:
    later = {"start": (START + 2 * QUARTER).isoformat(), "duration": "PT15M"}
    relative = "DISPATCH_SETPOINT_RELATIVE"
    values = [
        one.value
        for one in said(interval(relative, -3), interval(relative, -4, **later)).signals[0].intervals
    ]
    assert values == [-3.0, 0.0, -4.0]
    with pytest.raises(NotIn2bError, match="gap"):
        said(interval("PRICE", 1), interval("PRICE", 2, **later))


def test_event_without_end_has_no_length() -> None:
    event = said(interval("DISPATCH_SETPOINT", 5, duration="P9999Y"))
    assert (event.length, event.signals[0].intervals) == (timedelta(0), (SignalInterval(timedelta(0), 5.0),))


@pytest.mark.parametrize(
    ("at", "canceled", "status"),
    [
        (NOW, False, "far"),
        (START, False, "active"),
        (START + QUARTER, False, "completed"),
        (START, True, "cancelled"),
    ],
)
def test_status(at: datetime, canceled: bool, status: str) -> None:
    assert said(interval("SIMPLE", 1), now=at, canceled=canceled).status == status


@pytest.mark.parametrize(("priority", "expected"), [(None, 0), (0, 1), (4, 5)])
def test_priority_counts_from_one_and_none_is_zero(priority: int | None, expected: int) -> None:
    event = said(interval("SIMPLE", 1), priority=priority)
    assert event.priority == expected
    assert event_from_2b(event, program_id="p").priority == priority


@pytest.mark.parametrize(
    "intervals",
    [
        [],
        [interval("CURVE", {"x": 1, "y": 2})],
        [interval("SIMPLE", 4)],
        [interval("SIMPLE", 1, 2)],
        [interval("PRICE", "dear")],
        [interval("PRICE", True)],
        [interval("PRICE", 1), interval("SIMPLE", 1)],
    ],
    ids=["nothing", "unknown", "level", "two levels", "text", "boolean", "holes"],
)
def test_what_cannot_be_said_is_refused(intervals: list[dict[str, Any]]) -> None:
    with pytest.raises(NotIn2bError):
        said(*intervals)


@given(values=st.lists(st.floats(-1e6, 0, allow_nan=False), min_size=1, max_size=8))
def test_shed_means_the_same_in_both_protocols(values: list[float]) -> None:
    intervals = [interval("DISPATCH_SETPOINT_RELATIVE", value) for value in values]
    content = {
        "programID": "p",
        "intervalPeriod": {"start": START.isoformat(), "duration": "PT15M"},
        "intervals": intervals,
    }
    direct = signals_from_event(decode_event(content), now=NOW)
    around = event_from_2b(said(*intervals), program_id="p")
    assert signals_from_event(around, now=NOW) == direct


def event_of(*signals: Signal) -> Event2b:
    return Event2b("e", 0, START, QUARTER, "far", signals, NOW)


def load_dispatch(value: float, **changes: Any) -> Signal:
    values = {"name": "LOAD_DISPATCH", "type": "delta", "unit": "W", "factor": 1e3, **changes}
    return Signal(id="s", intervals=(SignalInterval(QUARTER, value),), measure="powerReal", **values)


@pytest.mark.parametrize(("factor", "shed_kw"), [(1.0, 0.005), (1e3, 5.0), (1e6, 5000.0)])
def test_scale_of_the_power_is_minded(factor: float, shed_kw: float) -> None:
    neutral = event_from_2b(event_of(load_dispatch(-5.0, factor=factor)), program_id="p")
    assert signals_from_event(neutral, now=NOW).drafts[0].target_kw == pytest.approx((shed_kw,))


def test_simple_levels_are_sheds_where_the_program_says_how_many_kw() -> None:
    signal = Signal("simple", "level", "s", (SignalInterval(QUARTER, 2.0),))
    neutral = event_from_2b(event_of(signal), program_id="p", level_kw=[10.0, 20.0])
    assert signals_from_event(neutral, now=NOW).drafts[0].target_kw == (20.0,)
    with pytest.raises(UnsupportedPayload):
        event_from_2b(event_of(signal), program_id="p", level_kw=[10.0])


def test_only_interval_may_leave_its_length_to_the_event() -> None:
    signal = Signal("SIMPLE", "level", "s", (SignalInterval(timedelta(0), 1.0),))
    neutral = event_from_2b(event_of(signal), program_id="p", level_kw=[1.0])
    assert signals_from_event(neutral, now=NOW).drafts[0].ends_at == START + QUARTER


def test_signal_without_a_word_in_3_1_is_refused() -> None:
    with pytest.raises(UnsupportedPayload):
        event_from_2b(event_of(load_dispatch(1.0, name="BID_LOAD")), program_id="p")
    with pytest.raises(UnsupportedPayload):
        event_from_2b(event_of(load_dispatch(1.0, unit="VA")), program_id="p")
    with pytest.raises(EventWithoutIntervals):
        event_from_2b(event_of(), program_id="p")
