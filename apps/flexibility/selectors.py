"""Reads of stored baselines and envelopes."""

from uuid import UUID

from apps.flexibility.models import SiteFlexibility


def flexibility_of_signal(*, signal_id: UUID) -> dict[int, SiteFlexibility]:
    """Return each home's baseline and envelope for a signal."""
    return {row.site_id: row for row in SiteFlexibility.objects.filter(signal_id=signal_id)}


def flexibility_of_site(*, signal_id: UUID, site_id: int) -> SiteFlexibility | None:
    """Return one home's."""
    return SiteFlexibility.objects.filter(signal_id=signal_id, site_id=site_id).first()
