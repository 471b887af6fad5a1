"""The owner's override as a file in the data folder: written by the command line, taken up by the running hub."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.controllers.override import Override, OverrideController

_NAME = "override.json"


def write_override(data_dir: Path, override: Override | None) -> None:
    """Set or clear the owner's override; a running hub takes it up within a cycle."""
    path = data_dir / _NAME
    if override is None:
        path.unlink(missing_ok=True)
        return
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(override))
    fresh.replace(path)


class OverrideFile:
    """Reads the file when it changed. `emit` hears of one that cannot be read."""

    def __init__(self, data_dir: Path, *, emit: Callable[..., None]) -> None:
        self._path = data_dir / _NAME
        self._emit = emit
        self._seen = 0

    def read_into(self, controller: OverrideController) -> None:
        """Take up what `python -m edge_agent override` left."""
        try:
            changed = self._path.stat().st_mtime_ns
        except OSError:
            changed = 0
        if changed == self._seen:
            return
        self._seen = changed
        controller.override = None
        if changed:
            try:
                controller.override = msgspec.json.decode(self._path.read_bytes(), type=Override)
            except (OSError, msgspec.MsgspecError) as error:
                self._emit("override_unreadable", detail=str(error))
