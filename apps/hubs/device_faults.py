"""A home's fault history: what its hub says is wrong with a device, since when and until when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.hubs.models import DeviceFault
from apps.sites.models import Site

KEPT_A_SITE = 500


def faults_follow(*, site: Site, devices: list[Mapping[str, Any]], now: datetime) -> None:
    """Open what is newly wrong and end what is over; a device in another trouble is a fault of its own."""
    wrong = {one["key"]: one for one in devices if one.get("state") == "trouble"}
    held = {one.key: one for one in DeviceFault.objects.filter(site=site, ended_at=None)}
    over = [
        one.pk for key, one in held.items() if key not in wrong or wrong[key].get("trouble", "") != one.reason
    ]
    DeviceFault.objects.filter(pk__in=over).update(ended_at=now)
    fresh = [
        DeviceFault(
            site=site, key=key, name=one.get("name", ""), reason=one.get("trouble", ""), started_at=now
        )
        for key, one in wrong.items()
        if key not in held or held[key].pk in over
    ]
    DeviceFault.objects.bulk_create(fresh)
    if fresh:
        kept = DeviceFault.objects.filter(site=site).order_by("-started_at", "-pk")[:KEPT_A_SITE]
        DeviceFault.objects.filter(site=site).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()


def faults_of_device(*, site: Site, key: str, limit: int = 50) -> list[DeviceFault]:
    """Return what was wrong with a device, the newest first."""
    return list(DeviceFault.objects.filter(site=site, key=key).order_by("-started_at", "-pk")[:limit])
