"""Sessions brought into a state by what a peer would say."""

from typing import Any

from s2python.common import ControlType, ResourceManagerDetails

from tests.vpp.protocols.s2.samples import DETAILS, NOW, SAMPLES, TYPES, uid
from vpp.protocols.s2.cem_session import CemSession
from vpp.protocols.s2.codec import read
from vpp.protocols.s2.rm_session import RmSession

DESCRIPTIONS = {
    "PEBC": "PEBC.PowerConstraints",
    "PPBC": "PPBC.PowerProfileDefinition",
    "OMBC": "OMBC.SystemDescription",
    "FRBC": "FRBC.SystemDescription",
    "DDBC": "DDBC.SystemDescription",
}


def say(session: CemSession | RmSession, kind: str, **changes: Any) -> list[object]:
    """Feed a sample, and see that it was received well."""
    session.take_outgoing()
    events = session.feed(read({**SAMPLES[kind], **changes}), NOW)
    answer: Any = session.take_outgoing()[0]
    assert answer.status == "OK", answer.diagnostic_label
    return events


def cem_in(state: str, *, described: bool = False) -> CemSession:
    """An energy manager's session in this state; `described`: the resource manager described itself there."""
    session = CemSession()
    if state == "connected":
        return session
    say(session, "Handshake")
    if state == "greeted":
        return session
    offers = [TYPES[state]] if state == "NOT_CONTROLABLE" else DETAILS["available_control_types"]
    say(session, "ResourceManagerDetails", available_control_types=offers)
    if state == "described":
        return session
    session.select(ControlType(TYPES[state]), NOW)
    if described and state in DESCRIPTIONS:
        say(session, DESCRIPTIONS[state])
    return session


def rm_in(state: str) -> RmSession:
    """A resource manager's session in this state."""
    offers = [TYPES[state]] if state == "NOT_CONTROLABLE" else DETAILS["available_control_types"]
    details = read({**DETAILS, "message_id": uid(400), "available_control_types": offers})
    assert isinstance(details, ResourceManagerDetails)
    session = RmSession(details.available_control_types)
    if state == "connected":
        return session
    say(session, "Handshake", role="CEM")
    say(session, "HandshakeResponse")
    if state == "greeted":
        return session
    session.describe(details, NOW)
    if state != "described":
        say(session, "SelectControlType", control_type=TYPES[state])
    return session
