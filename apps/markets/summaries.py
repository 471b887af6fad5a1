"""What homes are told of their market in the morning: what they traded on the day before."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import F, Q, Sum

from apps.alerts.services import Message, NotificationKind, households_tell
from apps.markets.books import NANO
from apps.markets.models import ClearingRun, Market, Order, ParticipantSite, Trade
from apps.markets.telling import TradingHome, trading_homes

# From this hour of the home's morning on, yesterday is summed up.
MORNING: Final = 7
LAST: Final = 12


def summaries_tell(*, now: datetime) -> int:
    """Tell each home whose morning it is what it traded on the day before; return how many messages were new."""
    told = 0
    for market in Market.objects.order_by("pk"):
        homes = trading_homes(ParticipantSite.objects.filter(market=market))
        for zone in sorted({one.zone for one in homes}):
            local = now.astimezone(ZoneInfo(zone))
            if MORNING <= local.hour < LAST:
                there = [one for one in homes if one.zone == zone]
                told += _summaries(market, there, day=local.date() - timedelta(days=1), now=now)
    return told


def _summaries(market: Market, homes: Iterable[TradingHome], *, day: date, now: datetime) -> int:
    ones = list(homes)
    zone = ZoneInfo(ones[0].zone)
    starts_at, ends_at = (
        datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + timedelta(days=1))
    )
    trades = Trade.objects.filter(
        run__market=market, run__state=ClearingRun.State.DONE, run__starts_at__gte=starts_at,
        run__starts_at__lt=ends_at, participant_id__in=[one.participant_id for one in ones],
    )  # fmt: skip
    sums = trades.values("participant_id").annotate(
        bought=Sum("energy_wh", filter=Q(side=Order.Side.BID), default=0),
        sold=Sum("energy_wh", filter=Q(side=Order.Side.OFFER), default=0),
        nano=-Sum(F("pay_nano") + F("fee_nano")),
    )
    by_participant = {one["participant_id"]: one for one in sums}
    messages = [
        Message(home.site_id, f"market:{market.pk}:{day}", _facts(market, by_participant[home.participant_id], day=day))
        for home in ones
        if home.participant_id in by_participant
    ]  # fmt: skip
    return households_tell(kind=NotificationKind.MARKET_SUMMARY, messages=messages, now=now)


def _facts(market: Market, sums: Mapping[str, Any], *, day: date) -> dict[str, Any]:
    return {
        "market": market.name, "date": day.isoformat(), "bought_kwh": sums["bought"] / 1000,
        "sold_kwh": sums["sold"] / 1000, "amount": str(Decimal(sums["nano"]) / NANO), "currency": market.currency,
    }  # fmt: skip
