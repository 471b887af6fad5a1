"""Telemetry reports to utilities: sums over the homes that take part in the connection's program."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.openadr.models import VenConnection2b, VenReport2b
from apps.openadr.vtn2b.payloads import measurement
from apps.openadr.wire2b import status_value
from apps.programs.models import OptOut
from apps.programs.selectors import enrolled_site_ids
from apps.programs.services import RUNNING
from apps.telemetry.selectors import fleet_totals, recent_means
from vpp.protocols.openadr2b.vtn_messages import ReportWish

USAGE, STATUS = "telemetry-usage", "telemetry-status"
NAMES = {USAGE: "TELEMETRY_USAGE", STATUS: "TELEMETRY_STATUS"}
POINTS = {USAGE: ("power", "energy"), STATUS: ("status",)}
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(hours=1)
MOST_STEPS = 96
ONLINE_WITHIN = timedelta(minutes=5)


def offers(*, now: datetime) -> list[dict[str, Any]]:
    """Return the reports that we can make, in the library's form."""
    sampling = {"min_period": SHORTEST, "max_period": LONGEST, "on_change": False}
    power = {
        "r_id": "power",
        "report_type": "demand",
        "reading_type": "Mean",
        "measurement": measurement("powerReal", "W", scale="k"),
    }
    energy = {
        "r_id": "energy",
        "report_type": "usage",
        "reading_type": "Derived",
        "measurement": measurement("energyReal", "Wh", scale="k"),
    }
    status = {"r_id": "status", "report_type": "x-resourceStatus", "reading_type": "x-notApplicable"}
    return [
        {
            "report_specifier_id": specifier, "report_name": f"METADATA_{NAMES[specifier]}", "report_request_id": "0",
            "duration": LONGEST, "created_date_time": now,
            "report_descriptions": [{**point, "sampling_rate": sampling} for point in points],
        }
        for specifier, points in ((USAGE, [power, energy]), (STATUS, [status]))
    ]  # fmt: skip


@transaction.atomic
def report_wishes_take(*, connection_pk: int, wishes: Sequence[ReportWish], now: datetime) -> list[str]:
    """Keep what the VTN asks for; return the request ids that we will serve."""
    kept = []
    for wish in wishes:
        r_ids = [r_id for r_id in wish.r_ids if r_id in POINTS.get(wish.specifier_id, ())]
        granularity = wish.granularity or wish.back
        if not r_ids or (granularity and not SHORTEST <= granularity <= LONGEST):
            continue
        VenReport2b.objects.update_or_create(
            connection_id=connection_pk, request_id=wish.request_id,
            defaults={
                "specifier_id": wish.specifier_id, "r_ids": r_ids, "granularity_s": granularity.total_seconds(),
                "back_s": max(wish.back, granularity).total_seconds(), "done": False,
            },
            create_defaults={
                "specifier_id": wish.specifier_id, "r_ids": r_ids, "granularity_s": granularity.total_seconds(),
                "back_s": max(wish.back, granularity).total_seconds(), "reported_until": now,
            },
        )  # fmt: skip
        kept.append(wish.request_id)
    return kept


@transaction.atomic
def reports_cancel(*, connection_pk: int, request_ids: Sequence[str]) -> None:
    """Stop reports."""
    VenReport2b.objects.filter(connection_id=connection_pk, request_id__in=request_ids).update(done=True)


@transaction.atomic
def report_note(*, report: VenReport2b, until: datetime) -> None:
    """Note up to when the VTN has a report."""
    VenReport2b.objects.filter(pk=report.pk).update(reported_until=until, done=report.granularity_s == 0)


def reports_due(
    *, connection: VenConnection2b, now: datetime
) -> list[tuple[VenReport2b, datetime, dict[str, Any]]]:
    """Return the reports to send now, up to when each goes, in the library's form."""
    due = []
    for report in VenReport2b.objects.filter(connection=connection, done=False).order_by("pk"):
        step = timedelta(seconds=report.granularity_s)
        if step and now < report.reported_until + timedelta(seconds=report.back_s):
            continue
        starts = _steps(report.reported_until, now, step=step) if step else [now - timedelta(seconds=60)]
        until = starts[-1] + step if step else now
        due.append(
            (
                report,
                until,
                _payload(connection, report, starts=starts, step=step or timedelta(seconds=60), now=now),
            )
        )
    return due


def _steps(reported_until: datetime, now: datetime, *, step: timedelta) -> list[datetime]:
    """Return the starts of the whole steps since the last report; what is older than the longest is given up."""
    count = (now - reported_until) // step
    return [reported_until + step * index for index in range(max(0, count - MOST_STEPS), count)]


def _payload(
    connection: VenConnection2b,
    report: VenReport2b,
    *,
    starts: Sequence[datetime],
    step: timedelta,
    now: datetime,
) -> dict[str, Any]:
    intervals = []
    for starts_at in starts:
        values = _values(connection, report.specifier_id, starts_at=starts_at, ends_at=starts_at + step)
        intervals += [
            {"dtstart": starts_at, "duration": step, "report_payload": {"r_id": r_id, "value": values[r_id]}}
            for r_id in report.r_ids
            if r_id in values
        ]
    return {
        "report_request_id": report.request_id, "report_specifier_id": report.specifier_id, "report_id": report.request_id,
        "report_name": NAMES[report.specifier_id], "created_date_time": now, "dtstart": starts[0], "intervals": intervals,
    }  # fmt: skip


def _values(
    connection: VenConnection2b, specifier: str, *, starts_at: datetime, ends_at: datetime
) -> dict[str, Any]:
    """Return what is known of a step by point; homes that sent nothing in it are not in the sum."""
    site_ids = enrolled_site_ids(program=connection.program, at=starts_at)
    if specifier == STATUS:
        online = fleet_totals(site_ids=site_ids, since=ends_at - ONLINE_WITHIN).homes > 0
        overridden = OptOut.objects.filter(
            signal__program=connection.program, signal__state__in=RUNNING
        ).exists()
        return {"status": status_value(online=online, overridden=overridden)}
    means = recent_means(site_ids=site_ids, columns=("grid_kw",), starts_at=starts_at, ends_at=ends_at)
    known = [kw for (kw,) in means.values() if kw is not None]
    if not known:
        return {}
    hours = (ends_at - starts_at).total_seconds() / 3600
    return {"power": round(sum(known), 6), "energy": round(sum(known) * hours, 6)}
