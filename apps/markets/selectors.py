"""Reads of markets; each takes whose they are."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest, Least

from apps.accounts.models import Organization
from apps.markets.models import (
    Account,
    AreaLine,
    ChainParty,
    ClearingRun,
    Delivery,
    LogEntry,
    LogLeaf,
    Market,
    NodePrice,
    Order,
    Participant,
    Posting,
    Trade,
)
from apps.sites.models import Site
from apps.sites.selectors import areas_fed_by


@dataclasses.dataclass(frozen=True)
class Savings:
    """What trading did for a participant against the outside tariffs [1e-9 of the currency]; energies in Wh."""

    bought_wh: int
    sold_wh: int
    green_bought_wh: int
    paid_nano: int
    earned_nano: int
    fees_nano: int
    imbalance_nano: int
    saved_nano: int


@dataclasses.dataclass(frozen=True)
class ClearedPrice:
    """What a kWh cost in one cleared interval of a market [1e-6 of the currency]."""

    starts_at: datetime
    ends_at: datetime
    price_micro: int


def markets_of_organization(*, organization: Organization) -> QuerySet[Market]:
    """Return the tenant's markets."""
    found = Market.objects.filter(organization=organization)
    return found.select_related("grid_area", "organization").order_by("pk")


def market_of_site(*, site: Site) -> Market | None:
    """Return the market of the home's grid area: it states what a kWh costs and emits outside of it."""
    if site.grid_area_id is None:
        return None
    return (
        markets_of_organization(organization=site.organization).filter(grid_area_id=site.grid_area_id).first()
    )


def traded_kw(*, site: Site, now: datetime) -> float | None:
    """Return what the home trades with its neighbors now, buying above 0 [kW]; None where it takes no part."""
    if not participants_of_site(site=site):
        return None
    found = Trade.objects.filter(
        participant__homes__site=site, run__state=ClearingRun.State.DONE,
        run__starts_at__lte=now, run__ends_at__gt=now,
    ).exclude(participant__kind=Participant.Kind.AGGREGATOR)  # fmt: skip
    rows = found.values_list("side", "energy_wh", "run__starts_at", "run__ends_at")
    return sum((side * wh * 3.6 / (ends - starts).total_seconds() for side, wh, starts, ends in rows), 0.0)


def participants_of_organization(*, organization: Organization) -> QuerySet[Participant]:
    """Return who takes part in the tenant's markets."""
    found = Participant.objects.filter(market__organization=organization)
    return found.select_related("market__organization", "account").order_by("pk")


def participants_of_site(*, site: Site) -> list[Participant]:
    """Return the parts that trade for this home alone: what its household may see and change."""
    found = Participant.objects.filter(homes__site=site).exclude(kind=Participant.Kind.AGGREGATOR)
    return list(found.select_related("market__organization", "account").order_by("pk"))


def orders_of_organization(*, organization: Organization) -> QuerySet[Order]:
    """Return all orders on the tenant's markets, the newest first."""
    found = Order.objects.filter(market__organization=organization)
    return found.select_related("participant__market__organization").order_by("-pk")


def orders_of_participant(*, participant: Participant) -> QuerySet[Order]:
    """Return a participant's orders, those of the latest delivery first."""
    return Order.objects.filter(participant=participant).order_by("-starts_at", "-pk")


def runs_of_organization(*, organization: Organization) -> QuerySet[ClearingRun]:
    """Return the runs of the tenant's markets, the latest delivery first."""
    found = ClearingRun.objects.filter(market__organization=organization)
    return found.select_related("market__organization").order_by("-starts_at", "-version", "pk")


def runs_before(*, market: Market, before: ClearingRun | None, limit: int) -> tuple[list[ClearingRun], bool]:
    """Return at most `limit` of a market's runs older than one, or the newest, and whether there are more."""
    found = runs_of_organization(organization=market.organization).filter(market=market)
    if before is not None:
        found = found.filter(
            Q(starts_at__lt=before.starts_at) | Q(starts_at=before.starts_at, version__lt=before.version)
        )
    rows = list(found[: limit + 1])
    return rows[:limit], len(rows) > limit


