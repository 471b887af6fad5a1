"""What the hub is doing and why, in a sentence each."""

import dataclasses
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from apps.common.templatetags.ores import number
from apps.dispatch.why import why_at
from apps.portal.flow import IDLE_KW, Measured
from apps.portal.phrases import filled
from apps.portal.reasons import reason_rows
from apps.sites.models import Site


@dataclasses.dataclass(frozen=True)
class Doing:
    """What the hub does, why, and the event it follows from, if it does."""

    text: str
    reason: str
    signal_id: UUID | None = None


def doing(*, site: Site, row: Measured | None, now: datetime) -> Doing | None:
    """Return what the hub of a home does now: by an order that holds, else by itself; None without a measurement."""
    if row is None:
        return None
    rows = [one for one in reason_rows(why_at(site=site, at=now)) if not one.outranked]
    if not rows:
        return Doing(by_itself(row), _("Nobody has asked anything of your home; your hub decides by itself."))
    first = rows[0]
    reason = filled(_("It was told so: %(reason)s."), reason=first.reason.rstrip(".")) if first.reason else ""
    return Doing(first.told, reason, first.signals[0].pk if first.signals else None)


def by_itself(row: Measured) -> str:
    """Say what the measured powers mean where no order holds."""
    battery, grid, sun = row.battery_kw or 0.0, row.grid_kw or 0.0, -(row.pv_kw or 0.0)
    kw = {"kw": number(abs(battery))}
    if battery > IDLE_KW:
        own = sun > IDLE_KW and grid <= battery / 2
        return (
            _("Your hub stores your own sun: the battery charges with %(kw)s kW.") % kw
            if own
            else _("Your hub charges the battery from the grid with %(kw)s kW.") % kw
        )
    if battery < -IDLE_KW:
        return _("Your hub covers your home from the battery, with %(kw)s kW.") % kw
    if grid < -IDLE_KW:
        return _("Your sun makes more than your home takes; the rest goes to the grid.")
    if sun > IDLE_KW:
        return _("Your sun covers your home as far as it goes; the battery rests.")
    return _("The battery rests; your home draws what it needs from the grid.")
