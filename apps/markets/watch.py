"""What operators are told of markets: those that are paused."""

from collections import defaultdict
from datetime import datetime

from apps.alerts.services import Found, IncidentKind, conditions_hold_everywhere, rules_of_kind
from apps.markets.models import Market


def markets_watch(*, now: datetime) -> None:
    """Look at every market's state."""
    kind = IncidentKind.MARKET_PAUSED
    found = defaultdict(list)
    for market in Market.objects.filter(state=Market.State.PAUSED).order_by("pk"):
        one = Found(f"market:{market.pk}", f"{market.name} is paused", market.state_reason)
        found[market.organization_id].append(one)
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules_of_kind(kind=kind))
