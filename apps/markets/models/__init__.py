"""What markets keep, by noun."""

from apps.markets.models.delivery import Delivery, DeliveryBatch
from apps.markets.models.ledger import Account, LogEntry, LogLeaf, LogTree, Posting, Transfer
from apps.markets.models.market import Market, Participant, ParticipantSite, TermsAcceptance
from apps.markets.models.trading import ClearingRun, Cut, Order, RunContent, Trade

__all__ = [
    "Account",
    "ClearingRun",
    "Cut",
    "Delivery",
    "DeliveryBatch",
    "LogEntry",
    "LogLeaf",
    "LogTree",
    "Market",
    "Order",
    "Participant",
    "ParticipantSite",
    "Posting",
    "RunContent",
    "TermsAcceptance",
    "Trade",
    "Transfer",
]
