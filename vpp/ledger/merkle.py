"""The Merkle tree of RFC 6962 (section 2.1), kept so that appending and proving take about log2(N) hashes.

`levels[h][i]` is the hash of the full subtree over leaves `i 2^h` to `(i + 1) 2^h - 1`.
"""

from collections.abc import Iterable
from hashlib import sha256

from vpp.ledger.errors import ProofError

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of an entry's bytes: SHA-256 of 0x00 and the bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees: SHA-256 of 0x01 and both hashes."""
    return sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """A tree over leaf hashes that grows at its end."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    @property
    def levels(self) -> list[list[bytes]]:
        """Hashes of the full subtrees by height, up to the highest there is."""
        return [level for level in self._levels if level]

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        levels, height, node = self._levels, 0, leaf
        while True:
            level = levels[height]
            level.append(node)
            if len(level) % 2:
                return
            node = node_hash(level[-2], level[-1])
            height += 1
            if height == len(levels):
                levels.append([])

    def leaf(self, index: int) -> bytes:
        """Return a leaf's hash.

        Raises
        ------
        ProofError
            Where there is no such leaf.
        """
        if not 0 <= index < len(self):
            raise ProofError(f"there is no entry {index} among {len(self)}")
        return self._levels[0][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves, all by default.

        Raises
        ------
        ProofError
            Where there are not so many.
        """
        count = self._size(size)
        return self._range(0, count) if count else EMPTY_ROOT

    def inclusion_proof(self, index: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Return the hashes that lead from a leaf to the root over the first `size` leaves (RFC 6962, 2.1.1).

        Raises
        ------
        ProofError
            Where the leaf is not among them.
        """
        count = self._size(size)
        if not 0 <= index < count:
            raise ProofError(f"there is no entry {index} among {count}")
        path: list[bytes] = []
        start, end = 0, count
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency_proof(self, first: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Return the hashes that show the first `first` leaves to be the beginning of `size` (RFC 6962, 2.1.2).

        Raises
        ------
        ProofError
            Unless 0 < `first` <= `size`.
        """
        count = self._size(size)
        if not 0 < first <= count:
            raise ProofError(f"there is no root over {first} of {count} entries")
        path: list[bytes] = []
        start, end, whole = 0, count, True
        while first < end:
            middle = start + _split(end - start)
            if first <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._range(start, end))
        return tuple(reversed(path))

    def _size(self, size: int | None) -> int:
        count = len(self) if size is None else size
        if not 0 <= count <= len(self):
            raise ProofError(f"there is no root over {count} of {len(self)} entries")
        return count

    def _range(self, start: int, end: int) -> bytes:
        """Hash over leaves start to end - 1; start is a multiple of the power of two that covers them."""
        count = end - start
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return self._levels[height][start >> height]
        middle = start + _split(count)
        return node_hash(self._range(start, middle), self._range(middle, end))


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