def runs_together(*, run: ClearingRun, starts: Sequence[datetime]) -> list[ClearingRun]:
    """Return the runs of some intervals that were made with one, itself too, in order."""
    found = ClearingRun.objects.filter(market=run.market_id, starts_at__in=starts, version=run.version)
    return list(found.order_by("starts_at"))


def trades_of_organization(*, organization: Organization) -> QuerySet[Trade]:
    """Return the trades on the tenant's markets, the latest first."""
    found = Trade.objects.filter(run__market__organization=organization)
    return found.select_related("run__market", "participant").order_by("-run__starts_at", "-pk")


def trades_of_participant(*, participant: Participant) -> QuerySet[Trade]:
    """Return a participant's trades of runs that stand, the latest first."""
    found = Trade.objects.filter(participant=participant, run__state=ClearingRun.State.DONE)
    return found.select_related("run").order_by("-run__starts_at", "-pk")


def deliveries_of_participant(*, participant: Participant) -> QuerySet[Delivery]:
    """Return what a participant delivered, the latest first."""
    found = Delivery.objects.filter(participant=participant)
    return found.select_related("batch__run").order_by("-batch__run__starts_at", "-pk")


def statement_lines(*, participant: Participant, starts_at: datetime, ends_at: datetime) -> QuerySet[Posting]:
    """Return what was booked on a participant's account in a half-open period, in order."""
    found = Posting.objects.filter(account__participant=participant)
    period = found.filter(transfer__at__gte=starts_at, transfer__at__lt=ends_at)
    return period.select_related("transfer__run").order_by("transfer__at", "pk")


def account_before(*, participant: Participant, at: datetime) -> int:
    """Return what a participant's account held just before an instant [1e-9 of the currency]."""
    held = Posting.objects.filter(account__participant=participant, transfer__at__lt=at)
    total: int = held.aggregate(sum=Sum("amount_nano", default=0))["sum"]
    return int(total)


def participant_named(*, market: Market, name: str) -> Participant | None:
    """Return who takes part in a market by a name, however its letters are written."""
    found = list(Participant.objects.select_related("market").filter(market=market, name__iexact=name)[:2])
    exact = [one for one in found if one.name == name]
    return found[0] if len(found) == 1 else next(iter(exact), None)


def party_of(*, participant: Participant) -> ChainParty | None:
    """Return by which address of a chain a participant is paid, if by any."""
    return ChainParty.objects.filter(participant=participant).first()


def balance_nano(*, participant: Participant) -> int:
    """Return what a participant's account holds [1e-9 of the currency]."""
    return Account.objects.values_list("balance_nano", flat=True).get(participant=participant)


def savings_of(*, participant: Participant, since: datetime, until: datetime | None = None) -> Savings:
    """Compare a participant's trades of intervals since an instant, up to another, with the market's outside tariffs."""
    market = participant.market
    period = {"starts_at__gte": since} | ({} if until is None else {"starts_at__lt": until})
    rows = trades_of_participant(participant=participant)
    rows = rows.filter(**{f"run__{name}": at for name, at in period.items()})
    sums = {
        side: rows.filter(side=side).order_by().aggregate(
            energy=Sum("energy_wh", default=0), pay=Sum("pay_nano", default=0), fee=Sum("fee_nano", default=0),
            green=Sum("green_wh", default=0),
        )
        for side in (Order.Side.BID, Order.Side.OFFER)
    }  # fmt: skip
    bought, sold = sums[Order.Side.BID], sums[Order.Side.OFFER]
    late = deliveries_of_participant(participant=participant)
    late = late.filter(**{f"batch__run__{name}": at for name, at in period.items()})
    measured = late.filter(status=Delivery.Status.MEASURED).order_by()
    imbalance = measured.aggregate(pay=Sum("pay_nano", default=0))["pay"]
    outside = _outside_beside_position(measured, market=market)
    outside += market.import_tariff_micro * bought["energy"] - market.export_tariff_micro * sold["energy"]
    fees = bought["fee"] + sold["fee"]
    return Savings(
        bought["energy"], sold["energy"], bought["green"], bought["pay"], -sold["pay"], fees, imbalance,
        outside - bought["pay"] - sold["pay"] - fees - imbalance,
    )  # fmt: skip


