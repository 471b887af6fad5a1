"""The newest events of the agent, kept in memory without secrets."""

from collections import deque
from collections.abc import Callable

import msgspec

from edge_agent.diagnostics.redact import redact

_KEPT = 200
_LINE = 1_000


class EventLog:
    """A ring of lines."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.lines: deque[str] = deque(maxlen=_KEPT)

    def noting(self, emit: Callable[..., None]) -> Callable[..., None]:
        """The same `emit`, with its events kept here as well."""

        def noted(event: str, **facts: object) -> None:
            line = {"at": self._now_ms(), "event": event, **redact(facts)}
            self.lines.append(msgspec.json.encode(line).decode()[:_LINE])
            emit(event, **facts)

        return noted
