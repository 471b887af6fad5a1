"""Messages survive the wire; garbage is one named error."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.protocols.link import codec
from vpp.protocols.link.messages import (
    Ack,
    CapacityLimits,
    CurvePoint,
    DevicePayload,
    Hello,
    Instruction,
    InstructionStatus,
    Points,
    ResourceDescription,
    Schedule,
    Snapshots,
    Welcome,
)

HUB = [
    Hello(
        "h", "b", {"live": 3}, resources=[ResourceDescription("battery", "battery", parameters={"x": 1.0})]
    ),
    Hello("h", "b", features=["limits"]),
    Snapshots("live", 0, [1, 2], grid_kw=[1.5, None]),
    Points("backfill", 1, ["ev"], ["need_kwh"], [5], [2.5]),
    InstructionStatus(4, "i", 2, "rejected", 9, reason="no such resource"),
]
CLOUD = [
    Welcome(1, 2, {"live": -1}),
    Ack("live", 5, stored=3),
    Instruction("i", 1, 0, 10, Schedule(0, 900, [1.0, None], {"battery": [-1.0, None]})),
    Instruction(
        "i", 1, 0, 10, limits=CapacityLimits(0, 900, [1.0, None], fallback_export_kw=0.0), priority=0
    ),
    Instruction(
        "i",
        1,
        0,
        10,
        device=DevicePayload("CURVE", 0, 900, [[CurvePoint(1.0, 2.0)], [1, 1.5, True, None, "on"]]),
    ),
]


class FirstInstruction(msgspec.Struct, tag="instruction", tag_field="type"):
    """The message as the first agents knew it."""

    id: str
    revision: int
    not_before: int
    expires_at: int
    schedule: Schedule | None = None
    reason: str = ""


# JSON any tool could send: half of it looks like ours.
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "lane", "seq", "at", "hub_id", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


def test_every_message_survives_both_encodings() -> None:
    for message in HUB:
        assert codec.decode_hub(codec.encode_json(message).decode()) == message
        assert codec.decode_hub(codec.encode_msgpack(message)) == message
    for reply in CLOUD:
        assert codec.decode_cloud(codec.encode_json(reply).decode()) == reply
        assert codec.decode_cloud(codec.encode_msgpack(reply)) == reply
    assert codec.decode_hub_list(codec.encode_json(HUB), binary=False) == HUB
    assert codec.decode_cloud_list(codec.encode_msgpack(CLOUD), binary=True) == CLOUD


def test_first_agents_can_read_later_instructions_and_leave_out_what_they_do_not_know() -> None:
    for reply in CLOUD[2:]:
        assert isinstance(reply, Instruction)
        expected = FirstInstruction(reply.id, 1, 0, 10, reply.schedule)
        assert msgspec.json.decode(codec.encode_json(reply), type=FirstInstruction) == expected
        assert msgspec.msgpack.decode(codec.encode_msgpack(reply), type=FirstInstruction) == expected


@pytest.mark.parametrize("limit", ["-0.001", "1e999", '"much"', "true"])
def test_limit_that_is_no_power_is_refused(limit: str) -> None:
    text = '{"type":"instruction","id":"i","revision":1,"not_before":0,"expires_at":9,"limits":{"starts_at":0,"interval_s":1,'
    assert refuses(codec.decode_cloud, text + f'"import_kw":[{limit}]}}}}') in {
        "invalid_message",
        "malformed",
    }


def refuses(decode: Any, *arguments: Any, **options: Any) -> str | None:
    try:
        decode(*arguments, **options)
    except codec.LinkFormatError as error:
        assert error.code in {"malformed", "invalid_message"}
        assert error.as_message().permanent
        return error.code
    return None


@given(st.binary(max_size=60))
def test_garbage_bytes_give_one_named_error(data: bytes) -> None:
    refuses(codec.decode_hub, data)
    refuses(codec.decode_cloud, data)
    for binary in (True, False):
        refuses(codec.decode_hub_list, data, binary=binary)
        refuses(codec.decode_cloud_list, data, binary=binary)


@given(st.text(max_size=60))
def test_garbage_text_gives_one_named_error(text: str) -> None:
    refuses(codec.decode_hub, text)
    refuses(codec.decode_cloud, text)


@given(JUNK)
def test_wrong_shapes_give_one_named_error(junk: Any) -> None:
    refuses(codec.decode_hub, msgspec.json.encode(junk).decode())
    refuses(codec.decode_hub, msgspec.msgpack.encode(junk) if _fits(junk) else b"")


def _fits(junk: Any) -> bool:
    try:
        msgspec.msgpack.encode(junk)
    except OverflowError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ("[" * 100_000, "invalid_message"),
        ('{"type":"hello","x":' + "[" * 100_000, "malformed"),
        ('{"type":"\ud800"}', "malformed"),
        ('{"type":"nothing"}', "invalid_message"),
        ('{"type":"snapshots","lane":"sideways","seq":0,"at":[1]}', "invalid_message"),
        ('{"type":"snapshots","lane":"live","seq":-1,"at":[1]}', "invalid_message"),
        ('{"type":"snapshots","lane":"live","seq":0,"at":[1' + "0" * 5000 + "]}", "invalid_message"),
        ('{"type":"snapshots","lane":"live","seq":0,"at":[99999999999999999]}', "invalid_message"),
        ('{"type":"hello","hub_id":"a\\u0000b","boot_id":"b"}', "invalid_message"),
        (
            '{"type":"points","lane":"live","seq":0,"resource":["a"],"quantity":["b"],"at":[1],"value":[NaN]}',
            "malformed",
        ),
    ],
)
def test_known_garbage(text: str, code: str) -> None:
    assert refuses(codec.decode_hub, text) == code
