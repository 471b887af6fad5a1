"""One question of a shortcut, one sentence to be spoken."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from django.utils.translation import gettext as _

from apps.assistants.errors import AskInvalidError
from apps.assistants.selectors import HomeNow, home_now
from apps.assistants.services import MOST_MINUTES, USUAL_MINUTES, charge_start, charge_stop, mode_set
from apps.sites.api.access import Access
from vpp.protocols.ores.facts import Mode


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What a shortcut sends; `minutes` and `kw` count for "charge", `mode` for "mode": without it, it is told."""

    ask: Literal["status", "mode", "charge", "stop"]
    site_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    mode: Mode | None = None
    minutes: Annotated[int, msgspec.Meta(ge=1, le=MOST_MINUTES)] = USUAL_MINUTES
    kw: Annotated[float, msgspec.Meta(gt=0, le=1000)] | None = None


def read(body: object) -> Asked:
    """Return what is asked; AskInvalidError for what is nothing of it."""
    try:
        return msgspec.convert(body, Asked)
    except msgspec.ValidationError as error:
        raise AskInvalidError(str(error)) from error


def say(access: Access, asked: Asked, *, now: datetime) -> str:
    """Do what is asked, and say it."""
    home = home_now(site=access.site, may_control="control" in access.rights, now=now)
    if asked.ask == "status":
        return status(home)
    if asked.ask == "charge":
        kw = charge_start(home=home, actor=access.actor, now=now, minutes=asked.minutes, kw=asked.kw)
        words = _(
            "The battery of %(home)s is told to charge with %(kw).1f kilowatts for %(minutes)d minutes."
        )
        return words % {"home": home.site.name, "kw": kw, "minutes": asked.minutes}
    if asked.ask == "stop":
        charge_stop(home=home, actor=access.actor, now=now)
        return _("The battery of %(home)s goes its own way again.") % {"home": home.site.name}
    if asked.mode is not None:
        mode_set(home=home, mode=asked.mode, actor=access.actor, now=now)
    return _("The mode of %(home)s is %(mode)s.") % {
        "home": home.site.name,
        "mode": mode_words(home.site.mode),
    }


def status(home: HomeNow) -> str:
    """Say how a home is."""
    if not home.is_online:
        return _("%(home)s has not been heard of lately.") % {"home": home.site.name}
    parts = []
    if home.battery is not None and home.soc_pct is not None:
        parts.append(
            _("the battery is at %(n)d percent and %(does)s") % {"n": home.soc_pct, "does": _does(home)}
        )
    if home.production_kw is not None:
        parts.append(_("the sun gives %(kw).1f kilowatts") % {"kw": home.production_kw})
    parts.append(_("the mode is %(mode)s") % {"mode": mode_words(home.site.mode)})
    return f"{home.site.name}: {', '.join(parts)}."


def mode_words(mode: str) -> str:
    """Return a mode as it is spoken."""
    words = {
        "self_consumption": _("self-consumption"),
        "time_of_use": _("time of use"),
        "backup": _("backup"),
        "community_first": _("community first"),
    }
    return words[mode]


def _does(home: HomeNow) -> str:
    if home.is_charging:
        return _("charging")
    return _("discharging") if home.is_discharging else _("resting")
