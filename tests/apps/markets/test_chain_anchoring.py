"""Sealed roots on their way to a chain: by a node's HTTP door, as the commands do it."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.markets.chain.anchoring import anchor_unsent
from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.errors import (
    ChainConfigurationError,
    ChainRefusedError,
    ChainUnreachableError,
    RootInvalidError,
)
from apps.markets.chain.leaves import OriginLeaf, TradeLeaf
from apps.markets.chain.node import connect
from apps.markets.chain.roots import FileRoots, SealedRoot
from tests.evm.chain import BEGINNING, DAY, HEAD, OPERATOR_KEY, Chain, word
from tests.evm.server import serving


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def node_url(chain: Chain) -> Iterator[str]:
    with serving(chain.web3) as url:
        yield url


@pytest.fixture
def configured(chain: Chain, node_url: str, settings: Any) -> Any:
    settings.MARKET_CHAIN_URL = node_url
    settings.MARKET_CHAIN_ID = chain.deployment.chain_id
    settings.MARKET_CHAIN_CONTRACT = chain.deployment.contract
    settings.MARKET_CHAIN_KEY = OPERATOR_KEY
    settings.MARKET_CHAIN_TIMEOUT_S = 30.0
    return settings


def root(sequence: int, value: int = 1) -> SealedRoot:
    return SealedRoot(sequence=sequence, root=word(1000 * value + sequence), head=HEAD, size=sequence + 1)


def file_of(folder: Path, *roots: SealedRoot) -> Path:
    path = folder / "roots.jsonl"
    path.write_text("".join(one.to_json() + "\n" for one in roots))
    return path


def ran(command: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue().strip()


def test_unsent_roots_are_anchored_in_order_and_once(chain: Chain, configured: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, root(2), root(0), root(1))
    assert ran("market_anchor", roots=path, limit=2) == "anchored 2, next is 2"
    assert ran("market_anchor", roots=path) == "anchored 1, next is 3"
    assert ran("market_anchor", roots=path) == "anchored 0, next is 3"
    assert [chain.ask("anchored", sequence)[0] for sequence in range(4)] == [
        word(1000),
        word(1001),
        word(1002),
        word(0),
    ]
    assert ran("market_anchor", roots=path, check=True, limit=2) == "3 anchored batches agree with the log"


def test_a_log_that_was_changed_is_not_anchored_further(
    chain: Chain, configured: Any, tmp_path: Path
) -> None:
    ran("market_anchor", roots=file_of(tmp_path, root(0), root(1)))
    changed = file_of(tmp_path, root(0), root(1, value=2), root(2))
    for check in (False, True):
        with pytest.raises(CommandError, match=r"batch 1 is another on the chain than in the log"):
            ran("market_anchor", roots=changed, check=check)
    earlier = file_of(tmp_path, root(0, value=2), root(1), root(2))
    with pytest.raises(CommandError, match=r"batch 0 is another"):
        ran("market_anchor", roots=earlier, check=True)
    with pytest.raises(CommandError, match=r"batch 1 is another"):
        ran("market_anchor", roots=file_of(tmp_path, root(0)))
    assert chain.ask("next_sequence") == 2


def test_a_gap_in_the_log_stops_at_the_gap(chain: Chain, configured: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="the log has no batch 1"):
        ran("market_anchor", roots=file_of(tmp_path, root(0), root(2)))
    assert chain.ask("next_sequence") == 1


@pytest.mark.parametrize(
    "line",
    [
        "", "[]", "{}", "not json", '{"sequence": 0, "root": "zz", "head": "", "size": 1}',
        root(0).to_json().replace('"size": 1', '"size": -1'), root(0).to_json().replace('"size": 1', '"size": 1.0'),
        root(0).to_json().replace('"sequence": 0', '"sequence": -1'),
        root(0).to_json().replace('"sequence": 0', '"sequence": true'),
        root(0).to_json().replace("77", "", 1),
    ],
)  # fmt: skip
def test_lines_that_are_no_roots_are_refused(line: str) -> None:
    with pytest.raises(RootInvalidError):
        SealedRoot.from_json(line)


def test_roots_survive_being_written_down(tmp_path: Path) -> None:
    assert FileRoots(file_of(tmp_path, root(0), root(1))).read(1, limit=5) == [root(1)]


def test_without_a_chain_nothing_is_tried(settings: Any, tmp_path: Path) -> None:
    settings.MARKET_CHAIN_URL = ""
    with pytest.raises(CommandError, match="MARKET_CHAIN_CONTRACT is not set"):
        ran("market_anchor", roots=file_of(tmp_path, root(0)))
    with pytest.raises(CommandError, match="MARKET_CHAIN_URL is not set"):
        ran("market_chain_deploy")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("MARKET_CHAIN_ID", 1, "the node is on chain 131277322940537, MARKET_CHAIN_ID says 1"),
        ("MARKET_CHAIN_CONTRACT", "0x" + "12" * 20, "there is no contract at"),
        ("MARKET_CHAIN_CONTRACT", "market", "is no address"),
        ("MARKET_CHAIN_KEY", "0x" + "zz" * 32, "MARKET_CHAIN_KEY is no private key"),
        ("MARKET_CHAIN_KEY", "", "MARKET_CHAIN_KEY is no private key"),
        ("MARKET_CHAIN_URL", "http://127.0.0.1:1", "the node does not answer"),
    ],
)
def test_wrong_settings_are_named(
    configured: Any, tmp_path: Path, name: str, value: object, reason: str
) -> None:
    setattr(configured, name, value)
    with pytest.raises(CommandError, match=reason) as refused:
        ran("market_anchor", roots=file_of(tmp_path, root(0)))
    assert "zz" not in str(refused.value)


def test_another_key_than_the_operators_anchors_nothing(
    chain: Chain, configured: Any, tmp_path: Path
) -> None:
    configured.MARKET_CHAIN_KEY = "0x" + "00" * 31 + "02"
    with pytest.raises(CommandError, match=r"^not the operator$"):
        ran("market_anchor", roots=file_of(tmp_path, root(0)))
    assert chain.ask("next_sequence") == 0


def test_a_key_without_coins_is_told_so(chain: Chain, node_url: str) -> None:
    poor = EnergyMarket(connect(node_url, key="0x" + "11" * 32, timeout_s=30), chain.deployment)
    with pytest.raises(ChainUnreachableError, match="cannot afford"):
        poor.anchor(root(0))


def test_a_contract_is_deployed_and_used_through_the_door(chain: Chain, configured: Any) -> None:
    said = ran("market_chain_deploy", shortest_escrow_s=60, certificate_period_s=DAY)
    configured.MARKET_CHAIN_CONTRACT = said.removeprefix("MARKET_CHAIN_CONTRACT=")
    market = EnergyMarket.from_settings()
    chain.market = chain.web3.eth.contract(address=market.deployment.contract, abi=chain.market.abi)
    chain.deployment = market.deployment
    assert (market.ask("operator"), market.ask("SHORTEST_ESCROW")) == (chain.operator, 60)
    chain.deposit(chain.ann, word(1), amount=1000)
    trade = TradeLeaf(word(2), chain.ann, word(1), chain.bob, amount=700, energy_wh=500)
    origin = OriginLeaf(chain.bob, word(3), source=1, starts_at=BEGINNING, energy_wh=500)
    paid, made = chain.seal([trade.data(market.deployment), origin.data(market.deployment)])
    market.pay_out(trade, paid)
    market.mint(origin, made)
    assert (
        market.ask("claimable", chain.bob),
        market.ask("balanceOf", chain.bob, origin.certificate_id()),
    ) == (700, 500)
    with pytest.raises(ChainRefusedError, match=r"^trade settled$"):
        market.pay_out(trade, paid)


def test_a_contract_that_makes_no_sense_is_not_deployed(configured: Any) -> None:
    with pytest.raises(CommandError, match=r"^no period$"):
        ran("market_chain_deploy", certificate_period_s=0)
    with pytest.raises(CommandError, match=r"^escrow too long$"):
        ran("market_chain_deploy", shortest_escrow_s=367 * DAY)


def test_two_that_anchor_at_once_cannot_fork_the_log(chain: Chain, configured: Any) -> None:
    market = EnergyMarket.from_settings()

    class Overtaken:
        """A log whose reader is overtaken by another process."""

        def read(self, first: int, *, limit: int) -> list[SealedRoot]:
            chain.tell(chain.operator, "anchor", 0, word(9), HEAD, 1)
            return [root(0)]

    with pytest.raises(ChainRefusedError, match=r"^not the next sequence$"):
        anchor_unsent(market, Overtaken(), limit=5)
    assert chain.ask("anchored", 0)[0] == word(9)


def test_a_key_is_refused_without_being_shown(node_url: str) -> None:
    with pytest.raises(ChainConfigurationError) as refused:
        connect(node_url, key="0x5ec2e7", timeout_s=30)
    assert "5ec2e7" not in str(refused.value)
    assert refused.value.__suppress_context__
