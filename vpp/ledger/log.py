"""The log itself: sealed entries, each linked to the one before, under one root."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from vpp.ledger.canonical import canonical_bytes
from vpp.ledger.errors import SaltError
from vpp.ledger.merkle import MerkleTree, leaf_hash
from vpp.ledger.proofs import Inclusion

LEAST_SALT: Final = 16
BEGINNING: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """A sealed entry: its number from 0, salt, canonical payload, the chain hash before it and its own."""

    index: int
    salt: bytes
    payload: bytes
    before: bytes
    chain: bytes

    @property
    def data(self) -> bytes:
        """What its leaf is the hash of."""
        return self.salt + self.payload


def chain_hash(before: bytes, leaf: bytes) -> bytes:
    """Return the hash that links a leaf to all before it: SHA-256 of 0x02, the hash before, and the leaf's."""
    return sha256(b"\x02" + before + leaf).digest()


class Log:
    """A log that only grows; entries are returned to be kept by the caller, who hands them in again to go on."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._tree = MerkleTree()
        self._chain = BEGINNING
        for entry in entries:
            self._add(leaf_hash(entry.data))

    def __len__(self) -> int:
        return len(self._tree)

    @property
    def chain(self) -> bytes:
        """Chain hash of the last entry."""
        return self._chain

    @property
    def tree(self) -> MerkleTree:
        """The tree over the entries' leaf hashes."""
        return self._tree

    def seal(self, payload: Mapping[str, object], *, salt: bytes) -> Entry:
        """Append a payload and return its entry.

        Raises
        ------
        PayloadError
            For a payload without a canonical form.
        SaltError
            For a salt of fewer than 16 bytes.
        """
        if len(salt) < LEAST_SALT:
            raise SaltError(f"a salt has at least {LEAST_SALT} bytes")
        data, before = canonical_bytes(payload), self._chain
        self._add(leaf_hash(salt + data))
        return Entry(len(self._tree) - 1, salt, data, before, self._chain)

    def root(self) -> bytes:
        """Return the root over all entries."""
        return self._tree.root()

    def prove(self, index: int, *, size: int | None = None) -> Inclusion:
        """Return the proof that an entry is among the first `size`, all by default.

        Raises
        ------
        ProofError
            Where it is not.
        """
        count = len(self._tree) if size is None else size
        return Inclusion(index, count, self._tree.inclusion_proof(index, size=count))

    def _add(self, leaf: bytes) -> None:
        self._tree.append(leaf)
        self._chain = chain_hash(self._chain, leaf)
