"""The committed bytecode is what the committed sources compile to, and any EVM chain can run it."""

from apps.markets.chain.compiling import ARTIFACT, compiled, rendered
from apps.markets.chain.contract import artifact

LARGEST_CONTRACT = 24_576  # EIP-170 [bytes]
CHECKED = {"view", "pure"}


def test_the_committed_bytecode_is_that_of_the_sources() -> None:
    assert ARTIFACT.read_text() == rendered(compiled())


def test_the_contract_fits_every_chain() -> None:
    assert len(bytes.fromhex(artifact()["bytecode"].removeprefix("0x"))) < LARGEST_CONTRACT


def test_the_methods_that_change_something_are_these() -> None:
    methods = [entry for entry in artifact()["abi"] if entry["type"] == "function"]
    changing = {
        entry["name"]: entry["stateMutability"]
        for entry in methods
        if entry["stateMutability"] not in CHECKED
    }
    paid = [name for name, kind in changing.items() if kind == "payable"]
    assert paid == ["deposit"]
    assert sorted(changing) == [
        "accept_operator", "anchor", "deposit", "mint", "offer_operator", "pause", "pay_out", "refund", "resume", "retire",
        "safeBatchTransferFrom", "safeTransferFrom", "setApprovalForAll", "withdraw",
    ]  # fmt: skip
