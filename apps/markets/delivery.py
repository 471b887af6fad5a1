"""What was traded against what the meters say; imbalances are settled by rule."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from apps.common.bulk import bulk_copy
from apps.common.redis import publish
from apps.dispatch.precedence import sites_asked
from apps.markets.books import Cause, Entry, own_accounts, participants_accounts, transfer
from apps.markets.carbon import carbon_note
from apps.markets.clearing import kept
from apps.markets.inputs import inputs_from
from apps.markets.models import (
    Account,
    ClearingRun,
    Delivery,
    DeliveryBatch,
    LogEntry,
    Market,
    Order,
    ParticipantSite,
    Posting,
    Transfer,
)
from apps.markets.schedules import positions
from apps.markets.sealing import Subject, delivery_leaves, seal
from apps.telemetry.selectors import register_readings

log = logging.getLogger(__name__)
DATA_DUE: Final = timedelta(minutes=10)
GIVEN_UP: Final = timedelta(days=2)
MARGIN: Final = timedelta(minutes=5)
NOT_METERED: Final = "no usable meter data; nothing is charged"


def deliveries_settle_due(*, now: datetime) -> int:
    """Settle the intervals whose data has had its time; one with missing meters waits for them, two days at most."""
    due = ClearingRun.objects.filter(
        state=ClearingRun.State.DONE, deliveries=None, ends_at__lte=now - DATA_DUE, volume_wh__gt=0
    )
    made = 0
    for run in due.select_related("market__organization").order_by("ends_at", "pk"):
        try:
            made += delivery_settle(run=run, now=now) is not None
        except Exception:
            log.exception("deliveries of run %s could not be settled, trying again next time", run.pk)
    return made


@transaction.atomic
def delivery_settle(*, run: ClearingRun, now: datetime) -> DeliveryBatch | None:
    """Settle one run's imbalances; None where meters are missing that may still come, or it was settled already."""
    held = (
        ClearingRun.objects.select_for_update(of=("self",))
        .select_related("market__organization")
        .get(pk=run.pk)
    )
    if held.state != ClearingRun.State.DONE or DeliveryBatch.objects.filter(run=held).exists():
        return None
    market = held.market
    lines = _lines(held, market)
    if any(one.status == Delivery.Status.MISSING for one in lines) and now < held.ends_at + GIVEN_UP:
        return None
    batch = DeliveryBatch.objects.create(
        run=held,
        created_at=now,
        short_price_micro=market.short_price_micro,
        long_price_micro=market.long_price_micro,
    )
    carbon_note(run=held, market=market)  # what was forecast may be known better now
    for one in lines:
        one.batch = batch
    bulk_copy(Delivery, lines)
    _book(market, batch, lines=lines, now=now)
    facts = {"short_price_micro": batch.short_price_micro, "long_price_micro": batch.long_price_micro}
    seal(
        subject=Subject.of_run(held, kind=LogEntry.Kind.DELIVERY, facts=facts),
        leaves=delivery_leaves(lines=lines),
        now=now,
    )
    transaction.on_commit(lambda: publish("markets", [str(market.pk)]))
    return batch


def imbalance_nano(imbalance_wh: int, *, short_price_micro: int, long_price_micro: int) -> int:
    """Return what is paid for an imbalance (got is negative): above zero is more drawn, or less given, than the position."""
    return imbalance_wh * (short_price_micro if imbalance_wh > 0 else long_price_micro)


def _lines(run: ClearingRun, market: Market) -> list[Delivery]:
    ids = [line.key for line in inputs_from(kept(run)[0]).orders]
    here = Q(starts_at=run.starts_at) | Q(
        firm=False
    )  # a session's inputs name its other intervals' orders too
    orders = list(Order.objects.filter(here, pk__in=ids).order_by("pk"))
    trades = list(run.trades.order_by("order_id"))
    planned = positions(orders=orders, trades=trades)
    traded: dict[int, int] = {}
    for trade in trades:
        traded[trade.participant_id] = traded.get(trade.participant_id, 0) + trade.side * trade.energy_wh
    homes: dict[int, list[int]] = {}
    for who, site_id in ParticipantSite.objects.filter(market=market).values_list(
        "participant_id", "site_id"
    ):
        homes.setdefault(who, []).append(site_id)
    metered = metered_wh(site_ids=sorted(site for who in traded for site in homes.get(who, [])), run=run)
    asked = sites_asked(organization=market.organization, starts_at=run.starts_at, ends_at=run.ends_at)
    return [
        _line(
            Delivery(participant_id=who, traded_wh=traded[who], position_wh=planned.get(who, 0)),
            meters=[metered[site] for site in homes.get(who, [])],
            events=[asked[site] for site in homes.get(who, []) if site in asked],
            market=market,
        )
        for who in sorted(traded)
    ]


def _line(line: Delivery, *, meters: Sequence[int | None], events: Sequence[str], market: Market) -> Delivery:
    known = [value for value in meters if value is not None]
    if len(known) < len(meters) or not meters:
        line.status, line.note = Delivery.Status.MISSING, NOT_METERED
        return line
    line.metered_wh = sum(known)
    line.imbalance_wh = line.metered_wh - line.position_wh
    if events:
        line.status, line.note = (
            Delivery.Status.EXCUSED,
            f"the event {events[0]} went first; nothing is charged"[:200],
        )
        return line
    line.status = Delivery.Status.MEASURED
    line.pay_nano = imbalance_nano(
        line.imbalance_wh,
        short_price_micro=market.short_price_micro,
        long_price_micro=market.long_price_micro,
    )
    return line


def metered_wh(*, site_ids: Sequence[int], run: ClearingRun) -> Mapping[int, int | None]:
    """Return what each home drew less what it fed in during a run's interval [Wh]; None where meters do not say."""
    from vpp.intervals import Grid
    from vpp.settlement.metering import interval_energies

    readings = register_readings(
        site_ids=site_ids, starts_at=run.starts_at - MARGIN, ends_at=run.ends_at + MARGIN
    )
    grid = Grid(run.starts_at, round((run.ends_at - run.starts_at).total_seconds()), 1)
    found: dict[int, int | None] = {}
    for site_id, rows in readings.items():
        net_kwh = interval_energies(
            at_ms=[round(row.at.timestamp() * 1000) for row in rows],
            import_kwh=[row.import_kwh for row in rows],
            export_kwh=[row.export_kwh for row in rows],
            grid=grid,
        ).net_kwh
        found[site_id] = None if net_kwh[0] != net_kwh[0] else round(float(net_kwh[0]) * 1000)
    return found


def _book(market: Market, batch: DeliveryBatch, *, lines: Sequence[Delivery], now: datetime) -> None:
    accounts = participants_accounts(market=market)
    own = own_accounts(market=market)[Account.Kind.IMBALANCE]
    charged = [one for one in lines if one.status == Delivery.Status.MEASURED]
    entries = [
        Entry(accounts[one.participant_id], Posting.Line.IMBALANCE, -one.pay_nano, one.imbalance_wh)
        for one in charged
    ]
    paid, energy = sum(one.pay_nano for one in charged), sum(one.imbalance_wh for one in charged)
    entries.append(Entry(own, Posting.Line.IMBALANCE, paid, -energy))
    cause = Cause(
        Transfer.Kind.IMBALANCE, f"imbalance of {batch.run.starts_at.isoformat()}", run=batch.run, batch=batch
    )
    transfer(market=market, cause=cause, entries=entries, now=now)
