"""The log of what markets did: Merkle roots of sealed leaves in a chain of signed entries."""

import base64
import binascii
import dataclasses
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.accounts.models import Organization
from apps.common.bulk import bulk_copy
from apps.markets.models import ClearingRun, Delivery, LogEntry, LogLeaf, LogTree, Trade
from apps.markets.reserve_clearing import Award
from vpp.ledger.canonical import canonical_bytes
from vpp.ledger.log import BEGINNING, chain_hash
from vpp.ledger.merkle import MerkleTree, leaf_hash
from vpp.ledger.stored import pack_tree

CODE: Final = "markets-log-1"


@dataclasses.dataclass(frozen=True)
class Leaf:
    """What is sealed of one participant; none for a home or where words for a contract (`raw`) are sealed."""

    participant_id: int | None
    facts: dict[str, Any]
    raw: bytes | None = None


@dataclasses.dataclass(frozen=True)
class Subject:
    """What an entry is about: whose log, what kind, the body's facts, and the run where it is of one.

    `name` is what salts are made of; an entry of the same name seals the same.
    """

    organization_id: int
    kind: str
    name: str
    facts: Mapping[str, Any]
    run: ClearingRun | None = None

    @classmethod
    def of_run(cls, run: ClearingRun, *, kind: str, facts: Mapping[str, Any]) -> "Subject":
        """Return it for what a clearing run, its cancellation or its deliveries seal."""
        return cls(run.market.organization_id, str(kind), f"{run.pk}:{run.version}", facts, run)


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


def award_leaves(*, awards: Sequence[Award]) -> list[Leaf]:
    """Return what is sealed of the reserve that a run bought."""
    return [
        Leaf(
            one.participant,
            {
                "order": one.order, "service": one.service, "energy_wh": one.energy_wh, "price_micro": one.price_micro,
                "pay_nano": str(one.pay_nano),
            },
        )
        for one in awards
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


def seal(*, subject: Subject, leaves: Sequence[Leaf], now: datetime) -> LogEntry:
    """Add an entry to the organization's log; the caller's transaction holds it together with what it seals."""
    Organization.objects.select_for_update(no_key=True).get(pk=subject.organization_id)
    before = LogEntry.objects.filter(organization_id=subject.organization_id).order_by("-index").first()
    contents = [_content(subject, place=place, leaf=leaf) for place, leaf in enumerate(leaves)]
    tree = MerkleTree(leaf_hash(content) for content in contents)
    index = before.index + 1 if before else 0
    previous = bytes(before.entry_hash) if before else BEGINNING
    body = canonical_bytes(_body(subject, index=index, previous=previous, tree=tree, now=now))
    key = signing_key()
    entry = LogEntry.objects.create(
        organization_id=subject.organization_id, index=index, kind=subject.kind, run=subject.run, at=now, body=body,
        entry_hash=chain_hash(previous, leaf_hash(body)),
        signature=key.sign(body), public_key=key.public_key().public_bytes_raw(),
    )  # fmt: skip
    LogTree.objects.create(entry=entry, nodes=pack_tree(tree))
    rows = enumerate(zip(leaves, contents, strict=True))
    bulk_copy(
        LogLeaf,
        [
            LogLeaf(
                entry=entry, position=place, participant_id=leaf.participant_id, content=content,
                leaf_hash=tree.leaf(place),
            )
            for place, (leaf, content) in rows
        ],
    )  # fmt: skip
    return entry


def _body(
    subject: Subject, *, index: int, previous: bytes, tree: MerkleTree, now: datetime
) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "code": CODE, "index": index, "previous": previous.hex(), "kind": subject.kind, "at": now.isoformat(),
        "leaves": len(tree), "root": tree.root().hex(), "facts": dict(subject.facts),
    }  # fmt: skip
    run = subject.run
    if run is not None:
        plain |= {
            "market": run.market_id, "run": run.pk, "version": run.version, "starts_at": run.starts_at.isoformat(),
            "input_hash": run.input_hash, "result_hash": run.result_hash,
        }  # fmt: skip
    return plain


def _content(subject: Subject, *, place: int, leaf: Leaf) -> bytes:
    """A leaf's bytes; its salt can be computed by the platform alone, so that neighbors cannot be guessed."""
    if leaf.raw is not None:
        return leaf.raw
    salt = hmac.digest(_seed(), f"{subject.name}:{subject.kind}:{place}".encode(), "sha256")[:16]
    plain = {"kind": subject.kind, "salt": salt.hex(), **leaf.facts}
    if leaf.participant_id is not None:
        plain["participant"] = leaf.participant_id
    run = subject.run
    if run is not None:
        plain |= {
            "run": run.pk,
            "starts_at": run.starts_at.isoformat(),
            "ends_at": run.ends_at.isoformat(),
        }
    return canonical_bytes(plain)
