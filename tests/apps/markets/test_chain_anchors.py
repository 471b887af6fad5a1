"""Roots on chain: append-only, by the operator alone, and proofs against them."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evm.chain import HEAD, Chain, word
from tests.evm.merkle import leaf_hash, path_of, root_of


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture(scope="module")
def sealed() -> Chain:
    """A chain with batches of 1 to 9 leaves."""
    chain = Chain()
    for size in range(1, 10):
        chain.seal(leaves(size))
    return chain


def leaves(size: int) -> list[bytes]:
    return [f"leaf {number} of {size}".encode() for number in range(size)]


def test_an_anchor_is_kept_and_told(chain: Chain) -> None:
    receipt = chain.tell(chain.operator, "anchor", 0, word(5), HEAD, 3)
    root, head, size, at = chain.ask("anchored", 0)
    assert (root, head, size) == (word(5), HEAD, 3)
    assert at == chain.web3.eth.get_block(receipt["blockNumber"])["timestamp"]
    event = chain.told("Anchored", receipt)
    assert event == {"sequence": 0, "root": word(5), "head": HEAD, "size": 3}
    assert chain.ask("next_sequence") == 1


@pytest.mark.parametrize(
    ("who", "sequence", "root", "size", "reason"),
    [
        ("ann", 1, word(6), 3, "not the operator"),
        ("operator", 0, word(6), 3, "not the next sequence"),
        ("operator", 2, word(6), 3, "not the next sequence"),
        ("operator", 1, word(0), 3, "no root"),
        ("operator", 1, word(6), 2**32 + 1, "bad size"),
    ],
    ids=["stranger", "again", "gap", "no root", "too large"],
)
def test_nothing_but_the_next_batch_of_the_operator_is_anchored(
    chain: Chain, who: str, sequence: int, root: bytes, size: int, reason: str
) -> None:
    chain.tell(chain.operator, "anchor", 0, word(5), HEAD, 3)
    arguments = (getattr(chain, who), "anchor", sequence, root, HEAD, size)
    assert chain.refusal(*arguments) == reason
    assert chain.sent(*arguments)["status"] == 0
    assert chain.ask("next_sequence") == 1
    assert chain.ask("anchored", 0)[0] == word(5)


def test_a_batch_without_leaves_is_anchored_and_proves_nothing(chain: Chain) -> None:
    empty = sha256(b"").digest()
    chain.tell(chain.operator, "anchor", 0, empty, HEAD, 0)
    assert not chain.ask("is_sealed", leaf_hash(b""), 0, 0, [])
    assert not chain.ask("is_sealed", empty, 0, 0, [])


def test_every_leaf_of_small_batches_is_found_at_its_place_and_no_other(sealed: Chain) -> None:
    for size in range(1, 8):
        batch = leaves(size)
        found = [
            (index, place)
            for index in range(size)
            for place in range(size + 1)
            if sealed.ask("is_sealed", leaf_hash(batch[index]), size - 1, place, path_of(index, batch))
        ]
        assert found == [(index, index) for index in range(size)]


def test_a_leaf_of_a_large_batch_is_found() -> None:
    chain, batch = Chain(), leaves(777)
    chain.tell(chain.operator, "anchor", 0, root_of(batch), HEAD, 777)
    for index in (0, 255, 511, 512, 767, 768, 776):
        assert chain.ask("is_sealed", leaf_hash(batch[index]), 0, index, path_of(index, batch))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_proof_is_no_proof(sealed: Chain, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 9))
    index = data.draw(st.integers(0, size - 1))
    path = path_of(index, leaves(size))
    change = data.draw(st.sampled_from(["leaf", "bit", "shorter", "longer", "batch", "place"]))
    leaf, sequence, place = leaf_hash(leaves(size)[index]), size - 1, index
    if change == "leaf":
        leaf = leaf_hash(b"another")
    elif change == "bit" and path:
        step, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
        path[step] = word(int.from_bytes(path[step], "big") ^ (1 << bit))
    elif change == "shorter" and path:
        path.pop(data.draw(st.integers(0, len(path) - 1)))
    elif change == "batch":
        sequence = data.draw(st.integers(0, 12).filter(lambda other: other != size - 1))
    elif change == "place":
        place = data.draw(st.integers(0, 2**256 - 1).filter(lambda other: other != index))
    else:
        path.insert(data.draw(st.integers(0, len(path))), data.draw(st.binary(min_size=32, max_size=32)))
    assert not sealed.ask("is_sealed", leaf, sequence, place, path)


def test_a_node_is_not_taken_for_a_leaf(sealed: Chain) -> None:
    batch = leaves(4)
    assert not sealed.ask("is_sealed", root_of(batch[:2]), 3, 0, [root_of(batch[2:])])
    assert not sealed.ask("is_sealed", root_of(batch), 3, 0, [])


def test_the_next_operator_takes_over_by_accepting(chain: Chain) -> None:
    assert chain.refusal(chain.eve, "offer_operator", chain.eve) == "not the operator"
    chain.tell(chain.operator, "offer_operator", chain.ann)
    assert chain.refusal(chain.eve, "accept_operator") == "not offered"
    assert chain.ask("operator") == chain.operator
    chain.tell(chain.ann, "accept_operator")
    assert chain.ask("operator") == chain.ann
    assert chain.refusal(chain.ann, "accept_operator") == "not offered"
    assert chain.refusal(chain.operator, "anchor", 0, word(5), HEAD, 1) == "not the operator"
    chain.tell(chain.ann, "anchor", 0, word(5), HEAD, 1)


def test_only_the_operator_pauses_and_resumes(chain: Chain) -> None:
    assert chain.refusal(chain.eve, "pause") == chain.refusal(chain.eve, "resume") == "not the operator"
    chain.tell(chain.operator, "pause")
    assert chain.ask("paused")
    chain.tell(chain.operator, "anchor", 0, word(5), HEAD, 1)  # the record goes on
    chain.tell(chain.operator, "resume")
    assert not chain.ask("paused")
