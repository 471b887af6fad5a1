"""What a kWh from outside a market emits: by greenhouse-gas signals where they say it, else the market's yearly figure."""

import dataclasses
from datetime import datetime, timedelta

from django.db.models import F, FloatField, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce

from apps.markets.models import ClearingRun, Market, Order, Participant, Trade
from apps.markets.selectors import trades_of_participant
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_of_organization
from apps.sites.selectors import areas_feeding

MINUTE = timedelta(minutes=1)


@dataclasses.dataclass(frozen=True)
class Carbon:
    """Grams of CO2e of a kWh, and whose word it is."""

    g_per_kwh: float
    source: str


def carbon_told(*, market: Market, starts_at: datetime, ends_at: datetime) -> Carbon | None:
    """Return the mean of what signals said of an interval, the newest word counting; None where they leave a gap.

    Signals without targets count, and those that name the market's grid area or one that feeds it.
    """
    minutes: list[Carbon | None] = [None] * ((ends_at - starts_at) // MINUTE)
    for signal in _signals(market, starts_at, ends_at=ends_at):
        for place in range(len(minutes)):
            value = _value_at(signal, starts_at + place * MINUTE)
            if value is not None:
                minutes[place] = Carbon(value, signal.name or "a grid signal")
    known = [one for one in minutes if one is not None]
    if not minutes or len(known) < len(minutes):
        return None
    sources = sorted({one.source for one in known})
    return Carbon(round(sum(one.g_per_kwh for one in known) / len(known), 3), ", ".join(sources)[:200])


def carbon_note(*, run: ClearingRun, market: Market) -> None:
    """Keep with a run what is known now of its interval's carbon."""
    found = carbon_told(market=market, starts_at=run.starts_at, ends_at=run.ends_at)
    if found is not None:
        run.carbon_g_per_kwh, run.carbon_source = found.g_per_kwh, found.source
        run.save(update_fields=["carbon_g_per_kwh", "carbon_source"])


def carbon_of(*, run: ClearingRun, market: Market) -> Carbon | None:
    """Return what a kWh from outside emitted in a run's interval; None where nobody has said."""
    if run.carbon_g_per_kwh is not None:
        return Carbon(run.carbon_g_per_kwh, run.carbon_source)
    if market.carbon_g_per_kwh is not None:
        return Carbon(float(market.carbon_g_per_kwh), market.carbon_source)
    return None


def carbon_spared_g(*, participant: Participant, since: datetime) -> float | None:
    """Return what the green part of the energy bought would have emitted as grid energy; None where nobody has said."""
    bought = trades_of_participant(participant=participant).filter(
        side=Order.Side.BID, run__starts_at__gte=since
    )
    found: float | None = _with_carbon(bought).aggregate(sum=Sum(F("green_wh") * F("carbon") / 1000.0))["sum"]
    return found


def _with_carbon(trades: QuerySet[Trade]) -> QuerySet[Trade]:
    yearly = Cast("run__market__carbon_g_per_kwh", FloatField())
    told = trades.order_by().annotate(carbon=Coalesce("run__carbon_g_per_kwh", yearly))
    return told.exclude(carbon=None)


def _signals(market: Market, starts_at: datetime, *, ends_at: datetime) -> list[GridSignal]:
    names = {area.name for area in areas_feeding(area=market.grid_area)}
    found = signals_of_organization(organization=market.organization).filter(
        kind=GridSignal.Kind.GHG, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    stands = found.exclude(state=GridSignal.State.CANCELED).order_by("received_at", "pk")
    return [one for one in stands if not one.targets or names & set(one.targets)]


def _value_at(signal: GridSignal, at: datetime) -> float | None:
    if not signal.starts_at <= at < signal.ends_at or not signal.values:
        return None
    place = (at - signal.starts_at) // timedelta(seconds=signal.interval_s)
    return signal.values[place] if place < len(signal.values) else None
