"""A resource manager that connects from outside: from its handshake to its end, over whatever carries the frames."""

from collections.abc import Callable, Mapping
from typing import Final

from vpp.energy_manager.household import Household
from vpp.energy_manager.member import Member, RoleKey, role_of
from vpp.energy_manager.units import ForeignUnit
from vpp.protocols.s2.cem_session import CemSession, Described
from vpp.protocols.s2.codec import encode
from vpp.protocols.s2.session import VERSIONS, Closed

# S2 descriptions are some kilobytes; nothing of a home needs more.
MAX_FRAME: Final = 1_000_000


class Guest:
    """One connection's session, and the unit of the household it becomes. `flush` has `take_frames()` sent.

    `roles` by resource id or name, or `role` for whichever it is, stand above what the resource says of itself.
    """

    def __init__(
        self,
        home: Household,
        *,
        flush: Callable[[], None],
        roles: Mapping[str, RoleKey] | None = None,
        role: RoleKey | None = None,
        versions: tuple[str, ...] = VERSIONS,
    ) -> None:
        self._home, self._roles, self._role, self._flush = home, roles or {}, role, flush
        self.session = CemSession(versions=versions)
        self.closed: Closed | None = None
        self._unit: ForeignUnit | None = None

    @property
    def is_known(self) -> bool:
        """Whether the resource said what it is."""
        return self.session.details is not None

    def start(self) -> None:
        """Greet."""
        self.session.start(self._home.clock())
        self._flush()

    def feed(self, frame: str | bytes) -> None:
        """Take a frame."""
        for event in self.session.feed_text(frame, self._home.clock()):
            self._heard(event)
        self._flush()

    def tick(self) -> None:
        """Let time pass."""
        for event in self.session.tick(self._home.clock()):
            self._heard(event)

    def take_frames(self) -> list[str]:
        """What is to be sent now; each is given once."""
        return [encode(message) for message in self.session.take_outgoing()]

    def end(self, closed: Closed) -> None:
        """The first end is the one that counts."""
        if self.closed is None:
            self.closed = closed
            self.session.close(closed.reason)
        if self._unit is not None and self._unit.member is not None:
            self._unit.member.closed = self.closed

    def _heard(self, event: object) -> None:
        if isinstance(event, Closed):
            self.end(event)
            return
        if isinstance(event, Described) and self._unit is None:
            self._join()
        if self._unit is not None and self._unit.member is not None:
            self._unit.member.heard(event, self._home.clock())

    def _join(self) -> None:
        """Become a unit of the home; the same resource's earlier connection gives way."""
        details = self.session.details
        assert details is not None
        resource_id = str(details.resource_id)
        name = details.name or ""
        configured = self._role or self._roles.get(resource_id) or self._roles.get(name)
        role = configured or role_of(self.session)
        key = f"s2-{resource_id[:8]}"
        member = Member(key, role=role, session=self.session, flush=self._flush)
        self._unit = ForeignUnit(member, name=name)
        before = self._home.units.get(key)
        if before is not None and before.member is not None and not before.member.session.is_over:
            before.member.session.close("the resource connected anew")
            before.member.flush()
        self._home.units[key] = self._unit
