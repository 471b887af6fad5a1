"""Settled delivery into OpenADR 3.1 reports."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vpp.intervals import Grid, format_duration
from vpp.intervals import Interval as Period
from vpp.protocols.openadr3.common import (
    AGGREGATED_REPORT,
    Interval,
    IntervalPeriod,
    ReportPayloadDescriptor,
    ValuesMap,
)
from vpp.protocols.openadr3.report import ReportRequest, ReportResource
from vpp.translate.grid_signal import SignalError


@dataclass(frozen=True, slots=True)
class ReportedDelivery:
    """One row of a report: per interval, energies [kWh] of one home or of all; NaN where not known.

    `baseline_kwh` and `metered_kwh` are net (export is negative), `delivered_kwh` is what was settled.
    """

    resource_name: str
    baseline_kwh: Sequence[float]
    metered_kwh: Sequence[float]
    delivered_kwh: Sequence[float]


def report_for_signal(
    *,
    event_id: str,
    client_name: str,
    grid: Grid,
    total: ReportedDelivery,
    homes: Sequence[ReportedDelivery] = (),
    report_name: str | None = None,
) -> ReportRequest:
    """Build the report on an ended event, one row for the whole fleet and, if given, one per home.

    Payloads per interval, in KWH: ``BASELINE`` (net), ``USAGE`` (drawn from the grid; the enumeration
    knows no negative usage, so a net export is 0) and ``DELTA_USAGE`` ("change in usage as compared to
    a baseline": minus the settled delivery). An interval that is not known has no energies and says so
    with ``DATA_QUALITY`` MISSING.

    Raises
    ------
    SignalError
        Where a row is not as long as the grid, or carries an infinite value.
    """
    rows = [(AGGREGATED_REPORT, total), *((home.resource_name, home) for home in homes)]
    energies = ("BASELINE", "USAGE", "DELTA_USAGE")
    return ReportRequest(
        event_id=event_id,
        client_name=client_name,
        report_name=report_name,
        payload_descriptors=[
            *(
                ReportPayloadDescriptor(payload_type=name, units="KWH", reading_type="SUMMED")
                for name in energies
            ),
            ReportPayloadDescriptor(payload_type="DATA_QUALITY"),
        ],
        resources=[_resource(name, row, grid=grid) for name, row in rows],
    )


def _resource(name: str, row: ReportedDelivery, *, grid: Grid) -> ReportResource:
    if {len(row.baseline_kwh), len(row.metered_kwh), len(row.delivered_kwh)} != {grid.count}:
        raise SignalError(f"{name}: a row needs {grid.count} values of each kind")
    triples = zip(row.baseline_kwh, row.metered_kwh, row.delivered_kwh, strict=True)
    first = grid.interval(0) if grid.count else None
    return ReportResource(
        resource_name=name,
        interval_period=_period(first) if first else None,
        intervals=[
            Interval(id=index, payloads=_payloads(name, triple)) for index, triple in enumerate(triples)
        ],
    )


def _period(first: Period) -> IntervalPeriod:
    return IntervalPeriod(
        start=first.starts_at.isoformat().replace("+00:00", "Z"),
        duration=format_duration(first.ends_at - first.starts_at),
    )


def _payloads(name: str, energies: tuple[float, float, float]) -> list[ValuesMap]:
    baseline_kwh, metered_kwh, delivered_kwh = (float(energy) for energy in energies)
    if any(math.isinf(energy) for energy in energies):
        raise SignalError(f"{name}: an energy is infinite")
    if any(math.isnan(energy) for energy in energies):
        return [ValuesMap(type="DATA_QUALITY", values=["MISSING"])]
    return [
        ValuesMap(type="BASELINE", values=[baseline_kwh]),
        ValuesMap(type="USAGE", values=[max(0.0, metered_kwh)]),
        ValuesMap(type="DELTA_USAGE", values=[-delivered_kwh if delivered_kwh else 0.0]),
        ValuesMap(type="DATA_QUALITY", values=["OK"]),
    ]
