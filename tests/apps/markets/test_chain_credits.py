"""Credits with certificate of origin: minted once with proof, moved, retired."""

from dataclasses import replace
from typing import Any

import pytest

from apps.markets.chain.leaves import OriginLeaf
from tests.evm.chain import BEGINNING, DAY, Chain, word
from tests.evm.merkle import leaf_hash

SITE, SOLAR = word(0xC1), 1
ONE, BATCH, WRONG = bytes.fromhex("f23a6e61"), bytes.fromhex("bc197c81"), bytes.fromhex("deadbeef")
NOBODY = "0x" + "00" * 20


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def origin(chain: Chain) -> OriginLeaf:
    """What ann's roof gave that day."""
    return OriginLeaf(owner=chain.ann, site=SITE, source=SOLAR, starts_at=BEGINNING - DAY, energy_wh=9000)


@pytest.fixture
def held(chain: Chain, origin: OriginLeaf) -> int:
    """The token id of ann's 9000 Wh."""
    (at,) = chain.seal_origins(origin)
    chain.tell(chain.eve, "mint", *origin.arguments(), *at.arguments())
    return origin.certificate_id()


def balances(chain: Chain, token: int) -> list[int]:
    people = [chain.ann, chain.bob, chain.eve]
    return list(chain.ask("balanceOfBatch", people, [token] * 3))


def keeper(chain: Chain, one: bytes, *, batch: bytes = BATCH, moves_to: str = NOBODY) -> str:
    return str(chain.install("keeper", chain.market.address, one, batch, moves_to).address)


def test_a_sealed_production_becomes_its_owners_credits(chain: Chain, origin: OriginLeaf) -> None:
    (at,) = chain.seal_origins(origin)
    receipt = chain.tell(chain.eve, "mint", *origin.arguments(), *at.arguments())
    token = origin.certificate_id()
    assert chain.ask("certificate_id", SITE, SOLAR, BEGINNING - DAY) == token
    assert chain.ask("origin_leaf", *origin.arguments()) == leaf_hash(origin.data(chain.deployment))
    assert list(chain.ask("certificates", token)) == [SITE, SOLAR, BEGINNING - DAY, 9000, 0]
    assert balances(chain, token) == [9000, 0, 0]
    event = chain.told("TransferSingle", receipt)
    assert event == {
        "operator": chain.eve, "sender": NOBODY, "receiver": chain.ann, "id": token, "value": 9000,
    }  # fmt: skip
    event = chain.told("Minted", receipt)
    assert (event["id"], event["site"]) == (token, SITE)


def test_a_period_of_a_site_is_certified_once(chain: Chain, origin: OriginLeaf, held: int) -> None:
    more, other = replace(origin, energy_wh=9001), replace(origin, owner=chain.bob)
    for leaf, at in zip((origin, more, other), chain.seal_origins(origin, more, other), strict=True):
        arguments = (*leaf.arguments(), *at.arguments())
        assert chain.refusal(chain.ann, "mint", *arguments) == "certificate minted"
        assert chain.sent(chain.ann, "mint", *arguments)["status"] == 0
    assert balances(chain, held) == [9000, 0, 0]


def test_retired_credits_do_not_free_their_certificate(chain: Chain, origin: OriginLeaf, held: int) -> None:
    chain.tell(chain.ann, "retire", held, 9000, word(0))
    arguments = (*origin.arguments(), 0, 0, [])
    assert chain.refusal(chain.ann, "mint", *arguments) == "certificate minted"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"energy_wh": 9001}, "not in the batch"),
        ({"owner": "0x" + "12" * 20}, "not in the batch"),
        ({"site": word(0xC2)}, "not in the batch"),
        ({"source": 2}, "not in the batch"),
        ({"starts_at": BEGINNING}, "not in the batch"),
        ({"starts_at": BEGINNING - 1}, "period not aligned"),
        ({"energy_wh": 0}, "bad energy"),
        ({"energy_wh": 2**64}, "bad energy"),
        ({"owner": NOBODY}, "no owner"),
    ],
)
def test_nothing_is_minted_but_what_was_sealed(
    chain: Chain, origin: OriginLeaf, change: dict[str, Any], reason: str
) -> None:
    (at,) = chain.seal_origins(origin)
    other = replace(origin, **change)
    arguments = (*other.arguments(), *at.arguments())
    assert chain.refusal(chain.ann, "mint", *arguments) == reason
    assert chain.sent(chain.ann, "mint", *arguments)["status"] == 0
    assert chain.ask("certificates", other.certificate_id())[3] == 0


