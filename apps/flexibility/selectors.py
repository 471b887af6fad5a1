"""Reads of stored baselines and envelopes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.flexibility.models import SiteFlexibility


def flexibility_of_signal(*, signal_id: UUID) -> dict[int, SiteFlexibility]:
    """Return each home's baseline and envelope for a signal."""
    return {row.site_id: row for row in SiteFlexibility.objects.filter(signal_id=signal_id)}


def baselines_at(
    *, signal_id: UUID, starts_at: datetime, interval_s: int, count: int, index: int
) -> QuerySet[SiteFlexibility, Any]:
    """Return a query of homes and their baselines in one interval of a signal [kW]: of those that have these intervals."""
    rows = SiteFlexibility.objects.filter(
        signal_id=signal_id, starts_at=starts_at, interval_s=interval_s, baseline_kw__len=count
    )
    return rows.order_by().values_list("site_id", f"baseline_kw__{index}")


def notes_of_signal(*, signal_id: UUID) -> dict[int, str]:
    """Return why homes cannot be counted on for a signal, of those where something is said."""
    rows = SiteFlexibility.objects.filter(signal_id=signal_id).exclude(note="")
    return dict(rows.values_list("site_id", "note"))


def flexibility_of_site(*, signal_id: UUID, site_id: int) -> SiteFlexibility | None:
    """Return one home's."""
    return SiteFlexibility.objects.filter(signal_id=signal_id, site_id=site_id).first()


def flexibility_rows_of_signal(*, signal_id: UUID) -> QuerySet[SiteFlexibility]:
    """Return homes' baselines and envelopes for a signal, as a query."""
    return SiteFlexibility.objects.filter(signal_id=signal_id).order_by("pk")
