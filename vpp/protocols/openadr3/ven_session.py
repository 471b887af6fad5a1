"""A VEN's conversation with a 3.x VTN as a table of steps: no socket, no clock, no chance of its own."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final

from vpp.protocols.backoff import pause_after
from vpp.protocols.openadr3.common import OpenADRFormatError

# Where changes are pushed, a poll only finds what a push has lost.
CALM: Final = 5.0


class Phase(Enum):
    """What the VTN and we know of each other."""

    UNREGISTERED = auto()
    REGISTERED = auto()
    POLLING = auto()
    SUBSCRIBED = auto()


class Step(Enum):
    """What is asked of the VTN next; a round begins at VEN and ends at REST."""

    TOKEN = auto()
    VEN = auto()
    RESOURCES = auto()
    PROGRAMS = auto()
    SUBSCRIPTION = auto()
    EVENTS = auto()
    REPORTS = auto()
    REST = auto()


NEXT: Final[Mapping[Step, Step]] = {
    Step.VEN: Step.RESOURCES,
    Step.RESOURCES: Step.PROGRAMS,
    Step.PROGRAMS: Step.SUBSCRIPTION,
    Step.SUBSCRIPTION: Step.EVENTS,
    Step.EVENTS: Step.REPORTS,
    Step.REPORTS: Step.REST,
    Step.REST: Step.VEN,
}


@dataclass(frozen=True, slots=True)
class VenSession:
    """Where the conversation stands, and how often in a row it failed.

    `step` is what comes next once we have a token.
    """

    phase: Phase = Phase.UNREGISTERED
    step: Step = Step.VEN
    has_token: bool = False
    failures: int = 0

    @property
    def asks(self) -> Step:
        """What is to be asked now."""
        return self.step if self.has_token or self.step is Step.REST else Step.TOKEN

    def answered(self, *, is_subscribed: bool = False) -> "VenSession":
        """Return where a good answer to `asks` leads; `is_subscribed` counts for the step SUBSCRIPTION."""
        asked = self.asks
        if asked is Step.TOKEN:
            return replace(self, has_token=True)
        phase = self.phase
        if asked is Step.VEN:
            phase = Phase.REGISTERED if phase is Phase.UNREGISTERED else phase
        elif asked is Step.SUBSCRIPTION:
            phase = Phase.SUBSCRIBED if is_subscribed else Phase.POLLING
        # A round that came to its end makes up for earlier failures; a single step does not: 401 after each token.
        failures = 0 if asked in {Step.EVENTS, Step.REST} else self.failures
        return VenSession(phase, NEXT[asked], self.has_token, failures)

    def failed(self, status: int | None = None) -> "VenSession":
        """Return where a failure leads: without a valid token to a new one, else to the round's beginning.

        `status` is HTTP's, None where the VTN did not answer. A ven that is not found any more is registered anew.
        """
        step = self.step if status == 401 else Step.VEN
        phase = Phase.UNREGISTERED if status == 404 and self.asks is Step.VEN else self.phase
        has_token = self.has_token and status != 401
        return VenSession(phase, step, has_token, self.failures + 1)

    def pause_s(self, *, share: float) -> float:
        """How long to wait after a failure [s]: half of a pause that doubles to `LONGEST_PAUSE_S`, and `share` of the rest.

        `share` (0–1) is drawn by the caller, so that many VENs do not come back together.
        """
        return pause_after(self.failures, share=share)

    def rest_s(self, *, poll_s: float, share: float) -> float:
        """How long to rest between rounds [s]: `poll_s`, or `CALM` times as long where the VTN tells us of changes.

        A tenth more or less, by `share` (0–1), keeps VENs from polling in step.
        """
        return poll_s * (CALM if self.phase is Phase.SUBSCRIBED else 1.0) * (0.9 + 0.2 * share)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a VTN shows that it did not show so before; `missing` are ids that it shows no more."""

    fresh: tuple[dict[str, Any], ...]
    missing: tuple[str, ...]


def changes(held: Mapping[str, str], shown: Collection[dict[str, Any]]) -> Changes:
    """Compare events as a VTN shows them with those that are held.

    Parameters
    ----------
    held
        The `mark` of each event by its id.
    shown
        All events that the VTN shows now; of one that is shown twice (pages move while they are read) the last counts.

    Raises
    ------
    OpenADRFormatError
        For an object without an id or a modificationDateTime.
    """
    found = {_text(one, "id"): one for one in shown}
    fresh = tuple(one for id_, one in found.items() if held.get(id_) != mark(one))
    return Changes(fresh, tuple(id_ for id_ in held if id_ not in found))


def mark(shown: Mapping[str, Any]) -> str:
    """Return what tells one state of an object from another: a digest of all that the VTN shows.

    Its `modificationDateTime` does not tell: a VTN that writes whole seconds changes an object twice within one, and
    targets are hidden from a VEN that is not granted them, which does not touch the object's own time.
    """
    _text(shown, "modificationDateTime")
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def _text(shown: Mapping[str, Any], name: str) -> str:
    found = shown.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= 128:
        raise OpenADRFormatError(f"an object has no {name}")
    return found


def addressed(
    targets: Collection[str],
    *,
    ours: Collection[str],
    resources: Mapping[str, Collection[str]],
    is_private: bool,
) -> tuple[str, ...] | None:
    """Tell for which of our resources an event with these targets is: () for all of them, None for none.

    Parameters
    ----------
    ours
        The ven's own targets and its name.
    resources
        The targets of each resource by its name; the name itself counts too.
    is_private
        Whether the VTN shows us only what is for us, as 3.1 has it: then an unknown target is one of ours.
    """
    asked = frozenset(targets)
    if not asked or asked & frozenset(ours):
        return ()
    named = tuple(name for name, held in resources.items() if name in asked or asked & frozenset(held))
    if named:
        return named
    return () if is_private else None
