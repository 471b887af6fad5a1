"""Both ends of a session in one process: messages go from one to the other as they are, until both are silent."""

from collections.abc import Callable
from datetime import datetime

from edge_agent.rm.manager import DeviceManager
from vpp.protocols.s2.cem_session import CemSession

# Two ends that answer each other without end are stopped, and go on at the next occasion.
_MOST_ROUNDS = 50


class InProcess:
    """An energy manager's session with one of the hub's own devices."""

    def __init__(
        self,
        session: CemSession,
        manager: DeviceManager,
        *,
        clock: Callable[[], datetime],
        on_event: Callable[[object], None],
    ) -> None:
        self._session, self._manager = session, manager
        self._clock, self._on_event = clock, on_event

    def start(self) -> None:
        """Let both ends greet each other."""
        self._session.start(self._clock())
        self._manager.start()
        self.pump()

    def pump(self) -> None:
        """Carry messages to and fro."""
        for _ in range(_MOST_ROUNDS):
            to_manager = self._session.take_outgoing()
            to_session = self._manager.session.take_outgoing()
            if not to_manager and not to_session:
                return
            for message in to_manager:
                self._manager.feed(message)
            for message in to_session:
                for event in self._session.feed(message, self._clock()):
                    self._on_event(event)
