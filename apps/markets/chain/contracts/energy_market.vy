# pragma version ^0.4.3
# pragma evm-version paris
"""
@title A local energy market's settlement
@notice Roots of sealed batches, escrow for orders, pay-out per proven trade, certificates of origin. No personal data: identities are
        addresses and salted hashes.
"""

import control
import anchors
import escrow
import credits

initializes: control
initializes: anchors[control := control]
initializes: escrow[control := control, anchors := anchors]
initializes: credits[control := control, anchors := anchors]

exports: control.__interface__
exports: anchors.__interface__
exports: escrow.__interface__
exports: credits.__interface__


@deploy
def __init__(shortest_escrow: uint256, certificate_period: uint256):
    """
    @param shortest_escrow How long money is put aside at least [s]: time to clear, measure and pay out
    @param certificate_period The length of every certificate's period of production [s]
    """
    control.__init__()
    escrow.__init__(shortest_escrow)
    credits.__init__(certificate_period)
