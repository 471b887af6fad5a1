"""Entries, signed roots, and tampering found at the entry where it was done."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.ledger.canonical import canonical_bytes
from vpp.ledger.errors import PayloadError, SaltError
from vpp.ledger.log import Entry, Log
from vpp.ledger.merkle import leaf_hash
from vpp.ledger.proofs import verify_consistency, verify_inclusion
from vpp.ledger.signing import Root, sign_root, verify_root
from vpp.ledger.tampering import Finding, Span, find_tampering, locate_by_copies, locate_by_roots

SALT = bytes(range(16))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def trade(number: int) -> dict[str, object]:
    return {"trade": number, "energy_wh": 500 + number, "price_micro": 210_000, "buyer": f"site-{number % 3}"}


def sealed(count: int) -> tuple[Log, list[Entry]]:
    log = Log()
    return log, [log.seal(trade(number), salt=SALT + bytes([number])) for number in range(count)]


def state(log: Log, *, size: int | None = None, entries: list[Entry] | None = None) -> Root:
    count = len(log) if size is None else size
    chain = log.chain if entries is None else entries[count - 1].chain
    return Root("market-1", count, log.tree.root(count), chain, 1_790_000_000_000)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"b": 1, "a": [True, None, -3]}, '{"a":[true,null,-3],"b":1}'),
        ({"Z": "ä€😀", "a": 'q"\\\n'}, '{"Z":"ä€😀","a":"q\\"\\\\\\n"}'),
        ({"a": {"y": (), "x": {}}}, '{"a":{"x":{},"y":[]}}'),
        ({"n": 2**53 - 1}, '{"n":9007199254740991}'),
    ],
)
def test_one_payload_has_one_form(payload: dict[str, object], text: str) -> None:
    assert canonical_bytes(payload) == text.encode()


@pytest.mark.parametrize("value", [1.0, float("nan"), 2**53, b"x", {1: 2}, {"ä": 1}, "\ud800", {1, 2}])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(PayloadError):
        canonical_bytes({"value": value})


def test_a_payload_nested_without_end_is_refused() -> None:
    nested: dict[str, object] = {}
    nested["again"] = nested
    with pytest.raises(PayloadError, match="nested"):
        canonical_bytes(nested)


def test_a_short_salt_is_refused_and_nothing_is_sealed() -> None:
    log, _ = sealed(2)
    with pytest.raises(SaltError):
        log.seal(trade(2), salt=bytes(15))
    assert len(log) == 2


def test_the_same_entries_give_the_same_bytes() -> None:
    assert sealed(9)[1] == sealed(9)[1]
    log, entries = sealed(9)
    again = Log(entries)
    assert (again.root(), again.chain, len(again)) == (log.root(), log.chain, 9)
    assert again.seal(trade(9), salt=SALT) == log.seal(trade(9), salt=SALT)


def test_a_participant_verifies_its_own_trade_from_a_published_root() -> None:
    log, entries = sealed(11)
    root = state(log)
    signature = sign_root(root, key=KEY)
    proof = log.prove(4)
    assert verify_root(root, signature, key=KEY.public_key())
    assert verify_inclusion(entries[4].data, proof, root=root.root)
    assert not verify_inclusion(entries[5].data, proof, root=root.root)
    earlier = log.prove(4, size=7)
    assert verify_inclusion(entries[4].data, earlier, root=log.tree.root(7))
    path = log.tree.consistency_proof(7)
    assert verify_consistency(path, sizes=(7, 11), roots=(log.tree.root(7), root.root))


def test_a_signature_holds_for_its_root_and_key_alone() -> None:
    root = state(sealed(3)[0])
    signature = sign_root(root, key=KEY)
    for other in (
        replace(root, log="market-2"),
        replace(root, size=4),
        replace(root, root=bytes(32)),
        replace(root, chain=bytes(32)),
        replace(root, at_ms=0),
    ):
        assert not verify_root(other, signature, key=KEY.public_key())
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    assert not verify_root(root, signature, key=stranger)
    assert not verify_root(root, bytes(64), key=KEY.public_key())


def test_ed25519_is_that_of_rfc_8032() -> None:
    """RFC 8032, section 7.1, test 1: the empty message."""
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.public_key() == Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    assert key.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


@settings(max_examples=80, deadline=None)
@given(count=st.integers(1, 20), data=st.data())
def test_a_change_is_found_at_its_entry(count: int, data: st.DataObject) -> None:
    _, entries = sealed(count)
    assert find_tampering(entries) is None
    at = data.draw(st.integers(0, count - 1))
    entry = entries[at]
    byte = data.draw(st.integers(0, len(entry.payload) - 1))
    payload = entry.payload[:byte] + bytes([entry.payload[byte] ^ 1]) + entry.payload[byte + 1 :]
    changes = {
        "content": [
            replace(entry, payload=payload),
            replace(entry, salt=bytes(16)),
            replace(entry, chain=bytes(32)),
        ],
        "link": [replace(entry, before=b"\1" * 32)],
        "number": [replace(entry, index=at + 1)],
    }
    for change, results in changes.items():
        for result in results:
            found = find_tampering([*entries[:at], result, *entries[at + 1 :]])
            assert found == Finding(at, change)  # type: ignore[arg-type]


def test_missing_swapped_and_repeated_entries_are_found() -> None:
    log, entries = sealed(8)
    root = state(log)
    assert find_tampering([*entries[:3], *entries[4:]]) == Finding(3, "number")
    assert find_tampering([*entries[:3], entries[4], entries[3], *entries[5:]]) == Finding(3, "number")
    assert find_tampering([*entries[:3], entries[2], *entries[3:]]) == Finding(3, "number")
    renumbered = [replace(entry, index=at) for at, entry in enumerate([*entries[:3], *entries[4:]])]
    assert find_tampering(renumbered) == Finding(3, "link")
    assert find_tampering(entries[:6]) is None
    assert find_tampering(entries[:6], root=root) == Finding(6, "missing")
    assert find_tampering(entries, root=root) is None


def test_a_log_that_was_rewritten_whole_is_located_by_signed_roots_and_by_copies() -> None:
    log, entries = sealed(20)
    roots = [state(log, size=size, entries=entries) for size in (4, 9, 15, 20)]
    forged_log = Log()
    forged = []
    for entry in range(20):
        payload = trade(entry) | ({"energy_wh": 9_999} if entry == 11 else {})
        forged.append(forged_log.seal(payload, salt=entries[entry].salt))
    assert find_tampering(forged) is None
    assert find_tampering(forged, root=roots[-1]) == Finding(19, "content")
    assert locate_by_roots(forged, roots) == Span(9, 15)
    assert locate_by_roots(entries, roots[::-1]) is None
    assert locate_by_roots(entries[:17], roots) == Span(15, 20)
    kept = {number: leaf_hash(entries[number].data) for number in (2, 11, 19)}
    assert locate_by_copies(forged, kept) == [11]
    assert locate_by_copies(entries, kept) == []
    assert locate_by_copies(entries[:19], kept) == [19]
