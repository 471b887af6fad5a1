"""What people ask an assistant for, by the same ways as everything else: the owner's wish, the household's preferences."""

from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.assistants.errors import ControlNotGrantedError, NoBatteryError, ValueRefusedError
from apps.assistants.selectors import HomeNow
from apps.hubs.instructions import milliseconds
from apps.hubs.owner_orders import wish_queue
from apps.hubs.owner_settings import preferences_change
from apps.sites.models import Resource, Site
from apps.sites.preferences import PreferenceInvalidError, Source
from vpp.protocols.ores.facts import Action, Wish

USUAL_MINUTES: Final = 60
MOST_MINUTES: Final = 24 * 60
USUAL_KW: Final = 3.0
MODES: Final = tuple(Site.Mode.values)


def charge_start(
    *, home: HomeNow, actor: str, now: datetime, minutes: int = USUAL_MINUTES, kw: float | None = None
) -> float:
    """Let the battery charge for a while, as its owner's wish; return with what power [kW]."""
    battery = _battery(home)
    most_kw = _most_kw(battery)
    wanted_kw = most_kw if kw is None else kw
    if not 0.0 < wanted_kw <= most_kw:
        raise ValueRefusedError(f"the battery charges with more than 0 and at most {most_kw:g} kW")
    if not 1 <= minutes <= MOST_MINUTES:
        raise ValueRefusedError(f"a wish holds for 1 to {MOST_MINUTES} minutes")
    _wish(home, battery, action="charge", kw=wanted_kw, minutes=minutes, actor=actor, now=now)
    return wanted_kw


def charge_stop(*, home: HomeNow, actor: str, now: datetime) -> None:
    """Take the owner's wish for the battery back: the hub decides again."""
    battery = _battery(home)
    _wish(home, battery, action="release", kw=None, minutes=USUAL_MINUTES, actor=actor, now=now)


def mode_set(*, home: HomeNow, mode: str, actor: str, now: datetime) -> None:
    """Set the home's mode."""
    _prefer(home, {"mode": mode}, actor=actor, now=now)


def reserve_set(*, home: HomeNow, percent: float, actor: str, now: datetime) -> None:
    """Set what the battery keeps for an outage."""
    _prefer(home, {"reserve_soc": round(percent / 100, 4)}, actor=actor, now=now)


def _prefer(home: HomeNow, changes: dict[str, Any], *, actor: str, now: datetime) -> None:
    _check(home)
    try:
        preferences_change(
            site=home.site, changes=changes, by=actor, source=Source.APP, now=now, action="assistant_settings"
        )
    except PreferenceInvalidError as error:
        raise ValueRefusedError(error.detail) from error


def _wish(
    home: HomeNow,
    battery: Resource,
    *,
    action: Action,
    kw: float | None,
    minutes: int,
    actor: str,
    now: datetime,
) -> None:
    starts_at = milliseconds(now)
    wish = Wish(
        control_id="", device_id=battery.key, action=action, kw=kw, starts_at=starts_at,
        ends_at=starts_at + minutes * 60_000, note=_("asked for by an assistant"),
    )  # fmt: skip
    wish_queue(site=home.site, wish=wish, actor=actor, now=now)


def _battery(home: HomeNow) -> Resource:
    _check(home)
    if home.battery is None:
        raise NoBatteryError("this home has no battery")
    return home.battery


def _check(home: HomeNow) -> None:
    if not home.may_control:
        raise ControlNotGrantedError("this token may look at the home, and not control it")


def _most_kw(battery: Resource) -> float:
    known = battery.parameters.get("charge_kw")
    return float(known) if isinstance(known, int | float) and known > 0 else USUAL_KW
