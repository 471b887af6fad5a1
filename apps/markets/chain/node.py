"""A node of the chain, by `web3`: what is asked of it, what is signed and sent to it, and its failures under our names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from apps.markets.chain.errors import (
    ChainConfigurationError,
    ChainMissingError,
    ChainRefusedError,
    ChainUnconfirmedError,
    ChainUnreachableError,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3


class Node:
    """A connection that signs with one key, on one chain."""

    def __init__(self, web3: "Web3", *, key: str, timeout_s: float) -> None:
        self.web3 = web3
        self._timeout_s = timeout_s
        try:
            self.account: LocalAccount = web3.eth.account.from_key(key)
        except (ValueError, TypeError):
            raise ChainConfigurationError("MARKET_CHAIN_KEY is no private key") from None

    @property
    def address(self) -> str:
        """Who signs."""
        return self.account.address

    def check_chain(self, chain_id: int) -> None:
        """Refuse another chain than the one meant."""
        with failures():
            found = self.web3.eth.chain_id
        if found != chain_id:
            raise ChainConfigurationError(f"the node is on chain {found}, MARKET_CHAIN_ID says {chain_id}")

    def checksum(self, address: str) -> Any:
        """Spell an address as the library wants it."""
        return self.web3.to_checksum_address(address)

    def call(self, function: Any) -> Any:
        """Ask the contract."""
        with failures():
            return function.call({"from": self.address})

    def send(self, function: Any) -> Any:
        """Sign and send a transaction, and return its receipt once it is in a block."""
        with failures():
            nonce = self.web3.eth.get_transaction_count(self.account.address)
            transaction = function.build_transaction({"from": self.address, "nonce": nonce})
            signed = self.account.sign_transaction(transaction)
            sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
            receipt = self.web3.eth.wait_for_transaction_receipt(sent, timeout=self._timeout_s)
        if receipt["status"] != 1:
            raise ChainRefusedError(f"transaction {sent.to_0x_hex()} was reverted")
        return receipt


def connect(url: str, *, key: str, timeout_s: float) -> Node:
    """Make a connection by HTTP."""
    try:
        from web3 import HTTPProvider, Web3
    except ImportError as error:
        raise ChainMissingError("install requirements/chain.txt to use a chain") from error
    provider = HTTPProvider(url, request_kwargs={"timeout": timeout_s})
    return Node(Web3(provider), key=key, timeout_s=timeout_s)


@contextmanager
def failures() -> Iterator[None]:
    """Turn the library's failures into ours."""
    from requests.exceptions import RequestException
    from web3.exceptions import ContractLogicError, TimeExhausted, Web3Exception

    try:
        yield
    except ContractLogicError as error:
        raise ChainRefusedError(reason(error)) from error
    except TimeExhausted as error:
        raise ChainUnconfirmedError(
            "the transaction is in no block yet; what it did is seen next time"
        ) from error
    except (RequestException, OSError) as error:
        raise ChainUnreachableError(f"the node does not answer: {type(error).__name__}") from error
    except Web3Exception as error:
        raise ChainUnreachableError(f"the node answers {error}") from error


def reason(error: Exception) -> str:
    """Return the contract's own words."""
    return str(getattr(error, "message", "") or error).removeprefix("execution reverted: ")