def test_even_a_sealed_production_has_an_aligned_period(chain: Chain, origin: OriginLeaf) -> None:
    overlapping = replace(origin, starts_at=BEGINNING - DAY // 2)
    (at,) = chain.seal_origins(overlapping)
    assert chain.refusal(chain.ann, "mint", *overlapping.arguments(), *at.arguments()) == "period not aligned"


def test_a_trade_is_no_production_and_paused_nothing_is_minted(chain: Chain, origin: OriginLeaf) -> None:
    data = origin.data(chain.deployment)
    (at,) = chain.seal([b"ores.market.trade.v1".ljust(32, b"\0") + data[32:]])
    assert chain.refusal(chain.ann, "mint", *origin.arguments(), *at.arguments()) == "not in the batch"
    (at,) = chain.seal_origins(origin)
    chain.tell(chain.operator, "pause")
    assert chain.refusal(chain.ann, "mint", *origin.arguments(), *at.arguments()) == "paused"


def test_retired_is_gone(chain: Chain, held: int) -> None:
    receipt = chain.tell(chain.ann, "retire", held, 4000, word(0xD1))
    event = chain.told("Retired", receipt)
    assert event == {"id": held, "owner": chain.ann, "energy_wh": 4000, "claim": word(0xD1)}
    assert (balances(chain, held), chain.ask("retired", held)) == ([5000, 0, 0], 4000)
    assert chain.refusal(chain.ann, "retire", held, 5001, word(0)) == "too few credits"
    assert chain.refusal(chain.bob, "retire", held, 1, word(0)) == "too few credits"
    assert chain.refusal(chain.ann, "retire", held, 0, word(0)) == "nothing to retire"


def test_credits_move_from_their_owner_and_whom_the_owner_lets(chain: Chain, held: int) -> None:
    chain.tell(chain.ann, "safeTransferFrom", chain.ann, chain.bob, held, 2000, b"")
    assert balances(chain, held) == [7000, 2000, 0]
    move = ("safeTransferFrom", chain.ann, chain.eve, held, 500, b"")
    assert chain.refusal(chain.eve, *move) == "not the owner"
    chain.tell(chain.ann, "setApprovalForAll", chain.eve, True)
    assert chain.ask("isApprovedForAll", chain.ann, chain.eve)
    chain.tell(chain.eve, *move)
    assert balances(chain, held) == [6500, 2000, 500]
    chain.tell(chain.ann, "setApprovalForAll", chain.eve, False)
    assert chain.refusal(chain.eve, *move) == "not the owner"
    assert (
        chain.refusal(chain.bob, "safeTransferFrom", chain.bob, chain.ann, held, 2001, b"")
        == "too few credits"
    )
    assert chain.refusal(chain.bob, "safeTransferFrom", chain.bob, NOBODY, held, 1, b"") == "bad destination"


def test_moving_to_oneself_makes_nothing(chain: Chain, held: int) -> None:
    chain.tell(chain.ann, "safeTransferFrom", chain.ann, chain.ann, held, 9000, b"")
    chain.tell(chain.ann, "safeBatchTransferFrom", chain.ann, chain.ann, [held, held], [1000, 8000], b"")
    assert balances(chain, held) == [9000, 0, 0]


def test_a_batch_moves_whole_or_not_at_all(chain: Chain, origin: OriginLeaf, held: int) -> None:
    wind = replace(origin, source=2, energy_wh=100)
    (at,) = chain.seal_origins(wind)
    chain.tell(chain.ann, "mint", *wind.arguments(), *at.arguments())
    both = [held, wind.certificate_id()]
    name, people = "safeBatchTransferFrom", (chain.ann, chain.bob)
    assert chain.refusal(chain.ann, name, *people, both, [1, 101], b"") == "too few credits"
    assert chain.refusal(chain.ann, name, *people, [held, held], [5000, 4001], b"") == "too few credits"
    assert chain.refusal(chain.ann, name, *people, both, [1], b"") == "lengths differ"
    assert chain.refusal(chain.bob, name, *people, both, [1, 1], b"") == "not the owner"
    chain.tell(chain.ann, name, *people, both, [9, 100], b"")
    assert balances(chain, held) == [8991, 9, 0]
    assert balances(chain, wind.certificate_id()) == [0, 100, 0]


def test_a_contract_has_to_accept_credits(chain: Chain, held: int) -> None:
    willing, unwilling = keeper(chain, ONE), keeper(chain, WRONG, batch=WRONG)
    single, batch = "safeTransferFrom", "safeBatchTransferFrom"
    chain.tell(chain.ann, single, chain.ann, willing, held, 10, b"with data")
    chain.tell(chain.ann, batch, chain.ann, willing, [held], [5], b"")
    assert chain.refusal(chain.ann, single, chain.ann, unwilling, held, 10, b"") == "receiver refused"
    assert chain.refusal(chain.ann, batch, chain.ann, unwilling, [held], [10], b"") == "receiver refused"
    assert chain.sent(chain.ann, single, chain.ann, chain.market.address, held, 10, b"")["status"] == 0
    assert chain.ask("balanceOf", willing, held) == 15
    assert balances(chain, held) == [8985, 0, 0]


def test_a_receiver_cannot_act_in_the_middle_of_a_transfer(chain: Chain, held: int) -> None:
    hasty = keeper(chain, ONE, moves_to=chain.eve)
    assert chain.sent(chain.ann, "safeTransferFrom", chain.ann, hasty, held, 10, b"")["status"] == 0
    assert (balances(chain, held), chain.ask("balanceOf", hasty, held)) == ([9000, 0, 0], 0)


def test_wallets_recognize_the_credits(chain: Chain) -> None:
    known = {"01ffc9a7": True, "d9b67a26": True, "ffffffff": False, "80ac58cd": False}
    assert {name: chain.ask("supportsInterface", bytes.fromhex(name)) for name in known} == known
