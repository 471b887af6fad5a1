import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.protocols.openadr3.common import OpenADRFormatError, Point, encode, to_builtins
from vpp.protocols.openadr3.event import Event, decode_event
from vpp.protocols.openadr3.notification import decode_notification
from vpp.protocols.openadr3.program import decode_program
from vpp.protocols.openadr3.report import decode_report
from vpp.protocols.openadr3.resource import Resource, decode_bl_resource, decode_ven_resource
from vpp.protocols.openadr3.subscription import decode_subscription
from vpp.protocols.openadr3.ven import Ven, decode_bl_ven, decode_ven_ven

EVENT: dict[str, Any] = {
    "programID": "program-1",
    "eventName": "evening shed",
    "priority": 0,
    "targets": ["group-1"],
    "payloadDescriptors": [
        {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "DISPATCH_SETPOINT_RELATIVE", "units": "KW"}
    ],
    "reportDescriptors": [{"payloadType": "USAGE", "aggregate": True}],
    "intervalPeriod": {"start": "2026-01-15T17:00:00Z", "duration": "PT15M", "randomizeStart": "PT0S"},
    "intervals": [
        {"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-25.0]}]},
        {"id": 1, "payloads": [{"type": "X", "values": [1, 2.5, "a", True, {"x": 1.0, "y": 2.0}]}]},
    ],
}


def body(**changes: Any) -> bytes:
    return json.dumps({**EVENT, **changes}).encode()


def test_an_event_is_read_and_written_under_the_published_names() -> None:
    event = decode_event(body(id="ignored", createdDateTime=5, extra={"a": [1]}))
    assert event.program_id == "program-1"
    assert event.intervals is not None
    assert event.intervals[1].payloads[0].values == [1, 2.5, "a", True, Point(x=1.0, y=2.0)]
    assert json.loads(encode(event)) == EVENT
    assert to_builtins(event) == EVENT
    assert decode_event(EVENT) == event


def test_the_vtn_s_event_carries_its_metadata() -> None:
    request = to_builtins(decode_event(EVENT))
    stamped = {
        **request,
        "id": "e-1",
        "createdDateTime": "2026-01-15T10:00:00Z",
        "modificationDateTime": "2026-01-15T10:00:00Z",
        "objectType": "EVENT",
    }
    event = msgspec.convert(stamped, Event)
    assert to_builtins(event) == stamped
    assert Event(**msgspec.structs.asdict(event)) == event


def test_null_is_the_same_as_absent() -> None:
    event = decode_event({"programID": "p", "targets": None, "priority": None, "intervals": None})
    assert to_builtins(event) == {"programID": "p"}


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"eventName": "no program"}',
        b'{"programID": ""}',
        b'{"programID": "a b"}',
        b'{"programID": "a\\n"}',
        b'{"programID": "p", "priority": -1}',
        b'{"programID": "p", "duration": "1 hour"}',
        b'{"programID": "p", "duration": "P1M"}',
        b'{"programID": "p", "intervals": [{"payloads": []}]}',
        b'{"programID": "p", "intervals": [{"id": 0}]}',
        b'{"programID": "p", "intervals": [{"id": 0, "payloads": [{"type": "X", "values": [NaN]}]}]}',
        b'{"programID": "p", "intervals": [{"id": 0, "payloads": [{"type": "X", "values": [1e999]}]}]}',
        b'{"programID": "p", "intervals": [{"id": 0, "payloads": [{"type": "X", "values": [null]}]}]}',
        b'{"programID": "p", "intervalPeriod": {"start": "tomorrow"}}',
        b'{"programID": "p", "intervalPeriod": {"start": "2026-01-15T17:00:00"}}',
        b'{"programID": "p", "intervalPeriod": {"start": "2026-01-15"}}',
        b'{"programID": "p", "intervalPeriod": {"start": "9999-12-31T23:59:59-12:00"}}',
        b'{"programID": "p", "payloadDescriptors": [{"objectType": "WRONG", "payloadType": "X"}]}',
        b"[" * 100_000,
    ],
)
def test_whatever_is_wrong_is_one_error(wrong: bytes) -> None:
    with pytest.raises(OpenADRFormatError) as caught:
        decode_event(wrong)
    assert caught.value.code == "openadr_format"
    assert caught.value.detail


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"x": float("nan"), "y": 0.0}])
def test_parsed_bodies_cannot_smuggle_nan(value: object) -> None:
    intervals = [{"id": 0, "payloads": [{"type": "X", "values": [value]}]}]
    with pytest.raises(OpenADRFormatError):
        decode_event({"programID": "p", "intervals": intervals})


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_garbage_never_gives_another_error(garbage: bytes | str) -> None:
    with pytest.raises(OpenADRFormatError):
        decode_event(garbage)


