"""A market's delivery intervals and their gates."""

from datetime import UTC, datetime, timedelta

from apps.markets.errors import OrderEarlyError, OrderLateError, PeriodInvalidError
from apps.markets.models import Market

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_S = 86_400


def length(market: Market) -> timedelta:
    """Return how long one interval is."""
    return timedelta(seconds=market.interval_s)


def gate_closes_at(market: Market, starts_at: datetime) -> datetime:
    """Return when the last order for an interval is taken."""
    return starts_at - timedelta(seconds=market.gate_closure_s)


def first_open(market: Market, now: datetime) -> datetime:
    """Return the start of the first interval whose gate is open."""
    earliest = now + timedelta(seconds=market.gate_closure_s)
    return (
        earliest + (EPOCH - earliest) % length(market)
        if (earliest - EPOCH) % length(market)
        else (earliest + length(market))
    )


def check_open(market: Market, starts_at: datetime, *, now: datetime) -> None:
    """Refuse an interval that is none, whose gate is closed, or that is too far ahead."""
    if starts_at.tzinfo is None:
        raise PeriodInvalidError("the start of delivery needs an offset: on the day clocks change it is two")
    if (starts_at - EPOCH) % length(market):
        raise PeriodInvalidError(f"delivery begins at whole multiples of {market.interval_s} seconds")
    if now >= gate_closes_at(market, starts_at):
        raise OrderLateError("the gate of this interval is closed")
    if now < starts_at - timedelta(seconds=market.opens_s):
        raise OrderEarlyError("the market does not take orders for this interval yet")
