"""What a home's hub decided by itself, as its household reads it."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.hubs.decisions import decisions_at, decisions_between
from apps.hubs.models import HubDecision
from apps.portal.devices import ROLES
from apps.sites.models import Site

MOST_OF_A_DAY: Final = 60
# Why, by who decided; the hub's own words stand beside it.
AUTHORS: Final[Mapping[str, str]] = {
    "device": noop("Nothing was asked of it; it did as it likes."),
    "safety": noop("Safety went first: the battery keeps its reserve."),
    "grid_limit": noop("Your connection to the grid carries no more."),
    "island": noop("There was no grid, or it had just come back."),
    "care": noop("Your battery was spared."),
    "capacity": noop("Your connection to the grid was limited for a while."),
    "failsafe": noop("The hub heard nobody and kept to the safe limit."),
    "override": noop("You said so."),
    "rules": noop("Your schedules said so."),
    "comfort": noop("Your comfort settings said so."),
    "droop": noop("The battery answered the frequency of the grid."),
    "cloud_schedule": noop("It followed the schedule that the hub was sent."),
    "unmetered": noop(
        "No meter tells what your home draws: the battery keeps to its plan, and rests without one."
    ),
    "home_mode": noop("Your tariff, or what you keep for an outage, said so."),
    "self_consumption": noop("Your home used its own energy first."),
}
_UNKNOWN: Final = noop("Your hub decided so.")
# The hub's words behind which another controller is named that narrowed the decision.
_HELD_BACK: Final = "; held back by "


@dataclasses.dataclass(frozen=True)
class DecisionRow:
    """A decision in words: of what, why, what held it back, and in the hub's own words."""

    at: datetime
    name: str
    why: str
    held_back: str
    words: str


@dataclasses.dataclass(frozen=True)
class Decided:
    """What held at an instant, and everything of that day until then."""

    held: list[DecisionRow]
    day: list[DecisionRow]


def decided(*, site: Site, at: datetime) -> Decided:
    """Return what the home's hub decided."""
    zone = ZoneInfo(site.time_zone)
    starts_at = datetime.combine(at.astimezone(zone).date(), time.min, tzinfo=zone)
    day = decisions_between(site=site, starts_at=starts_at, ends_at=at, limit=MOST_OF_A_DAY)
    return Decided(held=_rows(decisions_at(site=site, at=at)), day=_rows(day))


def _rows(found: Iterable[HubDecision]) -> list[DecisionRow]:
    return [_row(one) for one in found]


def _row(one: HubDecision) -> DecisionRow:
    _first, _separator, rest = one.reason.partition(_HELD_BACK)
    return DecisionRow(
        at=one.at,
        name=_(ROLES[one.resource]) if one.resource in ROLES else one.resource,
        why=_(AUTHORS.get(one.controller, _UNKNOWN)),
        held_back=_(AUTHORS[by]) if (by := rest.partition(":")[0]) in AUTHORS else "",
        words=one.reason,
    )
