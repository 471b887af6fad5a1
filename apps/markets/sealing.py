"""The log of runs and deliveries: Merkle roots in a chain of signed entries; proofs of one's own part; checking it all."""

import base64
import binascii
import dataclasses
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.accounts.models import Organization
from apps.common.bulk import bulk_copy
from apps.markets.models import ClearingRun, Delivery, LogEntry, LogLeaf, LogTree, Trade
from vpp.ledger.canonical import canonical_bytes
from vpp.ledger.log import BEGINNING, chain_hash
from vpp.ledger.merkle import MerkleTree, leaf_hash
from vpp.ledger.stored import HASH_BYTES, pack_tree, stored_proof

CODE: Final = "markets-log-1"


@dataclasses.dataclass(frozen=True)
class Leaf:
    """What is sealed of one participant."""

    participant_id: int
    facts: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Fault:
    """Where a log is not what was sealed: the entry, and the leaf if it is one."""

    index: int
    leaf: int | None
    what: str


def signing_key() -> Ed25519PrivateKey:
    """Return the key that entries are signed with."""
    return Ed25519PrivateKey.from_private_bytes(_seed())


def _seed() -> bytes:
    given = settings.MARKET_SIGNING_KEY
    if not given:
        return hmac.digest(settings.SECRET_KEY.encode(), b"markets log signing key", "sha256")
    try:
        seed = base64.b64decode(given, validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured("MARKET_SIGNING_KEY is not base64") from error
    if len(seed) != 32:
        raise ImproperlyConfigured("MARKET_SIGNING_KEY must be 32 bytes in base64")
    return seed


def trade_leaves(*, run: ClearingRun, trades: Sequence[Trade]) -> list[Leaf]:
    """Return what is sealed of a run's trades; money is text, for numbers of any size."""
    names = ("side", "energy_wh", "price_micro", "green_wh")
    return [
        Leaf(
            one.participant_id,
            {
                "order": one.order_id, "pay_nano": str(one.pay_nano), "fee_nano": str(one.fee_nano),
                **{name: getattr(one, name) for name in names},
            },
        )
        for one in trades
    ]  # fmt: skip


def delivery_leaves(*, lines: Sequence[Delivery]) -> list[Leaf]:
    """Return what is sealed of a run's deliveries."""
    names = ("traded_wh", "position_wh", "metered_wh", "imbalance_wh")
    return [
        Leaf(
            one.participant_id,
            {
                "pay_nano": str(one.pay_nano),
                "status": str(one.status),
                **{name: getattr(one, name) for name in names},
            },
        )
        for one in lines
    ]


def seal(
    *, run: ClearingRun, kind: str, leaves: Sequence[Leaf], facts: Mapping[str, Any], now: datetime
) -> LogEntry:
    """Add an entry to the organization's log; the caller's transaction holds it together with what it seals."""
    organization_id = run.market.organization_id
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    before = LogEntry.objects.filter(organization_id=organization_id).order_by("-index").first()
    contents = [_content(run, kind, place=place, leaf=leaf) for place, leaf in enumerate(leaves)]
    tree = MerkleTree(leaf_hash(content) for content in contents)
    index = before.index + 1 if before else 0
    previous = bytes(before.entry_hash) if before else BEGINNING
    body = canonical_bytes(_body(run, kind, index=index, previous=previous, tree=tree, facts=facts, now=now))
    key = signing_key()
    entry = LogEntry.objects.create(
        organization_id=organization_id, index=index, kind=kind, run=run, at=now, body=body,
        entry_hash=chain_hash(previous, leaf_hash(body)),
        signature=key.sign(body), public_key=key.public_key().public_bytes_raw(),
    )  # fmt: skip
    LogTree.objects.create(entry=entry, nodes=pack_tree(tree))
    bulk_copy(
        LogLeaf,
        [
            LogLeaf(
                entry=entry,
                position=place,
                participant_id=leaf.participant_id,
                content=content,
                leaf_hash=tree.leaf(place),
            )
            for place, (leaf, content) in enumerate(zip(leaves, contents, strict=True))
        ],
    )
    return entry


def _body(
    run: ClearingRun,
    kind: str,
    *,
    index: int,
    previous: bytes,
    tree: MerkleTree,
    facts: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    return {
        "code": CODE, "index": index, "previous": previous.hex(), "kind": str(kind), "market": run.market_id, "run": run.pk,
        "version": run.version, "starts_at": run.starts_at.isoformat(), "at": now.isoformat(),
        "input_hash": run.input_hash, "result_hash": run.result_hash, "leaves": len(tree),
        "root": tree.root().hex(), "facts": dict(facts),
    }  # fmt: skip


def _content(run: ClearingRun, kind: str, *, place: int, leaf: Leaf) -> bytes:
    """A leaf's bytes; its salt can be computed by the platform alone, so that neighbors cannot be guessed."""
    salt = hmac.digest(_seed(), f"{run.pk}:{run.version}:{kind!s}:{place}".encode(), "sha256")[:16]
    return canonical_bytes(
        {
            "kind": str(kind),
            "run": run.pk,
            "participant": leaf.participant_id,
            "starts_at": run.starts_at.isoformat(),
            "ends_at": run.ends_at.isoformat(),
            "salt": salt.hex(),
            **leaf.facts,
        }
    )


def proof_of(*, leaf: LogLeaf) -> dict[str, Any]:
    """Return all that somebody needs to check one leaf, and nothing of any other's."""
    entry = leaf.entry
    count: int = json.loads(bytes(entry.body))["leaves"]
    path = stored_proof(partial(_hashes_at, entry.pk), index=leaf.position, count=count)
    return {
        "leaf": bytes(leaf.content).decode(),
        "position": leaf.position,
        "path": [one.hex() for one in path],
        "entry": entry_plain(entry),
    }


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
            return [*faults, Fault(place, None, "the entry is missing")]
        faults += _entry_faults(entry, previous=previous)
        previous = bytes(entry.entry_hash)
    return faults


def _entry_faults(entry: LogEntry, *, previous: bytes) -> list[Fault]:
    body = bytes(entry.body)
    said = json.loads(body) if _signed(entry) else None
    if said is None or chain_hash(bytes.fromhex(said["previous"]), leaf_hash(body)) != bytes(
        entry.entry_hash
    ):
        return [Fault(entry.index, None, "the entry was changed")]
    if said["previous"] != previous.hex() or said["index"] != entry.index:
        return [Fault(entry.index, None, "the entry does not follow the one before")]
    leaves = sorted(entry.leaves.all(), key=lambda one: one.position)
    changed = [
        Fault(entry.index, one.position, "the leaf was changed")
        for one in leaves
        if leaf_hash(bytes(one.content)) != bytes(one.leaf_hash)
    ]
    tree = MerkleTree(bytes(one.leaf_hash) for one in leaves)
    if not changed and tree.root().hex() != said["root"]:
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
