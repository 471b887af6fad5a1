"""What is new of decisions: whoever keeps them keeps changes, not every cycle."""

from collections.abc import Mapping

from vpp.energy_manager.safety import Allowed, Range


class News:
    """Remembers by resource who decided last and why; `known` is what was kept of an earlier time."""

    def __init__(self, known: Mapping[str, tuple[str, str]] | None = None) -> None:
        self._known = dict(known or {})

    def of(self, allowed: Allowed) -> list[tuple[str, Range]]:
        """The decisions with another author or reason than the time before, by resource."""
        found = []
        for key, one in allowed.ranges.items():
            why = (one.by, one.reason)
            if self._known.get(key) != why:
                self._known[key] = why
                found.append((key, one))
        return found
