"""What is sealed for the chain: fixed words, and nothing of anybody."""

from dataclasses import replace
from hashlib import sha256

import pytest

from apps.markets.chain.errors import LeafInvalidError
from apps.markets.chain.leaves import Deployment, OriginLeaf, TradeLeaf, salted_hash

HERE = Deployment(1337, "0x" + "ab" * 20)
SALT = bytes(range(16))


def test_a_trades_leaf_word_by_word() -> None:
    leaf = TradeLeaf(b"t" * 32, "0x" + "01" * 20, b"o" * 32, "0x" + "02" * 20, amount=600, energy_wh=500)
    data = leaf.data(HERE)
    assert [data[at : at + 32] for at in range(0, len(data), 32)] == [
        b"ores.market.trade.v1" + bytes(12), bytes(30) + b"\x05\x39", bytes(12) + b"\xab" * 20, b"t" * 32,
        bytes(12) + b"\x01" * 20, b"o" * 32, bytes(12) + b"\x02" * 20, bytes(30) + b"\x02\x58", bytes(30) + b"\x01\xf4",
    ]  # fmt: skip


def test_a_productions_leaf_word_by_word() -> None:
    leaf = OriginLeaf("0x" + "01" * 20, b"s" * 32, source=1, starts_at=86400, energy_wh=500)
    data = leaf.data(HERE)
    what = b"s" * 32 + bytes(31) + b"\x01" + bytes(29) + b"\x01\x51\x80"
    assert data == (
        b"ores.market.origin.v1" + bytes(11) + bytes(30) + b"\x05\x39" + bytes(12) + b"\xab" * 20
        + bytes(12) + b"\x01" * 20 + what + bytes(30) + b"\x01\xf4"
    )  # fmt: skip
    assert leaf.certificate_id() == int(sha256(what).hexdigest(), 16)


def test_a_name_is_hidden_by_its_salt() -> None:
    assert salted_hash(SALT, "site 17") == sha256(SALT + b"site 17").digest()
    with pytest.raises(LeafInvalidError, match="at least 16 bytes"):
        salted_hash(SALT[1:], "site 17")


@pytest.mark.parametrize("wrong", ["0x", "0x" + "01" * 19, "0x" + "01" * 21, "ann"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    leaf = TradeLeaf(b"t" * 32, "0x" + "01" * 20, b"o" * 32, "0x" + "02" * 20, amount=600, energy_wh=500)
    with pytest.raises(LeafInvalidError, match="is no address"):
        replace(leaf, seller=wrong).data(HERE)


@pytest.mark.parametrize(
    "change", [{"trade": b"t" * 31}, {"order": b"o" * 33}, {"amount": -1}, {"energy_wh": 2**256}]
)
def test_fields_that_do_not_fill_their_words_are_refused(change: dict[str, int | bytes]) -> None:
    leaf = TradeLeaf(b"t" * 32, "0x" + "01" * 20, b"o" * 32, "0x" + "02" * 20, amount=600, energy_wh=500)
    with pytest.raises(LeafInvalidError):
        replace(leaf, **change).data(HERE)  # type: ignore[arg-type]
