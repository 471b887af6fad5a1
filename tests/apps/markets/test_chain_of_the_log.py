"""The platform's own log on a chain: what runs sealed is anchored, and what was changed afterwards is noticed."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.log_roots import LogRoots
from apps.markets.clearing import run_again, run_cancel
from apps.markets.log_checks import proof_of
from apps.markets.models import ClearingRun, LogEntry, LogLeaf
from tests.apps.markets.test_market_log import tamper
from tests.apps.markets.world import BID, CLOSED, OFFER, Street, make_street
from tests.evm.chain import Chain
from tests.evm.server import reached_by
from vpp.ledger.merkle import leaf_hash

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(settings: Any) -> Iterator[Chain]:
    with reached_by(settings) as found:
        yield found


def sealed() -> Street:
    """Two runs with trades and a cancellation between them: three entries."""
    street = make_street(homes=6)
    for place in range(3):
        street.order(place, BID, 300_000, 1000 + place)
        street.order(place + 3, OFFER, 100_000, 1000 + place)
    first = street.clear()
    first = run_cancel(run=first, reason="test", actor="test", now=CLOSED)
    run_again(run=first, reason="test", actor="test", now=CLOSED)
    return street


def ran(street: Street, **options: Any) -> str:
    out = StringIO()
    call_command("market_anchor", organization=street.fleet.organization.slug, stdout=out, **options)
    return out.getvalue().strip()


def test_the_platforms_log_is_anchored_and_its_leaves_proven_on_chain(chain: Chain) -> None:
    street = sealed()
    assert ran(street, limit=2) == "anchored 2, next is 2"
    assert ran(street) == "anchored 1, next is 3"
    assert ran(street) == "anchored 0, next is 3"
    assert ran(street, check=True) == "3 anchored batches agree with the log"
    market, roots = EnergyMarket.from_settings(), LogRoots(street.fleet.organization)
    entries = list(LogEntry.objects.order_by("index"))
    assert [market.anchored(at) for at in range(3)] == roots.read(0, limit=9)
    assert [root.head for root in roots.read(0, limit=9)] == [bytes(entry.entry_hash) for entry in entries]
    assert [root.size for root in roots.read(0, limit=9)] == [6, 0, 6]
    leaf = LogLeaf.objects.get(entry__index=2, position=4)
    path = [bytes.fromhex(one) for one in proof_of(leaf=leaf)["path"]]
    hashed = leaf_hash(bytes(leaf.content))
    assert market.ask("is_sealed", hashed, 2, 4, path) is True
    assert market.ask("is_sealed", hashed, 0, 4, path) is False
    assert market.ask("is_sealed", hashed, 2, 3, path) is False


def test_a_log_that_was_changed_after_anchoring_is_noticed(chain: Chain) -> None:
    street = sealed()
    ran(street)
    body = json.loads(bytes(LogEntry.objects.get(index=2).body))
    changed = json.dumps({**body, "root": "11" * 32}).encode()
    tamper("UPDATE markets_logentry SET body = %s WHERE index = 2", changed)
    for check in (False, True):
        with pytest.raises(CommandError, match=r"batch 2 is another on the chain than in the log"):
            ran(street, check=check)


def test_one_log_is_not_anothers(chain: Chain) -> None:
    street, other = sealed(), make_street(homes=2)
    assert LogRoots(other.fleet.organization).read(0, limit=5) == []
    assert ran(other) == "anchored 0, next is 0"
    ran(street)
    with pytest.raises(CommandError, match=r"batch 2 is another on the chain"):
        ran(other)


def test_source_of_roots_is_one(chain: Chain) -> None:
    with pytest.raises(CommandError, match="no such organization"):
        call_command("market_anchor", organization="nobody")
    with pytest.raises(CommandError, match="one of the arguments --roots --organization is required"):
        call_command("market_anchor")
    assert ClearingRun.objects.count() == 0
