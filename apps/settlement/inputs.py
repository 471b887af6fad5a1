"""What a settlement is computed from: gathered from the platform, kept with the run, read back."""

import math
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apps.dispatch.selectors import asked_kw
from apps.flexibility.baselines import final_baselines
from apps.flexibility.rows import SignalIntervals
from apps.programs.models import GridSignal
from apps.programs.payment import payment_rule
from apps.programs.selectors import earlier_event_days
from apps.settlement.models import Dispute, MeterCorrection, RunInputs, SettlementRun
from apps.settlement.selectors import grid_of
from apps.sites.models import Site
from apps.sites.selectors import sites_by_id
from apps.telemetry.selectors import RegisterReading, register_readings
from vpp.intervals import Grid, to_ms
from vpp.settlement.compute import thinned
from vpp.settlement.config import rule_from_config
from vpp.settlement.inputs import (
    Home,
    Readings,
    SettlementInputs,
    inputs_from_text,
    inputs_text,
)
from vpp.settlement.inputs import MeterCorrection as Correction
from vpp.settlement.rules import PaymentRule

# A home is paid for what it was asked and a little more, not for whatever its family happened to do.
CAP_OVER_ASKED = 1.2
READING_MARGIN = timedelta(minutes=10)


def gather_inputs(*, signal: GridSignal, previous: SettlementRun | None, now: datetime) -> SettlementInputs:
    """Return what is known of a signal now; what it pays is settled by its first run."""
    grid = grid_of(signal)
    asked = asked_kw(signal=signal)
    asked_ids = {site_id for site_id, values in asked.items() if max(values) > 0}
    # A home that was paid once stays in every later version.
    known_ids = set(previous.statements.values_list("site_id", flat=True)) if previous else set()
    sites = sites_by_id(site_ids=sorted(asked_ids | known_ids))
    site_ids = sorted(sites)
    baselines = _baselines(signal, [sites[site_id] for site_id in site_ids], now=now)
    readings = register_readings(
        site_ids=site_ids, starts_at=grid.starts_at - READING_MARGIN, ends_at=grid.ends_at + READING_MARGIN
    )
    before = _kept_homes(previous)
    nothing = [0.0] * grid.count
    homes = tuple(
        Home(
            name=str(site_id),
            baseline_kw=_baseline(baselines.get(site_id), grid=grid, before=before.get(str(site_id))),
            asked_kw=tuple(asked.get(site_id, nothing)),
            readings=_readings(readings[site_id], before=before.get(str(site_id))),
        )
        for site_id in site_ids
    )
    return thinned(
        SettlementInputs(
            grid=grid,
            homes=homes,
            rule=rule_of_run(previous) if previous else payment_rule(program=signal.program),
            cap_over_asked=CAP_OVER_ASKED,
            corrections=corrections_of_signal(signal=signal, names={home.name for home in homes}),
        )
    )


def corrections_of_signal(*, signal: GridSignal, names: set[str]) -> tuple[Correction, ...]:
    """Return what accepted disputes say of these homes' meters, in the order in which they were decided."""
    grid = grid_of(signal)
    rows = (
        MeterCorrection.objects.filter(
            dispute__statement__run__signal=signal, dispute__state=Dispute.State.ACCEPTED
        )
        .select_related("dispute__statement")
        .order_by("dispute__resolved_at", "pk")
    )
    found = []
    for row in rows:
        name, index = str(row.dispute.statement.site_id), grid.index(row.starts_at)
        if index is not None and name in names:
            found.append(Correction(name, index, row.metered_kwh, row.reason))
    return tuple(found)


def rule_of_run(run: SettlementRun) -> PaymentRule:
    """Return the rule that a run was paid by."""
    config = {name: value for name, value in run.rule.items() if name != "method"}
    return rule_from_config({**config, "currency": run.currency})


def inputs_keep(*, run: SettlementRun, inputs: SettlementInputs) -> RunInputs:
    """Store a run's inputs."""
    return RunInputs.objects.create(run=run, content=zlib.compress(inputs_text(inputs).encode("ascii")))


def kept_text(*, run: SettlementRun) -> str | None:
    """Return a run's stored inputs as text; None for a run made before inputs were kept."""
    row = RunInputs.objects.filter(run=run).first()
    return zlib.decompress(bytes(row.content)).decode("ascii") if row else None


def kept_inputs(*, run: SettlementRun) -> SettlementInputs | None:
    """Return a run's stored inputs."""
    text = kept_text(run=run)
    return None if text is None else inputs_from_text(text)


def _baselines(signal: GridSignal, sites: Sequence[Site], *, now: datetime) -> dict[int, list[float]]:
    zone = ZoneInfo(sites[0].time_zone if sites else "UTC")
    return final_baselines(
        intervals=SignalIntervals(signal.starts_at, signal.interval_s, len(signal.target_kw), signal.pk),
        sites=sites,
        excluded_days=earlier_event_days(signal=signal, zone=zone),
        holidays=signal.program.holidays,
        now=now,
    )


def _kept_homes(previous: SettlementRun | None) -> dict[str, Home]:
    kept = kept_inputs(run=previous) if previous else None
    return {home.name: home for home in kept.homes} if kept else {}


def _baseline(found: Sequence[float] | None, *, grid: Grid, before: Home | None) -> tuple[float, ...]:
    """Take a baseline that can still be told, else the one of the version before: history is not kept forever."""
    if found is not None:
        return tuple(found)
    fits = before is not None and len(before.baseline_kw) == grid.count
    return before.baseline_kw if before is not None and fits else (math.nan,) * grid.count


def _readings(rows: Sequence[RegisterReading], *, before: Home | None) -> Readings:
    """Add what is stored now to what the version before was computed from, which may have been dropped since."""
    known = before.readings if before else Readings((), (), ())
    return Readings(
        at_ms=known.at_ms + tuple(to_ms(row.at) for row in rows),
        import_kwh=known.import_kwh + tuple(row.import_kwh for row in rows),
        export_kwh=known.export_kwh + tuple(row.export_kwh for row in rows),
    )
