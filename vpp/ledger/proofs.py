"""Checks of proofs, which need nothing but hashes: RFC 9162, sections 2.1.3.2 and 2.1.4.2 (the trees are RFC 6962's)."""

from collections.abc import Sequence
from dataclasses import dataclass

from vpp.ledger.merkle import leaf_hash, node_hash


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That an entry stands at `index` among the first `size`: the hashes on the way to the root."""

    index: int
    size: int
    path: tuple[bytes, ...]


def verify_inclusion(entry: bytes, proof: Inclusion, *, root: bytes) -> bool:
    """Tell whether an entry's bytes (salt and payload) are in the log of a root."""
    return root_of_inclusion(leaf_hash(entry), proof) == root


def root_of_inclusion(leaf: bytes, proof: Inclusion) -> bytes | None:
    """Return the root that a proof leads to from a leaf's hash; None where its length is wrong."""
    if not 0 <= proof.index < proof.size:
        return None
    at, last, node = proof.index, proof.size - 1, leaf
    for part in proof.path:
        if last == 0:
            return None
        if at % 2 or at == last:
            node = node_hash(part, node)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, part)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


def verify_consistency(path: Sequence[bytes], *, sizes: tuple[int, int], roots: tuple[bytes, bytes]) -> bool:
    """Tell whether the log of a later root begins with all entries of an earlier one.

    Parameters
    ----------
    path
        The proof's hashes.
    sizes, roots
        Number of entries and root of the earlier log, then of the later one.
    """
    first, second = sizes
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and roots[0] == roots[1]
    hashes = list(path)
    if first & (first - 1) == 0:
        hashes.insert(0, roots[0])
    if not hashes:
        return False
    found = _both_roots(hashes, first=first, second=second)
    return found == roots


def _both_roots(hashes: list[bytes], *, first: int, second: int) -> tuple[bytes, bytes] | None:
    at, last = first - 1, second - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for part in hashes[1:]:
        if last == 0:
            return None
        if at % 2 or at == last:
            old, new = node_hash(part, old), node_hash(part, new)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, part)
        at, last = at >> 1, last >> 1
    return (old, new) if last == 0 else None
