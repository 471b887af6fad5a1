"""S2 messages as text, valid and not."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s2python.common import ReceptionStatusValues
from s2python.s2_parser import TYPE_TO_MESSAGE_CLASS, S2Parser

from tests.vpp.protocols.s2.samples import NOW, ON, RECEPTION, SAMPLES
from vpp.protocols.s2.cem_session import CemSession
from vpp.protocols.s2.codec import NOBODY, S2FormatError, decode, encode, read
from vpp.protocols.s2.messages import DemandSystem, ProfileStatus, kind_of
from vpp.protocols.s2.rm_session import RmSession

INVALID_DATA = ReceptionStatusValues.INVALID_DATA
INVALID_MESSAGE = ReceptionStatusValues.INVALID_MESSAGE
INVALID_CONTENT = ReceptionStatusValues.INVALID_CONTENT


def test_there_is_a_sample_of_every_message_type() -> None:
    assert sorted([*SAMPLES, "ReceptionStatus"]) == sorted(TYPE_TO_MESSAGE_CLASS)


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_message_reads_and_writes_alike(kind: str) -> None:
    message = read(SAMPLES[kind])
    assert kind_of(message) == kind
    assert decode(encode(message)) == message


@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind != "PPBC.PowerProfileStatus"])
def test_what_we_write_is_read_by_s2_python(kind: str) -> None:
    text = encode(read(SAMPLES[kind]))
    assert S2Parser.parse_as_any_message(text).to_json() == text


def test_a_profile_tells_its_progress_in_milliseconds() -> None:
    message = read(SAMPLES["PPBC.PowerProfileStatus"])
    assert isinstance(message, ProfileStatus)
    progress = message.sequence_container_status[0].progress
    assert progress is not None
    assert progress.root == 60_000


@pytest.mark.parametrize("spelling", [("Id",), ("id",), ("Id", "id")])
def test_a_demand_driven_mode_has_one_id_however_it_is_spelled(spelling: tuple[str, ...]) -> None:
    document = copy.deepcopy(SAMPLES["DDBC.SystemDescription"])
    mode = document["actuators"][0]["operation_modes"][1]
    del mode["Id"]
    mode.update(dict.fromkeys(spelling, ON))
    message = read(document)
    assert isinstance(message, DemandSystem)
    assert str(message.actuators[0].operation_modes[1].id) == ON
    written = json.loads(encode(message))["actuators"][0]["operation_modes"][1]
    assert (written["Id"], written["id"]) == (ON, ON)


def without(kind: str, *path: str | int) -> dict[str, Any]:
    document = copy.deepcopy(SAMPLES[kind])
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return document


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (without("PEBC.Instruction", "power_constraints_id"), INVALID_MESSAGE),
        (without("PEBC.Instruction", "power_envelopes"), INVALID_MESSAGE),
        (
            without("PEBC.PowerConstraints", "allowed_limit_ranges", 0, "abnormal_condition_only"),
            INVALID_MESSAGE,
        ),
        (without("Handshake", "role"), INVALID_MESSAGE),
        ({**SAMPLES["Handshake"], "surprise": 1}, INVALID_MESSAGE),
        ({**SAMPLES["FRBC.StorageStatus"], "present_fill_level": 1e13}, INVALID_CONTENT),
        ({**SAMPLES["FRBC.UsageForecast"], "start_time": "0001-01-01T00:00:00Z"}, INVALID_CONTENT),
        ({**SAMPLES["FRBC.UsageForecast"], "start_time": "2026-01-01T00:00:00"}, INVALID_MESSAGE),
        ({**SAMPLES["Handshake"], "message_type": "Hello"}, INVALID_MESSAGE),
        ({**SAMPLES["Handshake"], "message_type": ["Handshake"]}, INVALID_MESSAGE),
        ({"message_type": "Hello"}, INVALID_DATA),
        ({}, INVALID_DATA),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused(
    document: dict[str, Any], status: ReceptionStatusValues
) -> None:
    with pytest.raises(S2FormatError) as caught:
        read(document)
    assert caught.value.status == status
    assert str(caught.value.subject) == document.get("message_id", str(NOBODY))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"Handshake"',
        b"\xff\xfe",
        '{"present_fill_level": NaN}',
        "[" * 100_000,
        '{"a": 1e999}',
    ],
)
def test_what_is_no_json_object_is_invalid_data(text: str | bytes) -> None:
    with pytest.raises(S2FormatError) as caught:
        decode(text)
    assert (caught.value.status, caught.value.subject) == (INVALID_DATA, NOBODY)


def test_an_answer_is_not_answered() -> None:
    with pytest.raises(S2FormatError) as caught:
        read({**RECEPTION, "status": "MAYBE"})
    assert caught.value.subject is None


# --- every field of every message, filled with anything

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["2026-06-01T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", ON, "RM"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document, leaves and branches."""
    items: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, inner in items:
        yield (*path, step)
        yield from places(inner, (*path, step))


PLACES = [
    (kind, path)
    for kind, sample in {**SAMPLES, "ReceptionStatus": RECEPTION}.items()
    for path in places(sample)
]
CEM_STATES = ["connected", "greeted", "described", "NOT_CONTROLABLE", "PEBC", "PPBC", "OMBC", "FRBC", "DDBC"]


def spoiled(kind: str, path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(SAMPLES.get(kind, RECEPTION))
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def survives(session: CemSession | RmSession, document: dict[str, Any], now: datetime) -> None:
    """The answer is one reception status, or none to an answer, or the session is over."""
    session.take_outgoing()
    session.feed_text(json.dumps(document), now)
    answers = [one for one in session.take_outgoing() if kind_of(one) == "ReceptionStatus"]
    if document.get("message_type") == "ReceptionStatus":
        assert answers == []
    else:
        assert len(answers) == 1
    session.tick(now)


@settings(max_examples=1500, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON, state=st.sampled_from(CEM_STATES))
def test_any_value_in_any_field_is_answered_by_an_energy_manager(
    place: tuple[str, tuple[str | int, ...]], value: Any, state: str
) -> None:
    from tests.vpp.protocols.s2.sessions import cem_in

    survives(cem_in(state, described=True), spoiled(*place, value), NOW)


@settings(max_examples=700, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON, state=st.sampled_from(CEM_STATES))
def test_any_value_in_any_field_is_answered_by_a_resource_manager(
    place: tuple[str, tuple[str | int, ...]], value: Any, state: str
) -> None:
    from tests.vpp.protocols.s2.sessions import rm_in

    survives(rm_in(state), spoiled(*place, value), NOW)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60) | st.binary(max_size=60))
def test_any_frame_is_answered(text: str | bytes) -> None:
    session = CemSession()
    session.feed_text(text, NOW)
    assert len(session.take_outgoing()) == 1


def test_a_peer_that_never_learns_is_left() -> None:
    session = CemSession()
    events = [event for _ in range(50) for event in session.feed_text("{", NOW)]
    assert session.is_over
    assert len(events) == 1
    assert session.feed_text("{", NOW) == []
