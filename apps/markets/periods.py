"""A market's delivery intervals, and the sessions of one or several intervals that one gate closes for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apps.markets.errors import OrderEarlyError, OrderLateError, PeriodInvalidError
from apps.markets.models import Market

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_S = 86_400


class Ordered(Protocol):
    """What is ordered from an interval on, in one or, by its profile, in several."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def quantity_wh(self) -> float: ...
    @property
    def profile_wh(self) -> list[int]: ...


def length(market: Market) -> timedelta:
    """Return how long one interval is."""
    return timedelta(seconds=market.interval_s)


def session_length(market: Market) -> timedelta:
    """Return how long the intervals are that are cleared together."""
    return length(market) * market.session_intervals


def session_of(market: Market, starts_at: datetime) -> datetime:
    """Return the start of an interval's session."""
    return starts_at - (starts_at - EPOCH) % session_length(market)


def intervals_of(market: Market, starts_at: datetime) -> list[datetime]:
    """Return the starts of all intervals of an interval's session."""
    first = session_of(market, starts_at)
    return [first + index * length(market) for index in range(market.session_intervals)]


def gate_closes_at(market: Market, starts_at: datetime) -> datetime:
    """Return when the last order for an interval is taken."""
    return session_of(market, starts_at) - timedelta(seconds=market.gate_closure_s)


def first_open(market: Market, now: datetime) -> datetime:
    """Return the start of the first session whose gate is open."""
    return session_of(market, now + timedelta(seconds=market.gate_closure_s)) + session_length(market)


def energies(market: Market, order: Ordered) -> Mapping[datetime, int]:
    """Return what an order is about in each of its intervals [Wh]."""
    if not order.profile_wh:
        return {order.starts_at: int(order.quantity_wh)}
    steps = enumerate(order.profile_wh)
    return {order.starts_at + index * length(market): wh for index, wh in steps if wh}


def energy_at(market: Market, order: Ordered, *, starts_at: datetime) -> int:
    """Return what an order is about in one interval [Wh]."""
    return energies(market, order).get(starts_at, 0)


def check_open(market: Market, starts_at: datetime, *, now: datetime) -> None:
    """Refuse an interval that is none, whose gate is closed, or that is too far ahead."""
    if starts_at.tzinfo is None:
        raise PeriodInvalidError("the start of delivery needs an offset: on the day clocks change it is two")
    if (starts_at - EPOCH) % length(market):
        raise PeriodInvalidError(f"delivery begins at whole multiples of {market.interval_s} seconds")
    if now >= gate_closes_at(market, starts_at):
        raise OrderLateError("the gate of this interval is closed")
    if now < session_of(market, starts_at) - timedelta(seconds=market.opens_s):
        raise OrderEarlyError("the market does not take orders for this interval yet")
