"""The update folder: slots, and the state file that is replaced in one step and survives a power cut."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge_agent.update.state import Event, UpdateState, advance
from vpp.protocols.link.update import Slot


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(path: Path, content: bytes) -> None:
    """Put a file in place whole: whoever reads it, at whatever moment, sees the old or the new one."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


class UpdateStore:
    """One hub's update folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slots = folder / "slots"
        self.slots.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = folder / "update.json"

    def slot(self, name: Slot) -> Path:
        """Where a slot's code lies."""
        return self.slots / name

    def complete(self, name: Slot) -> bool:
        """Whether a slot holds a program; what the installer put elsewhere always does."""
        return name == "installed" or (self.slot(name) / "edge_agent" / "__main__.py").is_file()

    def read(self) -> UpdateState:
        """The state; that of a new hub where there is none, or none that can be read."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=UpdateState)
        except (OSError, msgspec.MsgspecError):
            return UpdateState()

    def changed_at(self) -> int:
        """A mark that differs after each change of the state."""
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return 0

    def apply(self, event: Event) -> UpdateState:
        """Let an event change the state, durably; return the new state."""
        with self.lock("update.lock", wait=True):
            before = self.read()
            after = advance(before, event)
            if after != before:
                replace_durably(self._file, msgspec.json.encode(after))
            return after

    @contextmanager
    def lock(self, name: str, *, wait: bool) -> Iterator[None]:
        """Hold a lock of this folder; BlockingIOError where another process has it and one should not wait."""
        with (self.folder / name).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
