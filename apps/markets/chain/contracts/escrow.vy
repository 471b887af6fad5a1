# pragma version ^0.4.3
"""
@title Deposits for orders, paid out per sealed trade, refunded after their time
@notice A deposit pays for one order: never more than was put in, never above the buyer's price. Money leaves by withdrawal only.
"""

import merkle
import control
import anchors

uses: control
uses: anchors

struct Escrow:
    left: uint256
    price_limit: uint256
    expires_at: uint256

event Deposited:
    buyer: indexed(address)
    order: indexed(bytes32)
    amount: uint256
    price_limit: uint256
    expires_at: uint256

event PaidOut:
    trade: indexed(bytes32)
    buyer: indexed(address)
    seller: indexed(address)
    order: bytes32
    amount: uint256
    energy_wh: uint256

event Refunded:
    buyer: indexed(address)
    order: indexed(bytes32)
    amount: uint256

event Withdrawn:
    owner: indexed(address)
    to: indexed(address)
    amount: uint256

# "ores.market.trade.v1", filled up with zeros: no other kind of leaf begins like it.
TRADE: constant(bytes32) = 0x6f7265732e6d61726b65742e74726164652e7631000000000000000000000000
LONGEST_ESCROW: constant(uint256) = 366 * 86400
MOST_WH: constant(uint256) = 2**64 - 1
HIGHEST_PRICE: constant(uint256) = 2**128

SHORTEST_ESCROW: public(immutable(uint256))

escrows: public(HashMap[address, HashMap[bytes32, Escrow]])
claimable: public(HashMap[address, uint256])
settled: public(HashMap[bytes32, bool])
total_escrowed: public(uint256)
total_claimable: public(uint256)


@deploy
def __init__(shortest_escrow: uint256):
    assert shortest_escrow <= LONGEST_ESCROW, "escrow too long"
    SHORTEST_ESCROW = shortest_escrow


@payable
@nonreentrant
@external
def deposit(order: bytes32, price_limit: uint256, expires_at: uint256):
    """
    @notice Puts money aside for one order of the sender.
    @param order The order's salted hash; used once
    @param price_limit The most the buyer pays [smallest unit per kWh]
    @param expires_at From then on [Unix seconds] nothing is paid out and the rest can be refunded
    """
    control._only_running()
    assert msg.value != 0, "nothing deposited"
    assert price_limit <= HIGHEST_PRICE, "price limit too high"
    assert self.escrows[msg.sender][order].expires_at == 0, "order used"
    assert expires_at >= block.timestamp + SHORTEST_ESCROW, "expires too soon"
    assert expires_at <= block.timestamp + LONGEST_ESCROW, "expires too late"
    self.escrows[msg.sender][order] = Escrow(left=msg.value, price_limit=price_limit, expires_at=expires_at)
    self.total_escrowed += msg.value
    log Deposited(buyer=msg.sender, order=order, amount=msg.value, price_limit=price_limit, expires_at=expires_at)


@view
@internal
def _trade_leaf(trade: bytes32, buyer: address, order: bytes32, seller: address, amount: uint256, energy_wh: uint256) -> bytes32:
    return sha256(concat(0x00, abi_encode(TRADE, chain.id, self, trade, buyer, order, seller, amount, energy_wh)))


@view
@external
def trade_leaf(trade: bytes32, buyer: address, order: bytes32, seller: address, amount: uint256, energy_wh: uint256) -> bytes32:
    """
    @notice The leaf hash under which a trade must be sealed to be paid out here.
    """
    return self._trade_leaf(trade, buyer, order, seller, amount, energy_wh)


@nonreentrant
@external
def pay_out(
    trade: bytes32,
    buyer: address,
    order: bytes32,
    seller: address,
    amount: uint256,
    energy_wh: uint256,
    sequence: uint256,
    index: uint256,
    path: DynArray[bytes32, merkle.MAX_PATH],
):
    """
    @notice Moves a sealed trade's money from the buyer's escrow to what the seller can withdraw. Anyone may bring the proof.
    """
    control._only_running()
    assert seller != empty(address), "no seller"
    assert not self.settled[trade], "trade settled"
    escrow: Escrow = self.escrows[buyer][order]
    assert block.timestamp < escrow.expires_at, "escrow expired"
    assert amount <= escrow.left, "escrow too small"
    assert energy_wh <= MOST_WH, "too much energy"
    assert amount * 1000 <= escrow.price_limit * energy_wh, "above the price limit"
    anchors._require_sealed(self._trade_leaf(trade, buyer, order, seller, amount, energy_wh), sequence, index, path)
    self.settled[trade] = True
    self.escrows[buyer][order].left = escrow.left - amount
    self.total_escrowed -= amount
    self._owe(seller, amount)
    log PaidOut(trade=trade, buyer=buyer, seller=seller, order=order, amount=amount, energy_wh=energy_wh)


@nonreentrant
@external
def refund(buyer: address, order: bytes32):
    """
    @notice Gives the rest of an escrow back to its buyer: after its time by anyone, before by the operator only.
    """
    escrow: Escrow = self.escrows[buyer][order]
    assert escrow.left != 0, "nothing left"
    assert block.timestamp >= escrow.expires_at or msg.sender == control.operator, "not expired"
    self.escrows[buyer][order].left = 0
    self.total_escrowed -= escrow.left
    self._owe(buyer, escrow.left)
    log Refunded(buyer=buyer, order=order, amount=escrow.left)


@nonreentrant
@external
def withdraw(to: address):
    """
    @notice Sends all that is owed to the sender where the sender wants it. Works while paused.
    """
    amount: uint256 = self.claimable[msg.sender]
    assert amount != 0, "nothing owed"
    assert to != empty(address) and to != self, "bad destination"
    self.claimable[msg.sender] = 0
    self.total_claimable -= amount
    log Withdrawn(owner=msg.sender, to=to, amount=amount)
    raw_call(to, b"", value=amount)


@internal
def _owe(owner: address, amount: uint256):
    self.claimable[owner] += amount
    self.total_claimable += amount
