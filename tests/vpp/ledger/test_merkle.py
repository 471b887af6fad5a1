"""The tree and its proofs against published hashes and against RFC 6962's own recursive definitions."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.ledger.errors import ProofError
from vpp.ledger.merkle import EMPTY_ROOT, MerkleTree, leaf_hash
from vpp.ledger.proofs import Inclusion, root_of_inclusion, verify_consistency, verify_inclusion

# The reference inputs, roots and nodes of Certificate Transparency (transparency-dev/merkle, testonly/constants.go).
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATH_OF_0_IN_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
LARGEST = 34


def entries(count: int) -> list[bytes]:
    return [bytes([at]) for at in range(count)]


def grown(count: int) -> MerkleTree:
    return MerkleTree(leaf_hash(entry) for entry in entries(count))


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def hash_of(data: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not data:
        return hashlib.sha256().digest()
    if len(data) == 1:
        return hashlib.sha256(b"\0" + data[0]).digest()
    half = split(len(data))
    return hashlib.sha256(b"\1" + hash_of(data[:half]) + hash_of(data[half:])).digest()


def path_of(at: int, data: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(data) == 1:
        return []
    half = split(len(data))
    if at < half:
        return [*path_of(at, data[:half]), hash_of(data[half:])]
    return [*path_of(at - half, data[half:]), hash_of(data[:half])]


def proof_of(first: int, data: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if first == len(data):
        return [] if whole else [hash_of(data)]
    half = split(len(data))
    if first <= half:
        return [*proof_of(first, data[:half], whole=whole), hash_of(data[half:])]
    return [*proof_of(first - half, data[half:], whole=False), hash_of(data[:half])]


def test_published_roots_and_path() -> None:
    tree = MerkleTree(leaf_hash(entry) for entry in INPUTS)
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS
    assert tree.root(0) == EMPTY_ROOT == hashlib.sha256().digest()
    assert [part.hex() for part in tree.inclusion_proof(0)] == PATH_OF_0_IN_8
    assert verify_inclusion(b"", Inclusion(0, 8, tree.inclusion_proof(0)), root=bytes.fromhex(ROOTS[-1]))


def test_every_root_and_proof_is_that_of_the_definition() -> None:
    tree = grown(LARGEST)
    for size in range(1, LARGEST + 1):
        data = entries(size)
        assert tree.root(size) == hash_of(data)
        for at in range(size):
            path = tree.inclusion_proof(at, size=size)
            assert list(path) == path_of(at, data)
            assert verify_inclusion(data[at], Inclusion(at, size, path), root=tree.root(size))
        for first in range(1, size + 1):
            proof = tree.consistency_proof(first, size=size)
            assert list(proof) == proof_of(first, data)
            assert verify_consistency(proof, sizes=(first, size), roots=(tree.root(first), tree.root(size)))


@settings(max_examples=150, deadline=None)
@given(size=st.integers(1, 40), data=st.data())
def test_a_changed_inclusion_proof_does_not_hold(size: int, data: st.DataObject) -> None:
    tree = grown(size)
    at = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size + 2).filter(lambda one: one != at))
    path = tree.inclusion_proof(at)
    entry, root = entries(size)[at], tree.root()
    assert not verify_inclusion(entry + b"x", Inclusion(at, size, path), root=root)
    assert not verify_inclusion(entry, Inclusion(other, size, path), root=root)
    assert not verify_inclusion(entry, Inclusion(at, size, (*path, root)), root=root)
    assert root_of_inclusion(leaf_hash(entry), Inclusion(at, size, (*path, root))) is None
    if path:
        cut = data.draw(st.integers(0, len(path) - 1))
        changed = (*path[:cut], bytes(32), *path[cut + 1 :])
        assert not verify_inclusion(entry, Inclusion(at, size, path[:-1]), root=root)
        assert not verify_inclusion(entry, Inclusion(at, size, changed), root=root)


@settings(max_examples=150, deadline=None)
@given(size=st.integers(2, 40), data=st.data())
def test_a_changed_consistency_proof_does_not_hold(size: int, data: st.DataObject) -> None:
    tree = grown(size)
    first = data.draw(st.integers(1, size - 1))
    proof, roots = tree.consistency_proof(first), (tree.root(first), tree.root())
    assert not verify_consistency(proof, sizes=(first, size), roots=(bytes(32), roots[1]))
    assert not verify_consistency(proof, sizes=(first, size), roots=(roots[0], bytes(32)))
    assert not verify_consistency((*proof, bytes(32)), sizes=(first, size), roots=roots)
    assert not verify_consistency(proof[:-1], sizes=(first, size), roots=roots)
    assert not verify_consistency(proof, sizes=(size, first), roots=roots)
    assert not verify_consistency((), sizes=(0, size), roots=roots)
    assert not verify_consistency(proof, sizes=(size, size), roots=roots)


def test_proofs_of_what_is_not_there_are_refused() -> None:
    tree = grown(5)
    for ask in (
        lambda: tree.leaf(5),
        lambda: tree.root(6),
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(3, size=3),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(4, size=3),
    ):
        with pytest.raises(ProofError):
            ask()
    assert tree.leaf(4) == leaf_hash(b"\x04")