def test_a_program_is_read_with_both_kinds_of_descriptors() -> None:
    sent = {
        "programName": "peak",
        "programDescriptions": [{"URL": "https://example.org"}],
        "payloadDescriptors": [
            {
                "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
                "payloadType": "PRICE",
                "units": "KWH",
                "currency": "EUR",
            },
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "USAGE", "confidence": 90},
        ],
        "attributes": [{"type": "RETAILER_NAME", "values": ["us"]}],
    }
    assert to_builtins(decode_program(sent)) == sent
    with pytest.raises(OpenADRFormatError, match="programName"):
        decode_program({"programLongName": "peak"})


def test_a_report_is_read() -> None:
    sent = {"eventID": "e", "clientName": "c", "resources": [{"resourceName": "r", "intervals": []}]}
    assert to_builtins(decode_report(sent)) == sent
    with pytest.raises(OpenADRFormatError, match="resourceName"):
        decode_report({**sent, "resources": [{"intervals": []}]})


METADATA = {
    "id": "o-1",
    "createdDateTime": "2026-01-15T10:00:00Z",
    "modificationDateTime": "2026-01-15T10:00:00Z",
}


def test_a_ven_is_read_as_business_logic_and_as_the_ven_say_it() -> None:
    shown = {**METADATA, "objectType": "VEN", "clientID": "c", "venName": "v", "targets": ["north"]}
    assert to_builtins(msgspec.convert(shown, Ven)) == shown
    sent = {"objectType": "BL_VEN_REQUEST", "clientID": "c", "venName": "v", "targets": ["north"]}
    assert to_builtins(decode_bl_ven(sent)) == sent
    assert decode_bl_ven(shown).ven_name == decode_ven_ven(shown).ven_name == "v"
    own = {"objectType": "VEN_VEN_REQUEST", "venName": "v"}
    assert to_builtins(decode_ven_ven(own)) == own
    for decoder, wrong in ((decode_bl_ven, own), (decode_ven_ven, sent), (decode_ven_ven, {"venName": "v"})):
        with pytest.raises(OpenADRFormatError):
            decoder(wrong)


def test_a_resource_is_read_as_business_logic_and_as_the_ven_say_it() -> None:
    shown = {**METADATA, "objectType": "RESOURCE", "clientID": "c", "resourceName": "r", "venID": "v"}
    assert to_builtins(msgspec.convert(shown, Resource)) == shown
    sent = {"objectType": "BL_RESOURCE_REQUEST", "clientID": "c", "resourceName": "r", "venID": "v"}
    assert to_builtins(decode_bl_resource(sent)) == sent
    own = {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "r", "venID": "v"}
    assert to_builtins(decode_ven_resource(own)) == own
    for decoder, wrong in ((decode_bl_resource, own), (decode_ven_resource, sent)):
        with pytest.raises(OpenADRFormatError):
            decoder(wrong)


def test_a_subscription_is_read() -> None:
    operations = {"objects": ["EVENT"], "operations": ["CREATE"], "callbackUrl": "https://example.org/x"}
    sent = {"clientName": "c", "objectOperations": [operations], "programID": "p", "targets": ["t"]}
    assert to_builtins(decode_subscription(sent)) == sent
    for wrong in (
        {"objects": ["EVENTS"]},
        {"operations": ["POST"]},
        {"callbackUrl": "x"},
        {"callbackUrl": None},
    ):
        with pytest.raises(OpenADRFormatError):
            decode_subscription({**sent, "objectOperations": [{**operations, **wrong}]})


def test_a_notification_is_read() -> None:
    sent = {"objectType": "EVENT", "operation": "DELETE", "object": {"id": "e"}, "targets": ["t"]}
    assert to_builtins(decode_notification(sent)) == sent
    with pytest.raises(OpenADRFormatError):
        decode_notification({**sent, "operation": "POST"})
