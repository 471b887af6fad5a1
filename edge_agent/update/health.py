"""How a started agent proves that it works: cycles ran and are on disk, and the cloud (if any) let it in."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_COMMITS = 3


class Health:
    """Makes the file that the launcher waits for, once; without a launcher it does nothing."""

    def __init__(self, environment: Mapping[str, str], *, needs_cloud: bool) -> None:
        path = environment.get("ORES_HUB_HEALTH", "")
        self._path = Path(path) if path else None
        self._commits_left = _COMMITS
        self._waits_for_cloud = needs_cloud
        self._proved = False

    @property
    def launched(self) -> bool:
        """Whether the launcher started this process."""
        return self._path is not None

    def connected(self) -> None:
        """The cloud welcomed the hub."""
        self._waits_for_cloud = False

    def committed(self) -> None:
        """Cycles ran and what they found is on disk."""
        self._commits_left -= 1
        if self._path is None or self._proved or self._commits_left > 0 or self._waits_for_cloud:
            return
        # A full disk or so: the next commit tries again.
        with suppress(OSError):
            self._path.touch()
            self._proved = True
