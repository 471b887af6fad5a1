"""Merkle trees as RFC 6962, section 2.1, defines them."""

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two neighbors."""
    return hashlib.sha256(NODE + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over hashes of leaves; of none it is the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


def path_of(leaves: Sequence[bytes], position: int) -> list[bytes]:
    """Return the neighbors that lead from a leaf to the root, the nearest first."""
    if len(leaves) <= 1:
        return []
    split = _split(len(leaves))
    if position < split:
        return [*path_of(leaves[:split], position), root_of(leaves[split:])]
    return [*path_of(leaves[split:], position - split), root_of(leaves[:split])]


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1
