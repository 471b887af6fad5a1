"""A finished Merkle tree as one run of bytes, and inclusion proofs that read a few of its hashes.

Level `h` holds the hashes of the full subtrees of `2^h` leaves, from the left; levels follow each other from the leaves up.
"""

from collections.abc import Callable, Sequence
from typing import Final

from vpp.ledger.errors import ProofError
from vpp.ledger.merkle import MerkleTree, node_hash

HASH_BYTES: Final = 32
Read = Callable[[Sequence[int]], Sequence[bytes]]
Node = tuple[int, int]


def pack_tree(tree: MerkleTree) -> bytes:
    """Return all hashes of full subtrees, 32 bytes each, about 64 bytes a leaf."""
    return b"".join(b"".join(level) for level in tree.levels)


def stored_proof(read: Read, *, index: int, count: int) -> tuple[bytes, ...]:
    """Return the inclusion proof (RFC 6962, 2.1.1) of a leaf from a packed tree.

    Parameters
    ----------
    read
        Returns the hashes at the places asked for, counted in hashes from 0; called once, with about log2(count) places.
    index, count
        The leaf's number from 0, and how many leaves the tree has.

    Raises
    ------
    ProofError
        Where there is no such leaf, or `read` does not return a hash for each place.
    """
    if not 0 <= index < count:
        raise ProofError(f"there is no entry {index} among {count}")
    parts = [_full_subtrees(start, end) for start, end in _neighbors(index, count)]
    wanted = [node for part in parts for node in part]
    found = [bytes(one) for one in read([_place(node, count) for node in wanted])] if wanted else []
    if len(found) != len(wanted) or any(len(one) != HASH_BYTES for one in found):
        raise ProofError("the stored tree does not hold what it should")
    hashes = dict(zip(wanted, found, strict=True))
    return tuple(_joined([hashes[node] for node in part]) for part in parts)


def _neighbors(index: int, count: int) -> list[tuple[int, int]]:
    """Ranges of leaves whose hashes make up the proof, the leaf's own neighbor first."""
    ranges = []
    start, end = 0, count
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def _full_subtrees(start: int, end: int) -> list[Node]:
    """Height and number of the full subtrees that a range is made of, the largest first."""
    found = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append((height, start >> height))
        start += 1 << height
    return found


def _place(node: Node, count: int) -> int:
    height, number = node
    return sum(count >> below for below in range(height)) + number


def _joined(hashes: Sequence[bytes]) -> bytes:
    whole = hashes[-1]
    for one in reversed(hashes[:-1]):
        whole = node_hash(one, whole)
    return whole
