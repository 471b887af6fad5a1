"""What homes and partners are told of markets at once: new terms, money paid out, intervals cleared."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from apps.alerts.services import (
    EventKind,
    Message,
    NotificationKind,
    event_publish,
    household_tell,
    households_tell,
)
from apps.markets.models import ClearingRun, Market, Participant, ParticipantSite


class TradingHome(NamedTuple):
    participant_id: int
    site_id: int
    zone: str


def trading_homes(parts: "QuerySet[ParticipantSite]") -> list[TradingHome]:
    """Return households that trade for themselves; an aggregator's homes are the aggregator's to tell."""
    own = parts.exclude(participant__kind=Participant.Kind.AGGREGATOR).order_by("site_id")
    return [TradingHome(*row) for row in own.values_list("participant_id", "site_id", "site__time_zone")]


def terms_tell(*, market: Market, now: datetime) -> int:
    """Tell the homes of a market that its terms have changed."""
    facts = {"market": market.name, "version": market.terms_version}
    messages = [
        Message(home.site_id, f"market:{market.pk}:terms:{market.terms_version}", facts)
        for home in trading_homes(ParticipantSite.objects.filter(market=market))
    ]
    return households_tell(kind=NotificationKind.TERMS_CHANGED, messages=messages, now=now)


def payout_tell(*, participant: Participant, amount: Decimal, transfer_id: int, now: datetime) -> int:
    """Tell a participant's home that money was paid out."""
    facts = {
        "market": participant.market.name,
        "amount": str(amount),
        "currency": participant.market.currency,
    }
    return sum(
        household_tell(
            site_id=home.site_id, kind=NotificationKind.PAYOUT, key=f"transfer:{transfer_id}", facts=facts, now=now
        )
        for home in trading_homes(participant.homes.all())
    )  # fmt: skip


def run_tell(*, market: Market, run: ClearingRun, now: datetime) -> None:
    """Tell partners that an interval was cleared."""
    data = {
        "market_id": market.pk, "run_id": run.pk, "starts_at": run.starts_at.isoformat(),
        "ends_at": run.ends_at.isoformat(), "version": run.version, "volume_wh": run.volume_wh,
        "buy_price_micro": run.buy_price_micro, "sell_price_micro": run.sell_price_micro,
    }  # fmt: skip
    event_publish(
        organization_id=market.organization_id,
        kind=EventKind.MARKET_CLEARED,
        key=str(run.pk),
        data=data,
        now=now,
    )
