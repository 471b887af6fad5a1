"""A chain of a test's own: py-evm in this process, with the market's contract on it."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3
from web3.exceptions import Web3RPCError
from web3.logs import DISCARD

from apps.markets.chain.contract import artifact
from apps.markets.chain.leaves import Deployment, OriginLeaf, Sealed, TradeLeaf
from tests.evm.merkle import path_of, root_of

# The first account of eth-tester, which has this key on every chain that it makes.
OPERATOR_KEY = "0x" + "00" * 31 + "01"
HOUR, DAY = 3600, 86400
GAS = 3_000_000
# Later than any clock that runs these tests: from then on every block is one second after the one before.
BEGINNING = 4_000_000_000 // DAY * DAY
HEAD = b"\x77" * 32


def word(value: int) -> bytes:
    """A hash that stands for something."""
    return value.to_bytes(32, "big")


@cache
def compiled(name: str) -> tuple[Any, str]:
    """Compile a contract of the tests."""
    source = Path(__file__).parent / "contracts" / f"{name}.vy"
    command = [str(Path(sys.executable).parent / "vyper"), "-f", "abi,bytecode", str(source)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return json.loads(said[0]), said[1]


@dataclass
class Chain:
    """The chain, its people, and one market."""

    tester: Any = field(default_factory=lambda: EthereumTester(PyEVMBackend()))
    shortest_escrow: int = HOUR
    certificate_period: int = DAY

    def __post_init__(self) -> None:
        self.tester.time_travel(BEGINNING)
        self.web3: Any = Web3(EthereumTesterProvider(self.tester))
        people: list[str] = list(self.web3.eth.accounts)
        self.operator, self.ann, self.bob, self.eve = people[:4]
        self.others = people[4:]
        built = artifact()
        made = self.web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
        arguments = (self.shortest_escrow, self.certificate_period)
        sent = made.constructor(*arguments).transact({"from": self.operator, "gas": 6_000_000})
        at = self.web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        assert at is not None
        self.market = self.web3.eth.contract(address=at, abi=built["abi"])
        self.deployment = Deployment(self.web3.eth.chain_id, at)

    def now(self) -> int:
        """The time of the block that comes next."""
        return int(self.tester.get_block_by_number("pending")["timestamp"])

    def ask(self, name: str, *arguments: object) -> Any:
        """What a method answers."""
        return self.market.functions[name](*arguments).call()

    def tell(self, sender: str, name: str, *arguments: object, value: int = 0) -> Any:
        """Send a transaction that has to be carried out; return its receipt."""
        receipt = self.sent(sender, name, *arguments, value=value)
        assert receipt["status"] == 1, self.refusal(sender, name, *arguments, value=value)
        return receipt

    def sent(self, sender: str, name: str, *arguments: object, value: int = 0) -> Any:
        """Send a transaction, whatever comes of it; return its receipt."""
        order: Any = {"from": sender, "gas": GAS, "value": value}
        return self.web3.eth.wait_for_transaction_receipt(
            self.market.functions[name](*arguments).transact(order)
        )

    def refusal(self, sender: str, name: str, *arguments: object, value: int = 0) -> str:
        """Why a transaction is refused; nothing if it is not."""
        order: Any = {"from": sender, "gas": GAS, "value": value}
        return self.reason_of(self.market.functions[name](*arguments), order)

    @staticmethod
    def reason_of(function: Any, order: dict[str, Any]) -> str:
        """Why the EVM refuses a call; nothing if it does not."""
        try:
            function.call(order, "pending")
        except (TransactionFailed, Web3RPCError) as error:
            return str(error).removeprefix("execution reverted: ")
        return ""

    def install(self, name: str, *arguments: object, value: int = 0) -> Any:
        """Put one of the contracts beside this file on the chain."""
        abi, bytecode = compiled(name)
        made: Any = self.web3.eth.contract(abi=abi, bytecode=bytecode).constructor(*arguments)
        sent = made.transact({"from": self.eve, "gas": GAS, "value": value})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=abi)

    def told(self, name: str, receipt: Any) -> dict[str, Any]:
        """The one event of a name that a transaction left."""
        (event,) = self.market.events[name]().process_receipt(receipt, errors=DISCARD)
        return dict(event["args"])

    def seal(self, leaves: list[bytes]) -> list[Sealed]:
        """Anchor a batch of leaves' data; return where each stands."""
        sequence = self.ask("next_sequence")
        self.tell(self.operator, "anchor", sequence, root_of(leaves), HEAD, len(leaves))
        return [Sealed(sequence, index, tuple(path_of(index, leaves))) for index in range(len(leaves))]

    def seal_trades(self, *trades: TradeLeaf) -> list[Sealed]:
        """Anchor a batch of trades."""
        return self.seal([trade.data(self.deployment) for trade in trades])

    def seal_origins(self, *origins: OriginLeaf) -> list[Sealed]:
        """Anchor a batch of productions."""
        return self.seal([origin.data(self.deployment) for origin in origins])

    def deposit(
        self, buyer: str, order: bytes, *, amount: int, price_limit: int = 10**9, seconds: int = DAY
    ) -> None:
        """Put money aside for an order."""
        self.tell(buyer, "deposit", order, price_limit, self.now() + seconds, value=amount)

    def pass_time(self, seconds: int) -> None:
        """Let time pass on the chain."""
        self.tester.time_travel(self.now() + seconds)

    def held(self) -> int:
        """What the contract holds."""
        return int(self.web3.eth.get_balance(self.market.address))
