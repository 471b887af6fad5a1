"""A VEN's conversation with its VTN as a table of transitions: no socket, no clock."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from vpp.protocols.backoff import pause_after
from vpp.protocols.openadr2b.vocabulary import INVALID_ID, NOT_AUTHORIZED, OK


class Phase(Enum):
    """How far the VEN has come."""

    UNREGISTERED = auto()
    REGISTERED = auto()
    OFFERED = auto()
    POLLING = auto()


class Act(Enum):
    """What an answer asks to be done."""

    NOTHING = auto()
    KEEP_REGISTRATION = auto()
    KEEP_REPORT_WISHES = auto()
    TAKE_EVENTS = auto()
    CANCEL_REPORTS = auto()
    FORGET_REGISTRATION = auto()
    CONFIRM_REREGISTRATION = auto()
    CONFIRM_CANCELLATION = auto()
    PAUSE = auto()


# What is sent in each phase: the service and the kind of message.
REQUESTS: Final[dict[Phase, tuple[str, str]]] = {
    Phase.UNREGISTERED: ("EiRegisterParty", "oadrCreatePartyRegistration"),
    Phase.REGISTERED: ("EiReport", "oadrRegisterReport"),
    Phase.OFFERED: ("EiEvent", "oadrRequestEvent"),
    Phase.POLLING: ("OadrPoll", "oadrPoll"),
}

TRANSITIONS: Final[dict[tuple[Phase, str], tuple[Phase, Act]]] = {
    (Phase.UNREGISTERED, "oadrCreatedPartyRegistration"): (Phase.REGISTERED, Act.KEEP_REGISTRATION),
    (Phase.REGISTERED, "oadrRegisteredReport"): (Phase.OFFERED, Act.KEEP_REPORT_WISHES),
    (Phase.REGISTERED, "oadrResponse"): (Phase.OFFERED, Act.NOTHING),
    (Phase.OFFERED, "oadrDistributeEvent"): (Phase.POLLING, Act.TAKE_EVENTS),
    # Some VTNs say "no events" so; it says nothing of events that are known.
    (Phase.OFFERED, "oadrResponse"): (Phase.POLLING, Act.NOTHING),
    (Phase.POLLING, "oadrResponse"): (Phase.POLLING, Act.NOTHING),
    (Phase.POLLING, "oadrDistributeEvent"): (Phase.POLLING, Act.TAKE_EVENTS),
    (Phase.POLLING, "oadrCreateReport"): (Phase.POLLING, Act.KEEP_REPORT_WISHES),
    (Phase.POLLING, "oadrCancelReport"): (Phase.POLLING, Act.CANCEL_REPORTS),
    (Phase.POLLING, "oadrCancelPartyRegistration"): (Phase.UNREGISTERED, Act.CONFIRM_CANCELLATION),
}


@dataclass(frozen=True, slots=True)
class VenMachine:
    """Where the conversation stands, and how often in a row it failed."""

    phase: Phase = Phase.UNREGISTERED
    failures: int = 0

    @property
    def request(self) -> tuple[str, str]:
        """The service and kind of the message to send next."""
        return REQUESTS[self.phase]

    def answered(self, kind: str, response_code: int) -> tuple["VenMachine", Act]:
        """Return where an answer leads and what it asks for.

        A VTN that does not know us (any more) makes us register anew; any other refusal and any answer
        that does not belong here is a failure, after which the same is tried again.
        """
        if kind == "oadrRequestReregistration":
            return VenMachine(Phase.UNREGISTERED), Act.CONFIRM_REREGISTRATION
        if response_code in {INVALID_ID, NOT_AUTHORIZED} and self.phase is not Phase.UNREGISTERED:
            return VenMachine(Phase.UNREGISTERED, self.failures + 1), Act.FORGET_REGISTRATION
        found = TRANSITIONS.get((self.phase, kind))
        if found is None or response_code != OK:
            return self.failed(), Act.PAUSE
        phase, act = found
        return VenMachine(phase), act

    def failed(self) -> "VenMachine":
        """Return the same place after one more failure."""
        return replace(self, failures=self.failures + 1)

    def pause_s(self, *, share: float) -> float:
        """How long to wait after the last failure [s]: doubling to five minutes, of which `share` (0–1) is taken.

        The shares of many VENs should differ, so that they do not come back together.
        """
        return pause_after(self.failures, share=share)
