# pragma version ^0.4.3
# pragma evm-version paris
"""
@title Takes what it is owed, and on being paid asks again
"""

interface Market:
    def deposit(order: bytes32, price_limit: uint256, expires_at: uint256): payable
    def refund(buyer: address, order: bytes32): nonpayable
    def withdraw(to: address): nonpayable

market: Market
again: public(bool)
tried: public(uint256)


@deploy
def __init__(market: address):
    self.market = Market(market)


@payable
@external
def deposit(order: bytes32, expires_at: uint256):
    extcall self.market.deposit(order, 1, expires_at, value=msg.value)


@external
def take(again: bool):
    self.again = again
    extcall self.market.withdraw(self)


@external
def take_to(to: address):
    extcall self.market.withdraw(to)


@payable
@external
def __default__():
    if self.again:
        self.tried += 1
        raw_call(self.market.address, abi_encode(self, method_id=method_id("withdraw(address)")), revert_on_failure=True)
