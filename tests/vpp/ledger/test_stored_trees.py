"""Proofs from a packed tree are the tree's own, and read few hashes."""

import hashlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.ledger.errors import ProofError
from vpp.ledger.merkle import MerkleTree
from vpp.ledger.stored import HASH_BYTES, pack_tree, stored_proof


def tree_of(count: int) -> MerkleTree:
    return MerkleTree(hashlib.sha256(str(at).encode()).digest() for at in range(count))


def reader(packed: bytes, asked: list[int]) -> Callable[[Sequence[int]], list[bytes]]:
    def read(places: Sequence[int]) -> list[bytes]:
        asked.extend(places)
        return [packed[place * HASH_BYTES : (place + 1) * HASH_BYTES] for place in places]

    return read


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 700).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count - 1))))
def test_a_stored_proof_is_the_trees(sizes: tuple[int, int]) -> None:
    count, index = sizes
    tree, asked = tree_of(count), list[int]()
    found = stored_proof(reader(pack_tree(tree), asked), index=index, count=count)
    assert found == tree.inclusion_proof(index)
    assert len(asked) <= 2 * count.bit_length()


def test_every_proof_of_small_trees() -> None:
    for count in range(1, 40):
        tree = tree_of(count)
        read = reader(pack_tree(tree), [])
        for index in range(count):
            assert stored_proof(read, index=index, count=count) == tree.inclusion_proof(index)


def test_a_packed_tree_has_the_full_subtrees_and_nothing_else() -> None:
    assert [len(pack_tree(tree_of(count))) // HASH_BYTES for count in (0, 1, 2, 3, 4, 5, 8)] == [
        0,
        1,
        3,
        4,
        7,
        8,
        15,
    ]


def test_what_is_not_there_is_not_proven() -> None:
    read = reader(pack_tree(tree_of(5)), [])
    for index in (-1, 5):
        with pytest.raises(ProofError, match="there is no entry"):
            stored_proof(read, index=index, count=5)
    with pytest.raises(ProofError, match="does not hold"):
        stored_proof(reader(b"", []), index=0, count=5)
    with pytest.raises(ProofError, match="does not hold"):
        stored_proof(lambda places: [], index=0, count=5)
