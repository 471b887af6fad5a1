"""Further quantities of single resources: the narrow table."""

import dataclasses
import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.telemetry.models import Series
from apps.telemetry.partitions import ensure_days
from vpp.protocols.link.messages import Points

DAY_MS = 86_400_000


@dataclasses.dataclass(frozen=True)
class PointSeries:
    """A further quantity of a resource."""

    pk: int
    resource: str
    quantity: str


def series_of_site(*, site_id: int) -> list[PointSeries]:
    """Return the further quantities that a home has told, by resource."""
    rows = Series.objects.filter(site_id=site_id).order_by("resource", "quantity")
    return [PointSeries(*row) for row in rows.values_list("pk", "resource", "quantity")]


def quarter_points(
    *, series_ids: Sequence[int], starts_at: datetime, ends_at: datetime
) -> list[tuple[int, datetime, float]]:
    """Return (series, end of the quarter-hour, mean) with starts_at < at <= ends_at, of values told at quarter-hours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series_id, at, value FROM telemetry_point WHERE series_id = ANY(%s) AND at > %s AND at <= %s "
            "AND date_bin('15 minutes', at, 'epoch') = at AND value IS NOT NULL",
            [list(series_ids), starts_at, ends_at],
        )
        return list(cursor.fetchall())


@transaction.atomic
def points_store(*, site_id: int, message: Points, now: datetime) -> int:
    """Store the message's values; return how many went to quarantine instead."""
    now_ms = int(now.timestamp() * 1000)
    latest = now_ms + int(settings.TELEMETRY_FUTURE_TOLERANCE_S * 1000)
    oldest = now_ms - settings.TELEMETRY_RETENTION_DAYS * DAY_MS
    good: list[tuple[int, int, float]] = []
    refused: list[tuple[Any, ...]] = []
    series: dict[tuple[str, str], int] = {}
    for resource, quantity, at, value in zip(
        message.resource, message.quantity, message.at, message.value, strict=True
    ):
        reason = _flaw(at, value, oldest=oldest, latest=latest)
        if reason:
            content = json.dumps({"resource": resource, "quantity": quantity, "value": str(value)})
            refused.append((site_id, max(-(2**62), min(2**62, at)), reason, content, now))
            continue
        key = (resource[:64], quantity[:64])
        if key not in series:
            series[key] = Series.objects.get_or_create(site_id=site_id, resource=key[0], quantity=key[1])[
                0
            ].pk
        good.append((series[key], at, value))
    ensure_days("telemetry_point", {at // DAY_MS for _, at, _ in good})
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO telemetry_point VALUES (%s, to_timestamp(%s / 1000.0), %s) ON CONFLICT DO NOTHING",
            good,
        )
        cursor.executemany(
            "INSERT INTO telemetry_quarantined (site_id, sent_at, reason, content, received_at) VALUES (%s, %s, %s, %s, %s)",
            refused,
        )
    return len(refused)


def _flaw(at: int, value: float, *, oldest: int, latest: int) -> str | None:
    if not math.isfinite(value):
        return "not_finite"
    if at > latest:
        return "future_dated"
    return "older_than_retention" if at < oldest else None
