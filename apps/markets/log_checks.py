"""Proofs of one's own part of the log, and the check of all of it."""

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection

from apps.accounts.models import Organization
from apps.markets.models import LogEntry, LogLeaf
from vpp.ledger.log import BEGINNING, Entry
from vpp.ledger.merkle import MerkleTree, leaf_hash
from vpp.ledger.stored import HASH_BYTES, pack_tree, stored_proof
from vpp.ledger.tampering import Change, change_of

# In the words of whoever reads a log's faults.
CHANGES: Final[Mapping[Change, str]] = {
    "number": "the entry is missing",
    "link": "the entry does not follow the one before",
    "content": "the entry was changed",
}


@dataclasses.dataclass(frozen=True)
class Fault:
    """Where a log is not what was sealed: the entry, and the leaf if it is one."""

    index: int
    leaf: int | None
    what: str


def proof_of(*, leaf: LogLeaf) -> dict[str, Any]:
    """Return all that somebody needs to check one leaf, and nothing of any other's."""
    return {
        "leaf": bytes(leaf.content).decode(),
        "position": leaf.position,
        "path": [one.hex() for one in path_of(leaf=leaf)],
        "entry": entry_plain(leaf.entry),
    }


def path_of(*, leaf: LogLeaf) -> tuple[bytes, ...]:
    """Return the hashes on a leaf's way to the root of its entry."""
    count: int = json.loads(bytes(leaf.entry.body))["leaves"]
    return stored_proof(partial(_hashes_at, leaf.entry_id), index=leaf.position, count=count)


def _hashes_at(entry_id: int, places: Sequence[int]) -> list[bytes]:
    """Read single hashes of a stored tree; PostgreSQL fetches only the pieces they lie in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substring(t.nodes FROM p.first FOR %s) FROM markets_logtree t, "
            "unnest(%s::int[]) WITH ORDINALITY AS p (first, place) WHERE t.entry_id = %s ORDER BY p.place",
            [HASH_BYTES, [place * HASH_BYTES + 1 for place in places], entry_id],
        )
        return [bytes(row[0]) for row in cursor.fetchall()]


def entry_plain(entry: LogEntry) -> dict[str, Any]:
    """Return an entry as it is published; it names no participant."""
    return {
        "index": entry.index,
        "body": bytes(entry.body).decode(),
        "entry_hash": bytes(entry.entry_hash).hex(),
        "signature": base64.b64encode(bytes(entry.signature)).decode(),
        "public_key": base64.b64encode(bytes(entry.public_key)).decode(),
    }


def log_faults(*, organization: Organization) -> list[Fault]:
    """Check every entry and leaf of an organization's log; return what is not as it was sealed, the first first."""
    faults: list[Fault] = []
    previous = BEGINNING
    entries = LogEntry.objects.filter(organization=organization).order_by("index")
    for place, entry in enumerate(entries.select_related("tree").prefetch_related("leaves")):
        if entry.index != place:
            return [*faults, Fault(place, None, CHANGES["number"])]
        faults += _entry_faults(entry, previous=previous)
        previous = bytes(entry.entry_hash)
    return faults


def _entry_faults(entry: LogEntry, *, previous: bytes) -> list[Fault]:
    body = bytes(entry.body)
    said = json.loads(body) if _signed(entry) else None
    if said is None:
        return [Fault(entry.index, None, CHANGES["content"])]
    linked = Entry(said["index"], b"", body, bytes.fromhex(said["previous"]), bytes(entry.entry_hash))
    if change_of(linked, index=said["index"], before=linked.before) is not None:
        return [Fault(entry.index, None, CHANGES["content"])]
    if change_of(linked, index=entry.index, before=previous) is not None:
        return [Fault(entry.index, None, CHANGES["link"])]
    return _tree_faults(entry, root=said["root"])


def _tree_faults(entry: LogEntry, *, root: str) -> list[Fault]:
    leaves = sorted(entry.leaves.all(), key=lambda one: one.position)
    changed = [
        Fault(entry.index, one.position, "the leaf was changed")
        for one in leaves
        if leaf_hash(bytes(one.content)) != bytes(one.leaf_hash)
    ]
    tree = MerkleTree(bytes(one.leaf_hash) for one in leaves)
    if not changed and tree.root().hex() != root:
        return [Fault(entry.index, None, "a leaf is missing or was put in its place")]
    if not changed and bytes(entry.tree.nodes) != pack_tree(tree):
        return [Fault(entry.index, None, "the stored tree was changed")]
    return changed


def _signed(entry: LogEntry) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes(entry.public_key)).verify(
            bytes(entry.signature), bytes(entry.body)
        )
    except InvalidSignature:
        return False
    return True
