"""S2 sessions by their transition tables: what every state makes of every message, at both ends."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from s2python.common import ControlType, InstructionStatus, ReceptionStatusValues, SessionRequestType

from tests.vpp.protocols.s2.samples import DETAILS, NOW, ON, ORDER, RESOURCE, SAMPLES, TYPES, uid
from tests.vpp.protocols.s2.sessions import cem_in, rm_in, say
from vpp.protocols.s2.cem_session import CemSession, Changed, Described, Progress
from vpp.protocols.s2.codec import read, reception
from vpp.protocols.s2.instructions import FOLLOWS
from vpp.protocols.s2.messages import kind_of
from vpp.protocols.s2.modes import S2ContentError
from vpp.protocols.s2.rm_session import Instructed, Revoked, RmSession, Selected, Welcomed
from vpp.protocols.s2.session import Closed, Refused, Unanswered

STATES = ["connected", "greeted", "described", "NOT_CONTROLABLE", "PEBC", "PPBC", "OMBC", "FRBC", "DDBC"]
# Message by message: the states that take it. What is not here is taken by none.
OPEN = set(STATES)
AFTER_DETAILS = OPEN - {"connected", "greeted"}
CEM_TAKES: dict[str, set[str]] = {
    "Handshake": {"connected"},
    "ResourceManagerDetails": OPEN - {"connected"},
    "PowerMeasurement": OPEN,
    "PowerForecast": OPEN,
    "SessionRequest": OPEN,
    "PEBC.PowerConstraints": {"PEBC"},
    "PEBC.EnergyConstraint": {"PEBC"},
    "PPBC.PowerProfileDefinition": {"PPBC"},
    "PPBC.PowerProfileStatus": {"PPBC"},
    "OMBC.SystemDescription": {"OMBC"},
    "OMBC.Status": {"OMBC"},
    "OMBC.TimerStatus": {"OMBC"},
    "FRBC.SystemDescription": {"FRBC"},
    "FRBC.ActuatorStatus": {"FRBC"},
    "FRBC.StorageStatus": {"FRBC"},
    "FRBC.TimerStatus": {"FRBC"},
    "FRBC.LeakageBehaviour": {"FRBC"},
    "FRBC.UsageForecast": {"FRBC"},
    "FRBC.FillLevelTargetProfile": {"FRBC"},
    "DDBC.SystemDescription": {"DDBC"},
    "DDBC.ActuatorStatus": {"DDBC"},
    "DDBC.TimerStatus": {"DDBC"},
    "DDBC.AverageDemandRateForecast": {"DDBC"},
}
CEM_NEXT = {
    ("connected", "Handshake"): "greeted",
    ("greeted", "ResourceManagerDetails"): "described",
    # Details that offer no more what was selected end the selection.
    ("NOT_CONTROLABLE", "ResourceManagerDetails"): "described",
    **{(state, "SessionRequest"): "closed" for state in STATES},
}
RM_TAKES: dict[str, set[str]] = {
    "Handshake": {"connected"},
    "HandshakeResponse": {"connected"},
    "SelectControlType": AFTER_DETAILS,
    "SessionRequest": OPEN,
    "PEBC.Instruction": {"PEBC"},
    "PPBC.ScheduleInstruction": {"PPBC"},
    "PPBC.StartInterruptionInstruction": {"PPBC"},
    "PPBC.EndInterruptionInstruction": {"PPBC"},
    "OMBC.Instruction": {"OMBC"},
    "FRBC.Instruction": {"FRBC"},
    "DDBC.Instruction": {"DDBC"},
    "RevokeObject": {"FRBC"},
}
RM_NEXT = {
    ("connected", "HandshakeResponse"): "greeted",
    **{(state, "SelectControlType"): "FRBC" for state in AFTER_DETAILS},
    **{(state, "SessionRequest"): "closed" for state in STATES},
}
OK, INVALID_CONTENT = ReceptionStatusValues.OK, ReceptionStatusValues.INVALID_CONTENT


def answer_to(session: CemSession | RmSession, document: dict[str, Any]) -> Any:
    session.take_outgoing()
    session.feed(read(document), NOW)
    answer: Any = session.take_outgoing()[0]
    assert str(answer.subject_message_id) == document["message_id"]
    return answer.status


@pytest.mark.parametrize("state", STATES)
def test_what_an_energy_manager_makes_of_every_message(state: str) -> None:
    found = {}
    for kind, document in SAMPLES.items():
        session = cem_in(state, described=not kind.endswith("RevokeObject"))
        found[kind] = (answer_to(session, document), session.state)
    expected = {
        kind: (
            OK if state in CEM_TAKES.get(kind, set()) else INVALID_CONTENT,
            CEM_NEXT.get((state, kind), state),
        )
        for kind in SAMPLES
    }
    assert found == expected


@pytest.mark.parametrize("state", STATES)
def test_what_a_resource_manager_makes_of_every_message(state: str) -> None:
    found = {}
    for kind, document in SAMPLES.items():
        session = rm_in(state)
        given = {**document, "role": "CEM"} if kind == "Handshake" else document
        if kind == "SelectControlType" and state == "NOT_CONTROLABLE":
            given = {**document, "control_type": "NOT_CONTROLABLE"}
        found[kind] = (answer_to(session, given), session.state)
    follows = RM_NEXT | {("NOT_CONTROLABLE", "SelectControlType"): "NOT_CONTROLABLE"}
    expected = {
        kind: (
            OK if state in RM_TAKES.get(kind, set()) else INVALID_CONTENT,
            follows.get((state, kind), state),
        )
        for kind in SAMPLES
    }
    assert found == expected


# --- versions


def test_the_first_version_of_ours_that_they_speak_is_chosen() -> None:
    session = CemSession(versions=("1.0.0", "0.0.2-beta", "0.0.1"))
    session.start(NOW)
    session.feed(read({**SAMPLES["Handshake"], "supported_protocol_versions": ["0.0.1", "0.0.2-beta"]}), NOW)
    said: list[Any] = session.take_outgoing()
    assert [kind_of(one) for one in said] == ["Handshake", "ReceptionStatus", "HandshakeResponse"]
    assert said[0].supported_protocol_versions == ["1.0.0", "0.0.2-beta", "0.0.1"]
    assert (said[2].selected_protocol_version, session.version) == ("0.0.2-beta", "0.0.2-beta")


@pytest.mark.parametrize("versions", [["9.9"], None])
def test_no_common_version_is_a_clean_end(versions: list[str] | None) -> None:
    session = CemSession()
    events = session.feed(read({**SAMPLES["Handshake"], "supported_protocol_versions": versions}), NOW)
    spoken = ", ".join(versions or []) or "none"
    assert events == [Closed(f"no common version: the resource manager speaks {spoken}", permanent=True)]
    assert session.state == "closed"


def test_a_version_never_offered_is_a_clean_end() -> None:
    session = rm_in("connected")
    events = session.feed(read({**SAMPLES["HandshakeResponse"], "selected_protocol_version": "7"}), NOW)
    assert events == [Closed("the energy manager chose version 7", permanent=True)]


def test_two_energy_managers_have_nothing_to_say_to_each_other() -> None:
    assert answer_to(CemSession(), {**SAMPLES["Handshake"], "role": "CEM"}) == INVALID_CONTENT


# --- control types


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["PEBC", "OMBC", "FRBC"], "FRBC"),
        (["PEBC", "OMBC"], "OMBC"),
        (["OMBC", "PPBC", "DDBC"], "DDBC"),
        (["NOT_CONTROLABLE"], "NOT_CONTROLABLE"),
        (["PEBC", "NOT_CONTROLABLE"], "PEBC"),
    ],
)
def test_what_tells_most_is_chosen(offered: list[str], chosen: str) -> None:
    session = cem_in("greeted")
    say(session, "ResourceManagerDetails", available_control_types=[TYPES[one] for one in offered])
    assert session.choose() == ControlType(TYPES[chosen])


def test_a_control_type_that_is_not_offered_is_not_selected() -> None:
    session = cem_in("greeted")
    with pytest.raises(S2ContentError):
        session.select(ControlType.FILL_RATE_BASED_CONTROL, NOW)
    say(session, "ResourceManagerDetails", available_control_types=[TYPES["PEBC"]])
    with pytest.raises(S2ContentError):
        session.select(ControlType.FILL_RATE_BASED_CONTROL, NOW)
    rm = rm_in("NOT_CONTROLABLE")
    assert answer_to(rm, SAMPLES["SelectControlType"]) == INVALID_CONTENT
    assert rm.control_type == ControlType.NOT_CONTROLABLE


def test_a_refused_control_type_is_not_chosen_again() -> None:
    session = cem_in("described")
    session.select(session.choose(), NOW)
    selection: Any = session.take_outgoing()[-1]
    events = session.feed(
        reception(selection.message_id, ReceptionStatusValues.TEMPORARY_ERROR, detail="later"), NOW
    )
    assert isinstance(events[0], Described)
    assert isinstance(events[1], Refused)
    assert (session.state, session.choose().value) == ("described", TYPES["DDBC"])


def test_what_crosses_a_change_of_control_type_is_received_and_forgotten() -> None:
    session = cem_in("FRBC", described=True)
    session.select(ControlType.OPERATION_MODE_BASED_CONTROL, NOW)
    assert answer_to(session, SAMPLES["FRBC.StorageStatus"]) == OK
    assert answer_to(session, SAMPLES["PEBC.PowerConstraints"]) == INVALID_CONTENT
    session.select(ControlType.NO_SELECTION, NOW)
    assert answer_to(session, SAMPLES["OMBC.Status"]) == OK
    assert (session.held, session.state) == (None, "described")


def test_details_may_change_but_not_the_resource() -> None:
    session = cem_in("FRBC")
    say(session, "ResourceManagerDetails", name="another name")
    assert session.state == "FRBC"
    assert (
        answer_to(session, {**SAMPLES["ResourceManagerDetails"], "resource_id": uid(900)}) == INVALID_CONTENT
    )
    say(session, "ResourceManagerDetails", available_control_types=[TYPES["PEBC"]])
    assert (session.state, session.choose().value) == ("described", TYPES["PEBC"])


# --- instructions


def given_order() -> CemSession:
    session = cem_in("FRBC", described=True)
    session.instruct(read(SAMPLES["FRBC.Instruction"]), NOW)
    session.take_outgoing()
    return session


@pytest.mark.parametrize("before", list(FOLLOWS))
def test_what_may_follow_in_the_life_of_an_instruction(before: InstructionStatus | None) -> None:
    ends = {"REJECTED", "REVOKED", "SUCCEEDED", "ABORTED"}
    order = ["NEW", "ACCEPTED", "STARTED"]
    after: dict[str, bool] = {}
    for status in InstructionStatus:
        session = given_order()
        if before is not None:
            session.instructions[ORDER].status = before
        document = {**SAMPLES["InstructionStatusUpdate"], "status_type": status.value}
        after[status.value] = answer_to(session, document) == OK
    place = -1 if before is None else order.index(before.value) if before.value in order else 99
    expected = {
        name: name == (before.value if before else "")
        or (place < 99 and (name in ends - ({"REJECTED"} if place >= 1 else set())))
        or (name in order and order.index(name) > place)
        for name in after
    }
    assert after == expected


def test_a_status_of_an_unknown_instruction_is_refused() -> None:
    session = given_order()
    assert answer_to(session, {**SAMPLES["InstructionStatusUpdate"], "instruction_id": ON}) == INVALID_CONTENT


def test_an_instruction_refused_at_reception_is_rejected() -> None:
    session = cem_in("FRBC", described=True)
    given = session.instruct(read(SAMPLES["FRBC.Instruction"]), NOW)
    subject = UUID(SAMPLES["FRBC.Instruction"]["message_id"])
    events = session.feed(reception(subject, INVALID_CONTENT, detail="no such mode"), NOW)
    assert events == [Progress(given), Refused(given.message, INVALID_CONTENT, "no such mode")]
    assert (given.status, given.is_over) == (InstructionStatus.REJECTED, True)


def test_an_instruction_needs_its_control_type() -> None:
    with pytest.raises(S2ContentError):
        cem_in("FRBC").instruct(read(SAMPLES["OMBC.Instruction"]), NOW)


def test_an_instruction_is_revoked_by_its_kind_and_id() -> None:
    session = given_order()
    session.revoke(session.instructions[ORDER], NOW)
    message: Any = session.take_outgoing()[-1]
    assert (message.object_type.value, str(message.object_id)) == ("FRBC.Instruction", ORDER)
    rm = rm_in("FRBC")
    assert rm.feed(message, NOW) == [Revoked(ORDER)]


def test_a_message_nobody_answers_is_told_once() -> None:
    session = given_order()
    late = session.tick(NOW + timedelta(seconds=31))
    kinds = [kind_of(event.message) for event in late if isinstance(event, Unanswered)]
    assert kinds == ["HandshakeResponse", "SelectControlType", "FRBC.Instruction"]
    assert session.tick(NOW + timedelta(seconds=62)) == []


# --- ends


@pytest.mark.parametrize(("request_", "reconnect"), [("RECONNECT", True), ("TERMINATE", False)])
def test_a_session_request_ends_the_session(request_: str, reconnect: bool) -> None:
    session = cem_in("FRBC")
    events = say(session, "SessionRequest", request=request_)
    reason = f"the peer asks to {request_}: an update"
    assert events == [Closed(reason, permanent=not reconnect, reconnect=reconnect)]
    assert session.feed(read(SAMPLES["PowerMeasurement"]), NOW) == []
    assert session.take_outgoing() == []


def test_we_may_ask_for_it_as_well() -> None:
    session = cem_in("FRBC")
    session.take_outgoing()
    assert session.request(SessionRequestType.TERMINATE, NOW, label="unpaired") == Closed("unpaired")
    assert [kind_of(one) for one in session.take_outgoing()] == ["SessionRequest"]


# --- both ends together


def test_two_sessions_of_ours_understand_each_other() -> None:
    details: Any = read({**DETAILS, "message_id": uid(400)})
    cem, rm = CemSession(), RmSession(details.available_control_types)
    cem.start(NOW)
    rm.start(NOW)
    told: list[object] = []
    for _ in range(6):
        for message in rm.take_outgoing():
            for event in cem.feed(message, NOW):
                told.append(event)
                if isinstance(event, Described):
                    cem.select(cem.choose(), NOW)
        for message in cem.take_outgoing():
            for event in rm.feed(message, NOW):
                told.append(event)
                if isinstance(event, Welcomed):
                    rm.describe(details, NOW)
                if isinstance(event, Selected):
                    rm.send(read(SAMPLES["FRBC.SystemDescription"]), NOW)
                    rm.send(read(SAMPLES["FRBC.StorageStatus"]), NOW)
    assert [type(event) for event in told] == [Welcomed, Described, Selected, Changed, Changed]
    order = read(SAMPLES["FRBC.Instruction"])
    given = cem.instruct(order, NOW)
    events = [event for message in cem.take_outgoing() for event in rm.feed(message, NOW)]
    assert events == [Instructed(order)]
    rm.progress(ORDER, InstructionStatus.STARTED, now=NOW)
    assert [event for message in rm.take_outgoing() for event in cem.feed(message, NOW)] == [Progress(given)]
    assert (given.status, str(details.resource_id)) == (InstructionStatus.STARTED, RESOURCE)
