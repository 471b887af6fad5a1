"""What markets keep, by noun."""

from apps.markets.models.chain import ChainCredit, ChainDeposit, ChainEscrow, ChainParty, ChainTrade
from apps.markets.models.contract import Contract
from apps.markets.models.delivery import Delivery, DeliveryBatch
from apps.markets.models.ledger import Account, LogEntry, LogLeaf, LogTree, Posting, Transfer
from apps.markets.models.market import Market, Participant, ParticipantSite, TermsAcceptance
from apps.markets.models.network import AreaLine, AreaTie, NodePrice
from apps.markets.models.sharing import SharingCommunity, SharingCredit, SharingMember, SharingRun
from apps.markets.models.trading import ClearingRun, Cut, Order, ReserveAward, RunContent, Trade

__all__ = [
    "Account",
    "AreaLine",
    "AreaTie",
    "ChainCredit",
    "ChainDeposit",
    "ChainEscrow",
    "ChainParty",
    "ChainTrade",
    "ClearingRun",
    "Contract",
    "Cut",
    "Delivery",
    "DeliveryBatch",
    "LogEntry",
    "LogLeaf",
    "LogTree",
    "Market",
    "NodePrice",
    "Order",
    "Participant",
    "ParticipantSite",
    "Posting",
    "ReserveAward",
    "RunContent",
    "SharingCommunity",
    "SharingCredit",
    "SharingMember",
    "SharingRun",
    "TermsAcceptance",
    "Trade",
    "Transfer",
]
