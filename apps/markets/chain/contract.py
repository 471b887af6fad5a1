"""The deployed contract, as the operator uses it."""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

from django.conf import settings

from apps.markets.chain.compiling import ARTIFACT
from apps.markets.chain.errors import ChainConfigurationError, ChainOffError
from apps.markets.chain.leaves import Deployment, OriginLeaf, Sealed, TradeLeaf
from apps.markets.chain.node import Node, connect, failures
from apps.markets.chain.roots import SealedRoot


@dataclass(frozen=True, slots=True)
class Escrow:
    """A deposit: what is left of it, the most it pays per kWh [smallest unit], and its end [Unix seconds]."""

    left: int
    price_limit: int
    expires_at: int


class EnergyMarket:
    """One contract on one chain, reached with the operator's key."""

    def __init__(self, node: Node, deployment: Deployment) -> None:
        node.check_chain(deployment.chain_id)
        deployment.words()
        self.deployment = deployment
        self._node = node
        with failures():
            address = node.web3.to_checksum_address(deployment.contract)
            self._contract = node.web3.eth.contract(address=address, abi=artifact()["abi"])
            if not node.web3.eth.get_code(address):
                raise ChainConfigurationError(f"there is no contract at {deployment.contract}")

    @classmethod
    def from_settings(cls) -> Self:
        """Connect as the settings say."""
        if not settings.MARKET_CHAIN_CONTRACT:
            raise ChainOffError("MARKET_CHAIN_CONTRACT is not set: market_chain_deploy makes one")
        deployment = Deployment(settings.MARKET_CHAIN_ID, settings.MARKET_CHAIN_CONTRACT)
        return cls(node_from_settings(), deployment)

    @classmethod
    def deploy(cls, node: Node, *, shortest_escrow_s: int, certificate_period_s: int) -> Self:
        """Put a new contract on the chain; the key that signs becomes its operator."""
        built = artifact()
        with failures():
            made = node.web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
            chain_id = node.web3.eth.chain_id
        receipt = node.send(made.constructor(shortest_escrow_s, certificate_period_s))
        return cls(node, Deployment(chain_id, receipt["contractAddress"]))

    def ask(self, name: str, *arguments: object) -> Any:
        """Ask one of its methods."""
        return self._node.call(self._contract.functions[name](*arguments))

    def tell(self, name: str, *arguments: object) -> None:
        """Send a transaction to one of its methods."""
        self._node.send(self._contract.functions[name](*arguments))

    def next_sequence(self) -> int:
        """Count the anchored batches."""
        return int(self.ask("next_sequence"))

    def anchored(self, sequence: int) -> SealedRoot:
        """Read an anchored batch."""
        root, head, size, _ = self.ask("anchored", sequence)
        return SealedRoot(sequence=sequence, root=root, head=head, size=size)

    def anchor(self, sealed: SealedRoot) -> None:
        """Anchor the next batch."""
        self.tell("anchor", sealed.sequence, sealed.root, sealed.head, sealed.size)

    def pay_out(self, trade: TradeLeaf, sealed: Sealed) -> None:
        """Pay a sealed trade from its buyer's escrow."""
        buyer, seller = (self._node.checksum(one) for one in (trade.buyer, trade.seller))
        spelled = replace(trade, buyer=buyer, seller=seller)
        self.tell("pay_out", *spelled.arguments(), *sealed.arguments())

    def mint(self, origin: OriginLeaf, sealed: Sealed) -> None:
        """Mint the credits of a sealed production."""
        spelled = replace(origin, owner=self._node.checksum(origin.owner))
        self.tell("mint", *spelled.arguments(), *sealed.arguments())

    def operator(self) -> str:
        """Ask who operates it."""
        return str(self.ask("operator"))

    def is_settled(self, trade: bytes) -> bool:
        """Ask whether a trade is paid."""
        return bool(self.ask("settled", trade))

    def is_minted(self, certificate_id: int) -> bool:
        """Ask whether a certificate has credits already."""
        return bool(self.ask("certificates", certificate_id)[3])

    def certificate_period_s(self) -> int:
        """Ask how long a certificate's period is."""
        return int(self.ask("CERTIFICATE_PERIOD"))

    def escrow(self, buyer: str, order: bytes) -> Escrow:
        """Read what is put aside for an order."""
        return Escrow(*(int(value) for value in self.ask("escrows", self._node.checksum(buyer), order)))

    def refund(self, buyer: str, order: bytes) -> None:
        """Give the rest of a deposit back to its buyer."""
        self.tell("refund", self._node.checksum(buyer), order)


def node_from_settings() -> Node:
    """Connect to the node of the settings."""
    if not settings.MARKET_CHAIN_URL:
        raise ChainOffError("MARKET_CHAIN_URL is not set: markets use no chain")
    node = connect(
        settings.MARKET_CHAIN_URL, key=settings.MARKET_CHAIN_KEY, timeout_s=settings.MARKET_CHAIN_TIMEOUT_S
    )
    node.check_chain(settings.MARKET_CHAIN_ID)
    return node


@cache
def artifact() -> dict[str, Any]:
    """Read what the contract compiles to."""
    read: dict[str, Any] = json.loads(ARTIFACT.read_text())
    return read
