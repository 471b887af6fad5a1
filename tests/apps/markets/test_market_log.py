"""The sealed log: what is tampered with is found and located; a participant can prove its own trades with nothing else."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.markets.clearing import run_cancel
from apps.markets.log_checks import Fault, log_faults, proof_of
from apps.markets.models import ClearingRun, LogEntry, LogLeaf, Participant, Trade
from apps.markets.sealing import signing_key
from apps.markets.selectors import leaf_of_trade
from tests.apps.markets.world import BID, CLOSED, OFFER, Street, make_street
from vpp.ledger.log import BEGINNING, chain_hash
from vpp.ledger.merkle import MerkleTree, leaf_hash

pytestmark = pytest.mark.django_db
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "verify-my-trades.md"


def sealed_street() -> Street:
    """Three pairs trade, the run is canceled: two entries."""
    street = make_street(homes=6)
    for place in range(3):
        street.order(place, BID, 300_000, 1000 + place)
        street.order(place + 3, OFFER, 100_000, 1000 + place)
    street.clear()
    run_cancel(run=ClearingRun.objects.get(), reason="test", actor="test", now=CLOSED)
    return street


def tamper(statement: str, *values: Any) -> None:
    """Change a row as somebody with the database's password could."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_untouched_log_has_no_fault() -> None:
    street = sealed_street()
    assert log_faults(organization=street.fleet.organization) == []
    assert [entry.index for entry in LogEntry.objects.order_by("index")] == [0, 1]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "UPDATE markets_logleaf SET content = replace(convert_from(content, 'UTF8'), '_wh\":100', '_wh\":900')::bytea "
            "WHERE position = 2",
            Fault(0, 2, "the leaf was changed"),
        ),
        (
            "DELETE FROM markets_logleaf WHERE position = 5",
            Fault(0, None, "a leaf is missing or was put in its place"),
        ),
        (
            "UPDATE markets_logentry SET body = replace(convert_from(body, 'UTF8'), 'clearing', 'clearinG')::bytea "
            "WHERE index = 0",
            Fault(0, None, "the entry was changed"),
        ),
        (
            "UPDATE markets_logtree SET nodes = overlay(nodes PLACING '\\x00'::bytea FROM 40) WHERE nodes <> ''",
            Fault(0, None, "the stored tree was changed"),
        ),
        ("UPDATE markets_logentry SET index = 7 WHERE index = 1", Fault(1, None, "the entry is missing")),
        (
            "UPDATE markets_logentry SET signature = public_key || public_key WHERE index = 1",
            Fault(1, None, "the entry was changed"),
        ),
    ],
)
def test_tampering_is_found_and_located(statement: str, fault: Fault) -> None:
    street = sealed_street()
    tamper(statement)
    assert log_faults(organization=street.fleet.organization) == [fault]


def test_entry_signed_anew_no_longer_follows() -> None:
    """Whoever holds the key too cannot change an old entry without changing all that follow."""
    street = sealed_street()
    entry = LogEntry.objects.get(index=0)
    body = bytes(entry.body).replace(b'"volume_wh":3003', b'"volume_wh":3004')
    assert body != bytes(entry.body)
    tamper(
        "UPDATE markets_logentry SET body = %s, entry_hash = %s, signature = %s WHERE index = 0",
        body, chain_hash(BEGINNING, leaf_hash(body)), signing_key().sign(body),
    )  # fmt: skip
    assert log_faults(organization=street.fleet.organization) == [
        Fault(1, None, "the entry does not follow the one before")
    ]


def verifier() -> str:
    """The script that the guide shows."""
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    return found.group(1)


def verify(proof: dict[str, Any], tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    script, file = tmp_path / "verify.py", tmp_path / "proof.json"
    script.write_text(verifier())
    file.write_text(json.dumps(proof))
    return subprocess.run(
        [sys.executable, "-I", str(script), str(file), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_verifier_of_the_guide_is_short() -> None:
    assert len(verifier().splitlines()) < 80


def test_verifier_accepts_every_proof_and_no_changed_one(tmp_path: Path) -> None:
    sealed_street()
    key = base64.b64encode(signing_key().public_key().public_bytes_raw()).decode()
    for leaf in LogLeaf.objects.filter(position__in=[0, 5]):
        done = verify(proof_of(leaf=leaf), tmp_path, key)
        assert (done.returncode, done.stderr) == (0, "")
        assert f'"participant": {leaf.participant_id}' in done.stdout
    proof = proof_of(leaf=LogLeaf.objects.get(position=3))
    for changed in (
        {"leaf": proof["leaf"].replace("energy_wh", "energy_Wh")},
        {"position": 2},
        {"path": proof["path"][:-1]},
        {"path": [*proof["path"][:-1], "00" * 32]},
        {"entry": {**proof["entry"], "signature": base64.b64encode(bytes(64)).decode()}},
        {"entry": {**proof["entry"], "body": proof["entry"]["body"].replace("clearing", "clearinG")}},
    ):
        assert verify({**proof, **changed}, tmp_path, key).returncode == 1, changed
    assert verify(proof, tmp_path, base64.b64encode(bytes(range(32))).decode()).returncode == 1


def test_every_trade_has_its_own_leaf_and_proof() -> None:
    sealed_street()
    for trade in Trade.objects.all():
        leaf = leaf_of_trade(trade=trade)
        assert leaf is not None
        assert json.loads(proof_of(leaf=leaf)["leaf"])["order"] == trade.order_id
    tree = MerkleTree(bytes(one.leaf_hash) for one in LogLeaf.objects.order_by("position"))
    paths = [proof_of(leaf=leaf)["path"] for leaf in LogLeaf.objects.order_by("position")]
    assert paths == [[one.hex() for one in tree.inclusion_proof(place)] for place in range(6)]


def test_proof_names_nobody_else() -> None:
    sealed_street()
    leaf = LogLeaf.objects.get(position=3)
    text = json.dumps(proof_of(leaf=leaf))
    assert leaf.participant_id is not None
    others = Participant.objects.exclude(pk=leaf.participant_id)
    assert [one.name for one in Participant.objects.all() if one.name in text] == []
    assert [one.pk for one in others if re.search(rf'participant\\": ?{one.pk}\b', text)] == []
    Ed25519PublicKey.from_public_bytes(bytes(leaf.entry.public_key)).verify(
        bytes(leaf.entry.signature), bytes(leaf.entry.body)
    )


def test_leaves_alike_have_different_hashes() -> None:
    sealed_street()
    contents = [json.loads(bytes(leaf.content)) for leaf in LogLeaf.objects.all()]
    assert len({content["salt"] for content in contents}) == 6


@pytest.mark.parametrize("key", ["not base64!", "c2hvcnQ="])
def test_a_key_that_is_none_is_said(settings: Any, key: str) -> None:
    settings.MARKET_SIGNING_KEY = key
    with pytest.raises(ImproperlyConfigured, match="MARKET_SIGNING_KEY"):
        signing_key()


def test_own_key_is_used(settings: Any) -> None:
    settings.MARKET_SIGNING_KEY = base64.b64encode(bytes(32)).decode()
    # RFC 8032's public key of a seed of 32 zero bytes.
    public = signing_key().public_key().public_bytes_raw().hex()
    assert public == "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
