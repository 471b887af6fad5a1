"""What both ends of an S2 session share: a transition table over decoded messages, answers, and waiting for answers.

The caller feeds what comes in and sends `take_outgoing()`; time is passed in. A table says which message a state takes
and which method handles it; whatever it does not list is answered INVALID_CONTENT and changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID, uuid4

from s2python.common import (
    EnergyManagementRole,
    Handshake,
    ReceptionStatus,
    ReceptionStatusValues,
    SessionRequest,
    SessionRequestType,
)
from s2python.version import S2_VERSION

from vpp.protocols.s2.codec import S2FormatError, decode, reception
from vpp.protocols.s2.messages import Message, id_of, kind_of
from vpp.protocols.s2.modes import S2ContentError

VERSIONS: Final = (S2_VERSION,)
Table = Mapping[str, Mapping[str, str]]
# A peer that never learns is left, and one that does not answer is not waited for without end.
_MOST_FLAWS = 50
_MOST_UNANSWERED = 256


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over: send what is outgoing, then close. With `permanent` the next one would end the same way."""

    reason: str
    permanent: bool = False
    reconnect: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The peer did not say that it received a message."""

    message: Message


@dataclass(frozen=True, slots=True)
class Refused:
    """The peer received a message and wants nothing of it."""

    message: Message
    status: ReceptionStatusValues
    detail: str


class Session:
    """One connection; `state` is a row of the table, or `closed`."""

    role: ClassVar[EnergyManagementRole]
    table: ClassVar[Table]

    def __init__(
        self,
        *,
        versions: tuple[str, ...] = VERSIONS,
        new_id: Callable[[], UUID] = uuid4,
        patience_s: float = 30.0,
    ) -> None:
        self.state = "connected"
        self.versions = versions
        self.version: str | None = None
        self.new_id = new_id
        self._patience = timedelta(seconds=patience_s)
        self._outgoing: list[Message] = []
        self._unanswered: dict[UUID, tuple[Message, datetime]] = {}
        self._flaws = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come of this session."""
        return self.state == "closed"

    def start(self, now: datetime) -> None:
        """Say what this end is and which versions it speaks."""
        versions = list(self.versions)
        self.send(
            Handshake(message_id=self.new_id(), role=self.role, supported_protocol_versions=versions), now
        )

    def take_outgoing(self) -> list[Message]:
        """The messages to send now, in order; each is given once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def send(self, message: Message, now: datetime) -> None:
        """Send a message, and wait for its reception."""
        subject = id_of(message)
        if subject is not None:
            self._unanswered[subject] = (message, now)
            while len(self._unanswered) > _MOST_UNANSWERED:
                del self._unanswered[next(iter(self._unanswered))]
        self._outgoing.append(message)

    def feed_text(self, text: str | bytes, now: datetime) -> list[object]:
        """Take a frame."""
        if self.is_over:
            return []
        try:
            message = decode(text)
        except S2FormatError as error:
            if error.subject is not None:
                self._outgoing.append(reception(error.subject, error.status, detail=error.detail))
            return self._flawed(error.detail)
        return self.feed(message, now)

    def feed(self, message: Message, now: datetime) -> list[object]:
        """Take a message, answer it, and tell what it means for the caller."""
        if self.is_over:
            return []
        if isinstance(message, ReceptionStatus):
            return self._received(message)
        place = len(self._outgoing)
        subject = id_of(message)
        assert subject is not None
        try:
            events = self._handle(message, now)
        except S2ContentError as error:
            status = ReceptionStatusValues.INVALID_CONTENT
            self._outgoing.insert(place, reception(subject, status, detail=error.detail))
            return self._flawed(error.detail)
        self._outgoing.insert(place, reception(subject))
        return events

    def _handle(self, message: Message, now: datetime) -> list[object]:
        kind = kind_of(message)
        name = self.table[self.state].get(kind)
        if name is None:
            if self.is_belated(kind):
                return []
            raise S2ContentError(f"{kind} is not expected while {self.state}")
        handle: Callable[[Message, datetime], list[object]] = getattr(self, name)
        return handle(message, now)

    def is_belated(self, kind: str) -> bool:
        """Whether a message crossed one of ours that made it needless."""
        return False

    def _received(self, status: ReceptionStatus) -> list[object]:
        entry = self._unanswered.pop(status.subject_message_id, None)
        if entry is None or status.status == ReceptionStatusValues.OK:
            return []
        message, label = entry[0], status.diagnostic_label or ""
        if isinstance(message, Handshake):
            return [self.close(f"the peer refused our handshake: {label}", permanent=True)]
        return [*self.refused(message, detail=label), Refused(message, status.status, label)]

    def refused(self, message: Message, *, detail: str) -> list[object]:
        """React to a message of ours that the peer does not take."""
        return []

    def tick(self, now: datetime) -> list[object]:
        """Let time pass: what was not answered for too long."""
        late = [key for key, (_, at) in self._unanswered.items() if now - at > self._patience]
        return [Unanswered(self._unanswered.pop(key)[0]) for key in late]

    def _flawed(self, detail: str) -> list[object]:
        self._flaws += 1
        if self._flaws < _MOST_FLAWS:
            return []
        return [self.close(f"too much of what the peer says cannot be used, at last: {detail}")]

    def close(self, reason: str, *, permanent: bool = False, reconnect: bool = False) -> Closed:
        """End the session."""
        self.state = "closed"
        self._unanswered.clear()
        return Closed(reason, permanent, reconnect)

    def request(self, kind: SessionRequestType, now: datetime, *, label: str) -> Closed:
        """Ask the peer to reconnect or to end for good, and close."""
        self.send(SessionRequest(message_id=self.new_id(), request=kind, diagnostic_label=label), now)
        return self.close(label, reconnect=kind == SessionRequestType.RECONNECT)

    def _asked_to_end(self, message: SessionRequest, now: datetime) -> list[object]:
        reconnect = message.request == SessionRequestType.RECONNECT
        label = message.diagnostic_label or "no reason given"
        kind = message.request.value
        return [self.close(f"the peer asks to {kind}: {label}", permanent=not reconnect, reconnect=reconnect)]

    def _check_peer(self, handshake: Handshake) -> None:
        if handshake.role == self.role:
            raise S2ContentError(f"both ends are {self.role.value}")
