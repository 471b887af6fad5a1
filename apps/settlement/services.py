"""From the meters' registers to statements."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction
from django.db.models import Max

from apps.common.redis import publish
from apps.dispatch.selectors import asked_kw, baseline_kw
from apps.flexibility.selectors import flexibility_of_signal
from apps.programs.models import GridSignal, Program
from apps.programs.selectors import signals_in_states
from apps.programs.services import signal_set_state
from apps.settlement.models import SettlementRun, Statement, StatementLine
from apps.sites.models import Site
from apps.sites.selectors import sites_by_id
from apps.telemetry.selectors import register_readings
from vpp.dispatch.lifecycle import due
from vpp.intervals import Grid, Interval, to_ms
from vpp.settlement.delivery import DeliveredEnergy, delivered_energy
from vpp.settlement.fingerprint import fingerprint
from vpp.settlement.metering import interval_energies
from vpp.settlement.statement import PaymentRule, settle, settled_kwh

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)
# A home is paid for what it was asked and a little more, not for whatever its family happened to do.
CAP_OVER_ASKED = 1.2
READING_MARGIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Measured:
    """Delivered energy of the homes that were asked, and what was found at their meters."""

    sites: list[Site]
    energy: DeliveredEnergy
    faults: list[tuple[str, ...]]


def signals_settle_due(*, now: datetime) -> int:
    """Settle every ended signal whose late data has had its time; return how many."""
    settled = 0
    for signal in signals_in_states(states=[GridSignal.State.ENDED]):
        if due("ended", Interval(signal.starts_at, signal.ends_at), now=now) != "settle":
            continue
        try:
            settled += signal_settle(signal=signal, now=now, first_only=True) is not None
        except Exception:
            log.exception("grid signal %s could not be settled, trying again next time", signal.pk)
    return settled


def signal_settle(*, signal: GridSignal, now: datetime, first_only: bool = False) -> SettlementRun | None:
    """Compute a run from what is stored now; an earlier run stays as it was.

    With `first_only`, a signal that somebody else has settled in the meantime gets no second run.
    """
    grid = Grid(signal.starts_at, signal.interval_s, len(signal.target_kw))
    measured = _measure(signal, grid)
    rule = payment_rule(program=signal.program)
    homes = {
        str(site.pk): settled_kwh(row)
        for site, row in zip(measured.sites, measured.energy.delivered_kwh, strict=True)
    }
    statement = settle(rule, homes)
    inputs = {
        "baseline_kwh": measured.energy.baseline_kwh,
        "metered_kwh": measured.energy.metered_kwh,
        "sites": [site.pk for site in measured.sites],
        "statement": statement.inputs_hash,
    }
    with transaction.atomic():
        locked = GridSignal.objects.select_for_update().get(pk=signal.pk)
        if first_only and locked.state != GridSignal.State.ENDED:
            return None
        newest: int | None = locked.settlement_runs.aggregate(newest=Max("version"))["newest"]
        run = SettlementRun.objects.create(
            signal=locked,
            version=(newest or 0) + 1,
            created_at=now,
            rule={
                "method": statement.method,
                "energy_price": str(rule.energy_price),
                "event_payment": str(rule.event_payment),
            },
            input_hash=fingerprint(inputs),
            delivered_kwh=statement.delivered_kwh,
            amount=statement.total,
            currency=rule.currency,
        )
        amounts = {line.home: line.amount for line in statement.lines}
        _save(
            run,
            measured,
            grid=grid,
            amounts={int(home): amount for home, amount in amounts.items()},
            homes=homes,
        )
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.SETTLED)
        transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return run


def payment_rule(*, program: Program) -> PaymentRule:
    """Return a program's rule in vpp's form."""
    return PaymentRule(
        energy_price=program.energy_price, currency=program.currency, event_payment=program.event_payment
    )


def _measure(signal: GridSignal, grid: Grid) -> Measured:
    asked = asked_kw(signal=signal)
    flexibility = flexibility_of_signal(signal_id=signal.pk)
    site_ids = sorted(site_id for site_id, values in asked.items() if max(values) > 0)
    sites = sites_by_id(site_ids=site_ids)
    metered, faults = _metered(site_ids, grid)
    caps = np.maximum(0.0, np.array([asked[site_id] for site_id in site_ids]).reshape(-1, grid.count))
    unknown = [math.nan] * grid.count
    baselines = [baseline_kw(row=flexibility.get(site_id), signal=signal) or unknown for site_id in site_ids]
    energy = delivered_energy(
        baseline_kw=np.array(baselines).reshape(-1, grid.count),
        metered_kwh=metered,
        interval_s=grid.interval_s,
        cap_kwh=caps * CAP_OVER_ASKED * grid.hours,
    )
    return Measured([sites[site_id] for site_id in site_ids], energy, faults)


def _metered(site_ids: Sequence[int], grid: Grid) -> "tuple[NDArray[np.float64], list[tuple[str, ...]]]":
    readings = register_readings(
        site_ids=site_ids, starts_at=grid.starts_at - READING_MARGIN, ends_at=grid.ends_at + READING_MARGIN
    )
    metered = np.full((len(site_ids), grid.count), np.nan)
    faults: list[tuple[str, ...]] = []
    for index, site_id in enumerate(site_ids):
        rows = readings[site_id]
        found = interval_energies(
            at_ms=[to_ms(row.at) for row in rows],
            import_kwh=[row.import_kwh for row in rows],
            export_kwh=[row.export_kwh for row in rows],
            grid=grid,
        )
        metered[index] = found.net_kwh
        faults.append(found.fault)
    return metered, faults


def _save(
    run: SettlementRun,
    measured: Measured,
    *,
    grid: Grid,
    amounts: dict[int, Decimal],
    homes: dict[str, Decimal],
) -> None:
    statements = Statement.objects.bulk_create(
        Statement(run=run, site=site, delivered_kwh=homes[str(site.pk)], amount=amounts[site.pk])
        for site in measured.sites
    )
    energy = measured.energy
    StatementLine.objects.bulk_create(
        StatementLine(
            statement=statement,
            starts_at=grid.interval(index).starts_at,
            baseline_kwh=np.nan_to_num(energy.baseline_kwh[row, index]),
            metered_kwh=None if np.isnan(energy.metered_kwh[row, index]) else energy.metered_kwh[row, index],
            delivered_kwh=energy.delivered_kwh[row, index],
            status=StatementLine.MeterStatus.MEASURED
            if energy.known[row, index]
            else StatementLine.MeterStatus.MISSING,
            note=measured.faults[row][index],
        )
        for row, statement in enumerate(statements)
        for index in range(grid.count)
    )
