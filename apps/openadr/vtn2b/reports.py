"""Writes of reports: what VENs offer, what they are asked for, what they send."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.openadr.models import ReportRequest2b, ReportUpdate2b, Ven2b
from vpp.protocols.openadr2b.ven_messages import ReportedValue, ReportOffer, ReportPoint, ReportUpdate
from vpp.protocols.openadr2b.vocabulary import INVALID_ID, OpenADR2bError

WANTED = ("TELEMETRY_USAGE", "TELEMETRY_STATUS")


@transaction.atomic
def reports_register(
    *, ven: Ven2b, offers: Sequence[ReportOffer], granularity: timedelta, now: datetime
) -> list[ReportRequest2b]:
    """Ask for every telemetry report that is offered; one that was asked for before keeps its request id."""
    held = Ven2b.objects.select_for_update().get(pk=ven.pk)
    wanted = {
        one.specifier_id: one for one in offers if one.name.removeprefix("METADATA_") in WANTED and one.points
    }
    ReportRequest2b.objects.filter(ven=held).exclude(specifier_id__in=wanted).delete()
    made = []
    for specifier_id, offer in wanted.items():
        step_s = _step_s(offer.points, granularity)
        values = {
            "name": offer.name.removeprefix("METADATA_")[:64],
            "points": {point.r_id: _point(point) for point in offer.points},
            "granularity_s": step_s,
            "back_s": step_s,
            "requested_at": now,
        }
        request, _ = ReportRequest2b.objects.update_or_create(
            ven=held, specifier_id=specifier_id, defaults=values,
            create_defaults={**values, "request_id": uuid.uuid4().hex},
        )  # fmt: skip
        made.append(request)
    return made


@transaction.atomic
def reports_confirm(*, ven: Ven2b, request_ids: Sequence[str], now: datetime) -> None:
    """Note that a VEN will send reports."""
    held = ReportRequest2b.objects.filter(ven=ven, request_id__in=request_ids)
    if held.count() != len(set(request_ids)):
        raise OpenADR2bError("a report that was not asked for", response_code=INVALID_ID)
    held.update(confirmed_at=now)


@transaction.atomic
def reports_receive(*, ven: Ven2b, updates: Sequence[ReportUpdate], now: datetime) -> list[ReportUpdate2b]:
    """Keep reported values with their VEN; a report that was not asked for refuses the whole message."""
    requests = {one.request_id: one for one in ReportRequest2b.objects.filter(ven=ven)}
    if unknown := [one.request_id for one in updates if one.request_id not in requests]:
        raise OpenADR2bError(f"report {unknown[0][:80]} was not asked for", response_code=INVALID_ID)
    return ReportUpdate2b.objects.bulk_create(
        ReportUpdate2b(
            ven=ven, request=requests[one.request_id], name=requests[one.request_id].name,
            values=[_value(value) for value in one.values], received_at=now,
        )
        for one in updates
    )  # fmt: skip


def _step_s(points: Sequence[ReportPoint], wanted: timedelta) -> int:
    shortest = max((point.min_period for point in points if point.min_period is not None), default=wanted)
    longest = min((point.max_period for point in points if point.max_period), default=wanted)
    return max(1, round(max(shortest, min(wanted, longest)).total_seconds()))


def _point(point: ReportPoint) -> dict[str, str]:
    return {
        "report_type": point.report_type,
        "reading_type": point.reading_type,
        "resource": point.resource,
        "measure": point.measure,
        "unit": point.unit,
        "scale": point.scale,
    }


def _value(value: ReportedValue) -> list[Any]:
    status = None if value.online is None else {"online": value.online, "overridden": value.overridden}
    seconds = None if value.length is None else value.length.total_seconds()
    return [
        value.r_id,
        value.at.isoformat(),
        seconds,
        value.value if status is None else status,
        value.quality,
    ]
