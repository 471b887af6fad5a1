# pragma version ^0.4.3
# pragma evm-version paris
"""
@title Leaves its coins to another contract, which cannot refuse them
"""


@payable
@deploy
def __init__(to: address):
    selfdestruct(to)
