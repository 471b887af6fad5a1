"""What a batch must seal for the contract to act on it: fixed words of 32 bytes, bound to one contract on one chain.

Nothing of it names a person: parties are addresses, everything else is a salted hash or a number.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from apps.markets.chain.errors import LeafInvalidError

TRADE: Final = b"ores.market.trade.v1".ljust(32, b"\0")
ORIGIN: Final = b"ores.market.origin.v1".ljust(32, b"\0")
LEAST_SALT: Final = 16
ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


def salted_hash(salt: bytes, known_as: str) -> bytes:
    """Hide a name of the platform; who deletes the salt makes the hash mean nothing to anyone."""
    if len(salt) < LEAST_SALT:
        raise LeafInvalidError(f"a salt has at least {LEAST_SALT} bytes")
    return sha256(salt + known_as.encode()).digest()


def number(value: int) -> bytes:
    """Render a whole number as a word."""
    if not 0 <= value < 2**256:
        raise LeafInvalidError(f"{value} fits no word")
    return value.to_bytes(32, "big")


def name(value: bytes) -> bytes:
    """Pass a salted hash on as a word."""
    if len(value) != 32:
        raise LeafInvalidError(f"a hash has 32 bytes, not {len(value)}")
    return value


def address(value: str) -> bytes:
    """Render an address as a word."""
    if not ADDRESS.fullmatch(value):
        raise LeafInvalidError(f"{value!r} is no address")
    return bytes(12) + bytes.fromhex(value[2:])


@dataclass(frozen=True, slots=True)
class Deployment:
    """One contract on one chain."""

    chain_id: int
    contract: str

    def words(self) -> bytes:
        """Bind a leaf to it."""
        return number(self.chain_id) + address(self.contract)


@dataclass(frozen=True, slots=True)
class TradeLeaf:
    """Who pays whom how much [smallest unit of the chain's coin] for how much energy, from which escrow."""

    trade: bytes
    buyer: str
    order: bytes
    seller: str
    amount: int
    energy_wh: int

    def data(self, deployment: Deployment) -> bytes:
        """Return the leaf's bytes, to be hashed as RFC 6962 has it."""
        parties = name(self.trade) + address(self.buyer) + name(self.order) + address(self.seller)
        return TRADE + deployment.words() + parties + number(self.amount) + number(self.energy_wh)

    def arguments(self) -> tuple[object, ...]:
        """List the fields as the contract's methods take them."""
        return (self.trade, self.buyer, self.order, self.seller, self.amount, self.energy_wh)


@dataclass(frozen=True, slots=True)
class OriginLeaf:
    """What a site (by its salted hash) produced from a source in the period that starts then [Unix seconds]."""

    owner: str
    site: bytes
    source: int
    starts_at: int
    energy_wh: int

    def data(self, deployment: Deployment) -> bytes:
        """Return the leaf's bytes, to be hashed as RFC 6962 has it."""
        what = name(self.site) + number(self.source) + number(self.starts_at) + number(self.energy_wh)
        return ORIGIN + deployment.words() + address(self.owner) + what

    def certificate_id(self) -> int:
        """Return the token id of its credits."""
        words = name(self.site) + number(self.source) + number(self.starts_at)
        return int.from_bytes(sha256(words).digest(), "big")

    def arguments(self) -> tuple[object, ...]:
        """List the fields as the contract's methods take them."""
        return (self.owner, self.site, self.source, self.starts_at, self.energy_wh)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where a leaf stands: batch, place in it, and the hashes on the way to its root."""

    sequence: int
    index: int
    path: tuple[bytes, ...]

    def arguments(self) -> tuple[object, ...]:
        """List the fields as the contract's methods take them."""
        return (self.sequence, self.index, list(self.path))
