"""From the meters' registers to statements: the first run, true-ups, the final one, and what disputes change."""

import dataclasses
import logging
from datetime import datetime
from decimal import Decimal

import numpy as np
from django.db import transaction

from apps.common.queue import enqueue_on_commit
from apps.common.redis import publish
from apps.programs.models import SHED_KINDS, GridSignal
from apps.programs.selectors import signals_in_states
from apps.programs.services import signal_set_state
from apps.settlement.errors import RunNotAllowedError
from apps.settlement.inputs import corrections_of_signal, gather_inputs, inputs_keep, kept_inputs
from apps.settlement.models import SettlementRun, Statement, StatementLine
from apps.settlement.selectors import newest_run, runs_open
from apps.settlement.telling import TELL_TASK
from vpp.dispatch.lifecycle import due
from vpp.intervals import Interval
from vpp.settlement.compute import Settled, compute
from vpp.settlement.config import config_of
from vpp.settlement.errors import RunError
from vpp.settlement.inputs import SettlementInputs
from vpp.settlement.runs import RunCause, RunKind, due_cause, next_kind

log = logging.getLogger(__name__)


def signals_settle_due(*, now: datetime) -> int:
    """Settle every ended signal whose late data has had its time; return how many."""
    settled = 0
    for signal in signals_in_states(states=[GridSignal.State.ENDED], kinds=SHED_KINDS):
        if due("ended", Interval(signal.starts_at, signal.ends_at), now=now) != "settle":
            continue
        try:
            settled += signal_settle(signal=signal, now=now, first_only=True) is not None
        except Exception:
            log.exception("grid signal %s could not be settled, trying again next time", signal.pk)
    return settled


def signals_true_up_due(*, now: datetime) -> int:
    """Look at every settlement that is not closed: true up what has changed, close what has had its time."""
    made = 0
    for run in runs_open():
        cause = due_cause(_kind(run), ends_at=run.signal.ends_at, now=now)
        if cause is None:
            continue
        try:
            made += _run_next(signal=run.signal, cause=cause, now=now, only_changed=True) is not None
        except Exception:
            log.exception("grid signal %s could not be trued up, trying again next time", run.signal_id)
    return made


def signal_settle(*, signal: GridSignal, now: datetime, first_only: bool = False) -> SettlementRun | None:
    """Compute a run from what is stored now; an earlier run stays as it was.

    With `first_only`, a signal that somebody else has settled in the meantime gets no second run.
    """
    previous = newest_run(signal_id=signal.pk)
    if first_only and previous is not None:
        return None
    return _run_next(signal=signal, cause="inputs_changed" if previous else "data_due", now=now)


def signal_correct(*, signal: GridSignal, now: datetime) -> SettlementRun | None:
    """Compute the version that an accepted dispute asks for."""
    return _run_next(signal=signal, cause="dispute_accepted", now=now)


def _run_next(
    *, signal: GridSignal, cause: RunCause, now: datetime, only_changed: bool = False
) -> SettlementRun | None:
    """Compute and store the next version; None where nothing has changed or somebody else was faster."""
    previous = newest_run(signal_id=signal.pk)
    try:
        kind = next_kind(_kind(previous) if previous else None, cause=cause)
    except RunError as error:
        raise RunNotAllowedError(error.detail) from error
    inputs = _inputs(signal, kind, previous=previous, now=now)
    settled = compute(inputs)
    changed = previous is None or previous.input_hash != settled.input_hash
    if only_changed and kind == "true_up" and not changed:
        return None
    with transaction.atomic():
        locked = GridSignal.objects.select_for_update().get(pk=signal.pk)
        if newest_run(signal_id=signal.pk) != previous:
            return None
        run = _run_create(locked, kind, previous=previous, inputs=inputs, settled=settled, now=now)
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.SETTLED)
        enqueue_on_commit(TELL_TASK, run_id=run.pk)
        transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return run


def _inputs(
    signal: GridSignal, kind: RunKind, *, previous: SettlementRun | None, now: datetime
) -> SettlementInputs:
    """Gather inputs, or after the final run take those that were kept: late data counts no more."""
    if previous is None or kind != "correction":
        return gather_inputs(signal=signal, previous=previous, now=now)
    kept = kept_inputs(run=previous)
    if kept is None:
        raise RunNotAllowedError("this event was closed before its inputs were kept; it cannot be corrected")
    corrections = corrections_of_signal(signal=signal, names={home.name for home in kept.homes})
    return dataclasses.replace(kept, corrections=corrections)


def _kind(run: SettlementRun) -> RunKind:
    kinds: dict[str, RunKind] = {
        "initial": "initial",
        "true_up": "true_up",
        "final": "final",
        "correction": "correction",
    }
    return kinds[run.kind]


def _run_create(
    signal: GridSignal,
    kind: RunKind,
    *,
    previous: SettlementRun | None,
    inputs: SettlementInputs,
    settled: Settled,
    now: datetime,
) -> SettlementRun:
    statement = settled.statement
    run = SettlementRun.objects.create(
        signal=signal,
        version=previous.version + 1 if previous else 1,
        kind=kind,
        previous=previous,
        created_at=now,
        rule={"method": statement.method, **config_of(inputs.rule)},
        input_hash=settled.input_hash,
        delivered_kwh=statement.delivered_kwh,
        amount=statement.total,
        adjustment=statement.total - previous.amount if previous else Decimal(0),
        currency=statement.currency,
    )
    inputs_keep(run=run, inputs=inputs)
    _statements_create(run, settled, inputs=inputs)
    return run


def _statements_create(run: SettlementRun, settled: Settled, *, inputs: SettlementInputs) -> None:
    before: dict[int, Decimal] = (
        dict(run.previous.statements.values_list("site_id", "amount")) if run.previous else {}
    )
    lines = {line.home: line for line in settled.statement.lines}
    statements = Statement.objects.bulk_create(
        Statement(
            run=run,
            site_id=int(name),
            delivered_kwh=lines[name].delivered_kwh,
            committed_kwh=lines[name].committed_kwh,
            amount=lines[name].amount,
            adjustment=lines[name].amount - before.get(int(name), Decimal(0)) if run.previous else Decimal(0),
            parts=[[part.kind, str(part.amount)] for part in lines[name].parts],
        )
        for name in settled.names
    )
    StatementLine.objects.bulk_create(
        line
        for row, statement in enumerate(statements)
        for line in interval_lines(statement, settled, row=row, inputs=inputs)
    )


def interval_lines(
    statement: Statement, settled: Settled, *, row: int, inputs: SettlementInputs
) -> list[StatementLine]:
    """Return the lines of one home as they are stored."""
    energy = settled.energy
    return [
        StatementLine(
            statement=statement,
            starts_at=inputs.grid.interval(index).starts_at,
            baseline_kwh=float(np.nan_to_num(energy.baseline_kwh[row, index])),
            metered_kwh=None
            if np.isnan(energy.metered_kwh[row, index])
            else float(energy.metered_kwh[row, index]),
            delivered_kwh=float(energy.delivered_kwh[row, index]),
            status=StatementLine.MeterStatus.MEASURED
            if energy.known[row, index]
            else StatementLine.MeterStatus.MISSING,
            note=settled.notes[row][index][:200],
        )
        for index in range(inputs.grid.count)
    ]
