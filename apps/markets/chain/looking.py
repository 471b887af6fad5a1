"""What the chain holds of deposits that were made before their bids."""

from datetime import UTC, datetime

from django.conf import settings

from apps.accounts.models import Organization
from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.parties import price_limit_units
from apps.markets.models import ChainDeposit, ChainEscrow

MOST = 500


def deposits_look(*, organization: Organization, market: EnergyMarket, now: datetime) -> int:
    """Note what is deposited for bids that are not placed yet; return how many hold what their bids cost."""
    used = ChainEscrow.objects.filter(order__market__organization=organization).values("order_hash")
    found = ChainDeposit.objects.filter(participant__market__organization=organization)
    waiting = list(found.exclude(order_hash__in=used).order_by("-pk")[:MOST])
    for one in waiting:
        held = market.escrow(one.address, bytes(one.order_hash))
        enough = held.price_limit >= price_limit_units(one)
        nano = held.left // int(settings.MARKET_CHAIN_UNITS_PER_NANO) if enough else 0
        one.held_nano = min(nano, one.cost_nano)
        one.expires_at = datetime.fromtimestamp(held.expires_at, UTC) if held.expires_at else None
        one.seen_at = now
    ChainDeposit.objects.bulk_update(waiting, ["held_nano", "expires_at", "seen_at"])
    return sum(one.held_nano >= one.cost_nano for one in waiting)
