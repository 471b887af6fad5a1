# pragma version ^0.4.3
"""
@title Who operates the market, and its emergency brake
@notice The brake stops what is new; it never stops refunds and withdrawals.
"""

event OperatorOffered:
    operator: indexed(address)

event OperatorChanged:
    operator: indexed(address)

event Paused:
    paused: bool

operator: public(address)
offered_to: public(address)
paused: public(bool)


@deploy
def __init__():
    self.operator = msg.sender
    log OperatorChanged(operator=msg.sender)


@internal
def _only_operator():
    assert msg.sender == self.operator, "not the operator"


@internal
def _only_running():
    assert not self.paused, "paused"


@external
def pause():
    self._only_operator()
    self.paused = True
    log Paused(paused=True)


@external
def resume():
    self._only_operator()
    self.paused = False
    log Paused(paused=False)


@external
def offer_operator(to: address):
    """
    @notice Names the next operator, who takes over by accepting: a mistyped address takes nothing.
    """
    self._only_operator()
    self.offered_to = to
    log OperatorOffered(operator=to)


@external
def accept_operator():
    assert msg.sender == self.offered_to, "not offered"
    self.operator = msg.sender
    self.offered_to = empty(address)
    log OperatorChanged(operator=msg.sender)
