"""Sealed roots, wherever they are kept."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from apps.markets.chain.errors import RootInvalidError

LARGEST_BATCH = 2**32


@dataclass(frozen=True, slots=True)
class SealedRoot:
    """A sealed batch: its place in the log from 0, Merkle root, hash of its log entry, number of leaves."""

    sequence: int
    root: bytes
    head: bytes
    size: int

    def __post_init__(self) -> None:
        numbers = type(self.sequence) is int and type(self.size) is int
        if not numbers or self.sequence < 0 or not 0 <= self.size <= LARGEST_BATCH:
            raise RootInvalidError(f"batch {self.sequence!r} of {self.size!r} leaves cannot be")
        if len(self.root) != 32 or len(self.head) != 32 or not any(self.root):
            raise RootInvalidError(f"batch {self.sequence} has a hash that is none")

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read one line: sequence, root, head and size, hashes in hex."""
        try:
            fields = json.loads(line)
            root, head = bytes.fromhex(fields["root"]), bytes.fromhex(fields["head"])
            return cls(sequence=fields["sequence"], root=root, head=head, size=fields["size"])
        except (ValueError, KeyError, TypeError) as error:
            raise RootInvalidError(f"not a sealed root: {line[:200]!r}") from error

    def to_json(self) -> str:
        """Write one line that `from_json` reads."""
        fields = {
            "sequence": self.sequence,
            "root": self.root.hex(),
            "head": self.head.hex(),
            "size": self.size,
        }
        return json.dumps(fields)


class SealedRoots(Protocol):
    """A log's sealed roots, in order."""

    def read(self, first: int, *, limit: int) -> list[SealedRoot]:
        """Return at most `limit` of them, from sequence number `first` on."""
        ...


class FileRoots:
    """Sealed roots in a file, one JSON object a line: for a machine that holds the key and no database."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        self._roots = sorted(
            (SealedRoot.from_json(line) for line in lines if line.strip()), key=lambda root: root.sequence
        )

    def read(self, first: int, *, limit: int) -> list[SealedRoot]:
        """Return at most `limit` of them, from sequence number `first` on."""
        return [root for root in self._roots if root.sequence >= first][:limit]
