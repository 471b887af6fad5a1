"""How far a new hub got: claimed, online, first values, devices found; and what to do where it does not go on."""

import dataclasses
from datetime import datetime, timedelta
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.hubs.selectors import devices_of_site
from apps.sites.models import Site
from apps.telemetry.selectors import latest_by_site

SLOW_AFTER = timedelta(minutes=3)


@dataclasses.dataclass(frozen=True)
class Step:
    """One step; `help` says what to do where it takes too long."""

    name: str
    detail: str
    state: Literal["done", "now", "later"]
    help: str = ""


@dataclasses.dataclass(frozen=True)
class HubProgress:
    """All steps of a home's hub."""

    steps: list[Step]

    @property
    def is_done(self) -> bool:
        return all(step.state == "done" for step in self.steps)


def hub_progress(*, site: Site, now: datetime) -> HubProgress:
    """Return how far the home's newest hub got."""
    held = devices_of_site(site=site)
    hub = held.hub
    claimed_at = hub.claimed_at if hub is not None else None
    latest = latest_by_site(site_ids=[site.pk]).get(site.pk)
    values = latest is not None and claimed_at is not None and latest.at >= claimed_at
    count = len(held.report.devices) if held.report else 0
    is_slow = claimed_at is not None and now - claimed_at > SLOW_AFTER
    reached = [hub is not None, hub is not None and hub.connected_at is not None, values, count > 0]
    words = [
        (_("Hub found"), hub.serial if hub else "", _("Enter the claim code that the hub shows.")),
        (_("Hub online"), _("connected") if hub and hub.is_connected else "",
         _("Is the hub plugged in, and its cable or Wi-Fi connected? Unplug it, wait ten seconds, plug it in again.")),
        (_("First values"), f"{latest.at:%H:%M}" if values and latest else "",
         _("The hub is online but measures nothing yet. Is the meter within its reach and switched on?")),
        (_("Devices found"), ngettext("%(count)s device", "%(count)s devices", count) % {"count": count} if count else "",
         _("Nothing answered so far. Switch devices on and let the hub look again on the Devices page.")),
    ]  # fmt: skip
    first = next((index for index, done in enumerate(reached) if not done), len(reached))
    return HubProgress(
        [
            Step(
                name,
                detail if reached[index] else "",
                "done" if reached[index] else "now" if index == first else "later",
                advice if index == first and (is_slow or hub is None) else "",
            )
            for index, (name, detail, advice) in enumerate(words)
        ]
    )
