import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.errors import VppError
from vpp.intervals import Interval
from vpp.protocols.openadr3.event import decode_event
from vpp.translate.grid_signal import GridSignalDraft, draft_shed
from vpp.translate.openadr3 import Drafted, signals_from_event

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
AT_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)
PERIOD = {"start": "2026-01-15T17:00:00Z", "duration": "PT15M"}
RELATIVE = "DISPATCH_SETPOINT_RELATIVE"


def interval(*values: Any, type: str = RELATIVE, **period: str) -> dict[str, Any]:
    made: dict[str, Any] = {"id": 0, "payloads": [{"type": type, "values": list(values)}]}
    return made | ({"intervalPeriod": period} if period else {})


def draft(*intervals: dict[str, Any], now: datetime = NOW, **event: Any) -> GridSignalDraft:
    sent = {"programID": "p", "intervalPeriod": PERIOD, "intervals": list(intervals), **event}
    (made,) = signals_from_event(decode_event(sent), now=now).drafts
    return made


def drafted(*intervals: dict[str, Any], now: datetime = NOW, **event: Any) -> Drafted:
    sent = {"programID": "p", "intervalPeriod": PERIOD, "intervals": list(intervals), **event}
    return signals_from_event(decode_event(sent), now=now)


def descriptor(payload: str, **said: str) -> dict[str, Any]:
    return {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": payload, **said}


def test_a_shed_is_a_negative_setpoint() -> None:
    assert draft(interval(-25), interval(-12.5), interval(0)) == GridSignalDraft(
        "shed", AT_17, AT_17 + timedelta(minutes=45), 900, (25.0, 12.5, 0.0), RELATIVE
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
    (made,) = signals_from_event(event, now=NOW + timedelta(minutes=10), said_at=NOW).drafts
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
        ([interval("-1")], {}, "unsupported_payload"),
        ([interval(4, type="SIMPLE")], {}, "unsupported_payload"),
        ([interval(0.5, type="SIMPLE")], {}, "unsupported_payload"),
        ([interval(101, type="CHARGE_STATE_SETPOINT")], {}, "unsupported_payload"),
        ([interval(-0.1, type="CHARGE_STATE_SETPOINT")], {}, "unsupported_payload"),
        ([interval(-1, type="IMPORT_CAPACITY_LIMIT")], {}, "unsupported_payload"),
        ([interval(True)], {}, "unsupported_payload"),
        ([interval()], {}, "unsupported_payload"),
        ([interval(-1), {"id": 0, "payloads": []}], {}, "event_without_payload"),
        ([interval(5)], {}, "positive_setpoint_unsupported"),
        ([interval(-1, duration="P7DT1H")], {}, "event_too_long"),
        ([interval(-1), interval(-1, duration="PT61S")], {}, "interval_too_fine"),
        ([interval(-1, duration="PT90.5S")], {}, "interval_too_fine"),
        (
            [interval(-1)],
            {"payloadDescriptors": [descriptor(RELATIVE, units="KVA")]},
            "unsupported_units",
        ),
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


@pytest.mark.parametrize(
    ("payload", "units", "sent", "kind", "read"),
    [
        ("SIMPLE", None, 2, "level", 2.0),
        ("DISPATCH_SETPOINT", "KW", 120, "setpoint", 120.0),
        ("DISPATCH_SETPOINT", "MW", 1.5, "setpoint", 1500.0),
        (RELATIVE, "W", -500, "shed", 0.5),
        ("PRICE", "KWH", 0.31, "price", 0.31),
        ("PRICE", "MWH", 310, "price", 0.31),
        ("PRICE", None, -0.02, "price", -0.02),
        ("EXPORT_PRICE", None, 0.08, "export_price", 0.08),
        ("GHG", None, 412, "ghg", 412.0),
        ("CHARGE_STATE_SETPOINT", "PERCENT", 80, "charge_state", 0.8),
        ("CHARGE_STATE_SETPOINT", "PERCENT", 0.8, "charge_state", 0.8),
        ("CHARGE_STATE_SETPOINT", "KWH", 500, "charge_state", 500.0),
        ("IMPORT_CAPACITY_LIMIT", "KW", 7, "import_limit", 7.0),
        ("EXPORT_CAPACITY_LIMIT", None, 0, "export_limit", 0.0),
    ],
)
def test_each_payload_becomes_a_signal(
    payload: str, units: str | None, sent: float, kind: str, read: float
) -> None:
    described = [descriptor(payload, **({} if units is None else {"units": units}))]
    made = draft(interval(sent, type=payload), payloadDescriptors=described)
    assert (made.kind, made.part) == (kind, payload)
    assert made.values == pytest.approx((read,))
    assert made.target_kw == ((read,) if kind == "shed" else (0.0,))


def test_several_values_are_parts_of_the_interval() -> None:
    made = draft(interval(0.1, 0.2, 0.3, 0.4, type="PRICE", start="2026-01-15T17:00:00Z", duration="PT1H"))
    assert (made.interval_s, made.values) == (900, (0.1, 0.2, 0.3, 0.4))


def test_a_price_keeps_its_currency_and_gaps_stay_open() -> None:
    made = draft(
        interval(0.1, type="PRICE"),
        interval(0.3, type="PRICE", start="2026-01-15T17:30:00Z"),
        payloadDescriptors=[descriptor("PRICE", units="KWH", currency="EUR")],
    )
    assert made.values == (0.1, None, 0.3)
    assert made.detail == {"currency": "EUR"}


def test_an_event_asks_for_several_things_at_once() -> None:
    both = {"id": 0, "payloads": [{"type": "PRICE", "values": [0.3]}, {"type": "GHG", "values": [400]}]}
    made = drafted(both)
    assert [(one.kind, one.values) for one in made.drafts] == [("price", (0.3,)), ("ghg", (400.0,))]


def test_what_is_not_acted_on_is_named() -> None:
    made = drafted(
        {"id": 0, "payloads": [{"type": "PRICE", "values": [0.3]}, {"type": "X_PRIVATE", "values": ["a"]}]}
    )
    assert [one.kind for one in made.drafts] == ["price"]
    assert made.ignored == ("X_PRIVATE",)
    assert drafted(interval("a", type="X_PRIVATE")) == Drafted((), ("X_PRIVATE",))


def test_a_limit_knows_what_holds_when_it_is_not_heard() -> None:
    both = {
        "id": 0,
        "payloads": [
            {"type": "IMPORT_CAPACITY_LIMIT", "values": [2]},
            {"type": "IMPORT_CAPACITY_SUBSCRIPTION", "values": [11]},
        ],
    }
    (made,) = drafted(both).drafts
    assert (made.kind, made.values, made.detail) == ("import_limit", (2.0,), {"fallback_kw": 11.0})


def test_a_subscription_alone_is_a_limit_for_later() -> None:
    (made,) = drafted(interval(11, type="EXPORT_CAPACITY_SUBSCRIPTION")).drafts
    assert (made.kind, made.values, made.detail) == ("export_limit", (None,), {"fallback_kw": 11.0})


@pytest.mark.parametrize(
    ("alert", "kind", "value"),
    [
        ("ALERT_GRID_EMERGENCY", "level", 3.0),
        ("ALERT_BLACK_START", "level", 3.0),
        ("ALERT_FLEX_ALERT", "level", 1.0),
        ("ALERT_POSSIBLE_OUTAGE", "charge_state", 1.0),
        ("ALERT_WIND", "charge_state", 1.0),
        ("ALERT_AIR_QUALITY", "notice", None),
        ("ALERT_OTHER", "notice", None),
    ],
)
def test_alerts_shed_or_fill_or_only_tell(alert: str, kind: str, value: float | None) -> None:
    made = draft(interval("Storm at six", type=alert))
    assert (made.kind, made.values) == (kind, (value,))
    assert (made.detail["alert"], made.detail["text"]) == (alert, "Storm at six")


@pytest.mark.parametrize(
    "payload", ["CURVE", "OLS", "CTA2045_REBOOT", "CONTROL_SETPOINT", "DISPATCH_INSTRUCTION"]
)
def test_what_devices_know_is_passed_on(payload: str) -> None:
    made = draft(interval({"x": 1.0, "y": 2.0}, 3, type=payload), interval(4, type=payload))
    assert (made.kind, made.values) == ("device", (None, None))
    assert made.detail == {"payload": payload, "content": [[{"x": 1.0, "y": 2.0}, 3], [4]]}


def test_a_price_without_end_is_cut_and_says_so() -> None:
    made = draft(interval(0.2, type="PRICE", duration="P9999Y"))
    assert made.ends_at - made.starts_at == timedelta(days=7)
    assert made.detail == {"endless": True}
    later = draft(interval(0.2, type="PRICE", duration="P9999Y"), now=AT_17 + timedelta(days=30, minutes=7))
    assert later.starts_at == AT_17 + timedelta(days=30)
    assert later.ends_at == AT_17 + timedelta(days=37)


def test_intervals_that_repeat_for_ever_are_cut() -> None:
    half_days = [interval(price, type="PRICE", duration="PT12H") for price in (0.2, 0.4)]
    made = draft(*half_days, duration="P9999Y")
    assert made.detail == {"endless": True}
    assert made.values[:48] == (0.2,) * 48
    assert made.values[48:96] == (0.4,) * 48


DAY = timedelta(days=1)
HALF_DAYS = [interval(price, type="PRICE", duration="PT12H") for price in (0.2, 0.4)]


@pytest.mark.parametrize("days", [0.0, 0.5, 1.5, 30.25, 3_000.0])
def test_intervals_that_repeat_for_ever_go_on_whenever_one_looks(days: float) -> None:
    now = AT_17 + days * DAY + timedelta(minutes=7)
    made = draft(*HALF_DAYS, duration="P9999Y", now=now)
    begin = AT_17 if days < 1 else AT_17 + days * DAY
    assert (made.starts_at, made.ends_at, made.interval_s) == (begin, begin + 7 * DAY, 900)
    elapsed_s = int((begin - AT_17).total_seconds())
    assert made.values == tuple(
        0.2 if (elapsed_s + place * 900) % 86_400 < 43_200 else 0.4 for place in range(672)
    )


def test_repeated_intervals_that_begin_far_ahead_are_taken() -> None:
    ahead: dict[str, Any] = {"intervalPeriod": {"start": "2026-03-01T17:00:00Z"}, "duration": "P9999Y"}
    made = draft(*HALF_DAYS, **ahead)
    assert (made.starts_at, made.ends_at - made.starts_at) == (AT_17 + 45 * DAY, 7 * DAY)
    made = draft(*HALF_DAYS, **{**ahead, "duration": "P2D"})
    assert (made.ends_at - made.starts_at, made.detail) == (2 * DAY, {})


def test_an_end_that_comes_is_no_endless_event() -> None:
    made = draft(*HALF_DAYS, duration="P7D")
    assert (made.ends_at - made.starts_at, made.detail) == (7 * DAY, {})
    with pytest.raises(VppError) as error:
        draft(*HALF_DAYS, duration="P8D")
    assert error.value.code == "event_too_long"


def test_what_comes_after_the_next_days_waits_until_it_is_reached() -> None:
    sent = [interval(0.1, type="PRICE", duration="PT240H"), interval(0.2, type="PRICE", duration="P9999Y")]
    assert set(draft(*sent).values) == {0.1}
    later = draft(*sent, now=AT_17 + 9 * DAY)
    assert (later.starts_at, set(later.values[:96]), set(later.values[96:])) == (
        AT_17 + 9 * DAY,
        {0.1},
        {0.2},
    )


@given(st.data())
def test_no_event_makes_anything_but_drafts_or_a_named_error(data: st.DataObject) -> None:
    payloads = st.sampled_from(
        [
            *[
                "SIMPLE",
                "PRICE",
                "GHG",
                "CURVE",
                "ALERT_FIRE",
                "CHARGE_STATE_SETPOINT",
                "IMPORT_CAPACITY_LIMIT",
            ],
            RELATIVE,
            "X",
        ]
    )
    value = st.one_of(st.integers(-5, 200), st.floats(-5, 5), st.text(max_size=3), st.booleans())
    values = st.lists(value, max_size=3)
    duration = st.sampled_from(["PT15M", "PT1H", "P1D", "P9999Y", "PT7M"])
    pieces = data.draw(st.lists(st.tuples(payloads, values, duration), min_size=1, max_size=4))
    try:
        made = drafted(*(interval(*sent, type=name, duration=length) for name, sent, length in pieces))
    except VppError as error:
        assert error.code
        return
    for one in made.drafts:
        assert one.grid.ends_at == one.ends_at
        assert len(one.target_kw) == len(one.values)
        assert all(value is None or math.isfinite(value) for value in one.values)