def _outside_beside_position(measured: QuerySet[Delivery], *, market: Market) -> int:
    """What the outside tariffs would have charged for what was metered, less the same for the positions."""
    sums = {
        name: measured.aggregate(drawn=Sum(Greatest(name, 0), default=0), fed=Sum(Least(name, 0), default=0))
        for name in ("metered_wh", "position_wh")
    }
    drawn, fed = (sums["metered_wh"][way] - sums["position_wh"][way] for way in ("drawn", "fed"))
    return market.import_tariff_micro * int(drawn) + market.export_tariff_micro * int(fed)


def prices_cleared(
    *, market: Market, starts_at: datetime, ends_at: datetime, area_id: int | None = None
) -> list[ClearedPrice]:
    """Return buyers' prices of the intervals that were cleared and traded in a period, in order.

    Where a feeder's limits part the prices, that of a grid area's node counts; without an area such intervals have none.
    """
    found = ClearingRun.objects.filter(
        market=market, state=ClearingRun.State.DONE, starts_at__gte=starts_at, starts_at__lt=ends_at
    )
    node = NodePrice.objects.filter(run=OuterRef("pk"), grid_area=area_id).values("price_micro")[:1]
    priced = found.annotate(price=Coalesce("buy_price_micro", Subquery(node))).exclude(price=None)
    rows = priced.order_by("starts_at").values_list("starts_at", "ends_at", "price")
    return [ClearedPrice(begin, end, price) for begin, end, price in rows if price is not None]


def price_markets() -> list[Market]:
    """Return all tenants' markets whose prices are told to a program's subscribers, for the periodic work."""
    found = Market.objects.exclude(price_program=None).select_related(
        "organization", "price_program__organization"
    )
    return list(found.order_by("pk"))


def priced_runs(*, market: Market, now: datetime) -> list[ClearingRun]:
    """Return a market's runs with buyers' prices whose interval is not over, canceled ones too."""
    by_node = Exists(NodePrice.objects.filter(run=OuterRef("pk")).exclude(price_micro=None))
    found = ClearingRun.objects.filter(market=market, ends_at__gt=now)
    found = found.filter(Q(buy_price_micro__isnull=False) | by_node)
    return list(found.order_by("starts_at", "version"))


def lines_of_market(*, market: Market) -> QuerySet[AreaLine]:
    """Return the lines of a market's feeder, as far as they are known."""
    found = AreaLine.objects.filter(grid_area__in=areas_fed_by(area=market.grid_area))
    return found.select_related("grid_area").order_by("grid_area_id")


def nodes_of_run(*, run: ClearingRun) -> QuerySet[NodePrice]:
    """Return what a feeder's nodes came to in a run, the head first."""
    return NodePrice.objects.filter(run=run).order_by("place")


def log_of_organization(*, organization: Organization) -> QuerySet[LogEntry]:
    """Return the sealed entries, the newest first; they name no participant."""
    return LogEntry.objects.filter(organization=organization).order_by("-index")


def leaves_of_participant(*, participant: Participant) -> QuerySet[LogLeaf]:
    """Return what is sealed of a participant, the newest first."""
    found = LogLeaf.objects.filter(participant=participant).select_related("entry")
    return found.order_by("-entry__index", "position")


def leaf_of_trade(*, trade: Trade) -> LogLeaf | None:
    """Return the leaf that a trade was sealed as."""
    sealed = LogEntry.objects.filter(run=trade.run, kind=LogEntry.Kind.CLEARING)
    mine = LogLeaf.objects.filter(entry__in=sealed, participant=trade.participant_id).select_related("entry")
    return next((leaf for leaf in mine if json.loads(bytes(leaf.content))["order"] == trade.order_id), None)


def month_before(now: datetime) -> datetime:
    """Return the beginning of the thirty days before an instant."""
    return now - timedelta(days=30)
