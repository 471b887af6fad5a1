"""What a household prefers, as its page shows it: what each choice means, who made it, and what the hub says."""

import dataclasses
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.accounts.models import User
from apps.hubs.owner_settings import Delivery, delivery_of, preferences_change, preferences_undo
from apps.markets.selectors import participants_of_site
from apps.portal.errors import OwnerOnlyError
from apps.portal.phrases import filled, say
from apps.sites.households import Standing
from apps.sites.models import PreferenceRevision, Resource, Site
from apps.sites.preferences import COMFORT_NAMES, PreferenceInvalidError, Source, revisions_of_site, values_of
from apps.sites.selectors import resources_by_site
from apps.telemetry.selectors import quarter_means

MODES: Final[list[tuple[str, str | Promise, str | Promise]]] = [
    ("self_consumption", gettext_lazy("Use my own energy"),
     gettext_lazy("The battery keeps what the sun has to spare for the evening.")),
    ("time_of_use", gettext_lazy("Follow my tariff"),
     gettext_lazy("It charges when electricity is cheap and covers the dear hours.")),
    ("backup", gettext_lazy("Be ready for an outage"), gettext_lazy("It is kept full; nothing else is asked of it at home.")),
    ("community_first", gettext_lazy("Community first"),
     gettext_lazy("What your home can spare goes to your neighbors first, by itself, for no more than your sun's price.")),
]  # fmt: skip
LABELS: Final[dict[str, str | Promise]] = {
    "mode": gettext_lazy("Mode"),
    "reserve_soc": gettext_lazy("Reserve"),
    "comfort_low_c": gettext_lazy("Coldest"),
    "comfort_high_c": gettext_lazy("Warmest"),
    "ev_least_soc": gettext_lazy("Car at least"),
    "quiet_from": gettext_lazy("Quiet from"),
    "quiet_until": gettext_lazy("Quiet until"),
}
NEVER: Final = "00:00"
_SHOWN: Final = 8


@dataclasses.dataclass(frozen=True)
class Told:
    """What became of the last change: `css` colors its badge."""

    css: str
    text: str


@dataclasses.dataclass(frozen=True)
class ChangeRow:
    """One line of the history."""

    revision: PreferenceRevision
    source: str
    changes: list[tuple[str | Promise, str]]
    refused: str


@dataclasses.dataclass(frozen=True)
class PreferencesPage:
    """Everything the page shows."""

    values: dict[str, Any]
    modes: list[tuple[str, str | Promise, str | Promise]]
    reserve_pct: int
    capacity_kwh: float | None
    load_kw: float
    hours: str
    ev_pct: int
    has_heat: bool
    has_ev: bool
    has_market: bool
    told: Told
    history: list[ChangeRow]
    may_undo: bool


def preferences_page(*, site: Site, standing: Standing, now: datetime) -> PreferencesPage:
    """Return a home's preferences with what they mean there."""
    values = values_of(site)
    resources = resources_by_site(site_ids=[site.pk])[site.pk]
    capacity_kwh, load_kw = _capacity(resources), _usual_load_kw(site, now=now)
    history = [_row(one) for one in revisions_of_site(site=site, limit=_SHOWN)]
    return PreferencesPage(
        values=values,
        modes=MODES,
        reserve_pct=round(site.reserve_soc * 100),
        capacity_kwh=capacity_kwh,
        load_kw=load_kw,
        hours=hours_of(site.reserve_soc, capacity_kwh=capacity_kwh, load_kw=load_kw),
        ev_pct=round(site.ev_least_soc * 100),
        has_heat="heat_pump" in resources,
        has_ev="ev_charger" in resources,
        has_market=bool(participants_of_site(site=site)),
        told=told_of(delivery_of(site=site, now=now), now=now),
        history=history,
        may_undo=bool(history) and _may(standing, history[0].revision.changed),
    )


def save(*, user: User, standing: Standing, sent: Mapping[str, str], now: datetime) -> bool:
    """Set what the form says; False where it says what holds already."""
    changes = {name: value for name, value in _read(sent).items() if values_of(standing.site)[name] != value}
    if not changes:
        return False
    if not _may(standing, changes):
        raise OwnerOnlyError(_("only an owner of this home decides this"))
    made = preferences_change(
        site=standing.site, changes=changes, by=user.email, source=Source.PORTAL, now=now
    )
    return made is not None


def undo(*, user: User, standing: Standing, now: datetime) -> bool:
    """Take the newest change back; the history keeps both."""
    newest = revisions_of_site(site=standing.site, limit=1)
    if newest and not _may(standing, newest[0].changed):
        raise OwnerOnlyError(_("only an owner of this home decides this"))
    return preferences_undo(site=standing.site, by=user.email, now=now) is not None


def hours_of(soc: float, *, capacity_kwh: float | None, load_kw: float) -> str:
    """Say how long a reserve lasts at what the home usually draws."""
    if not capacity_kwh or load_kw <= 0:
        return ""
    hours = soc * capacity_kwh / load_kw
    if hours < 1.5:
        minutes = round(hours * 60 / 5) * 5
        return ngettext("about %(n)d minute", "about %(n)d minutes", minutes) % {"n": minutes}
    return ngettext("about %(n)d hour", "about %(n)d hours", round(hours)) % {"n": round(hours)}


def told_of(delivery: Delivery, *, now: datetime) -> Told:
    """Say what the hub made of the last change."""
    state = delivery.state
    if state in {"none", "no_hub"}:
        no_hub = _("No hub yet: plans respect it already, and a hub gets it when it comes.")
        return Told("", no_hub if state == "no_hub" else _("As your hub was set up."))
    if state == "virtual":
        return Told("applied", _("Applied: the cloud takes care of this home."))
    if state == "rejected":
        return Told(
            "rejected", filled(_("Your hub refused: %(why)s. What held before holds."), why=delivery.reason)
        )
    if state in {"acknowledged", "applied", "verified"}:
        return Told(
            "applied", _("Applied by your hub %(when)s.") % {"when": _ago(now - (delivery.at or now))}
        )
    if state == "expired":
        return Told("rejected", _("Your hub did not fetch it."))
    return Told("sent", _("On its way to your hub."))


def _ago(passed: timedelta) -> str:
    seconds = max(0, round(passed.total_seconds()))
    if seconds < 90:
        return ngettext("%(n)d second ago", "%(n)d seconds ago", seconds) % {"n": seconds}
    if seconds < 5400:
        return ngettext("%(n)d minute ago", "%(n)d minutes ago", seconds // 60) % {"n": seconds // 60}
    if seconds < 129_600:
        return ngettext("%(n)d hour ago", "%(n)d hours ago", seconds // 3600) % {"n": seconds // 3600}
    return ngettext("%(n)d day ago", "%(n)d days ago", seconds // 86_400) % {"n": seconds // 86_400}


def _row(one: PreferenceRevision) -> ChangeRow:
    refused = one.set_by.removeprefix("refused: ") if one.set_by.startswith("refused: ") else ""
    changes = [(LABELS[name], shown(name, one.values[name])) for name in LABELS if name in one.changed]
    return ChangeRow(one, say(one.get_source_display()), changes, refused)


def shown(name: str, value: Any) -> str:
    """Write a preference as people read it."""
    if name == "mode":
        return str(next(label for mode, label, _means in MODES if mode == value))
    if name.endswith("_soc"):
        return f"{value * 100:.0f} %"
    return f"{value:g} °C" if name.endswith("_c") else str(value)


def _may(standing: Standing, names: Mapping[str, Any] | list[str]) -> bool:
    if "decide" in standing.rights:
        return True
    return "comfort" in standing.rights and set(names) <= COMFORT_NAMES


def _read(sent: Mapping[str, str]) -> dict[str, Any]:
    """Read what a form has; what it leaves out stays."""
    found: dict[str, Any] = {
        name: sent[name] for name in ("mode", "quiet_from", "quiet_until") if sent.get(name)
    }
    for name, scale in (
        ("comfort_low_c", 1),
        ("comfort_high_c", 1),
        ("reserve_soc", 100),
        ("ev_least_soc", 100),
    ):
        if sent.get(name):
            found[name] = _number(sent[name]) / scale
    if "quiet_off" in sent:
        found |= {"quiet_from": NEVER, "quiet_until": NEVER}
    return found


def _number(text: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError as error:
        raise PreferenceInvalidError(_("this is not a number")) from error
    if not math.isfinite(value):
        raise PreferenceInvalidError(_("this is not a number"))
    return round(value, 3)


def _capacity(resources: Mapping[str, Resource]) -> float | None:
    battery = resources.get("battery")
    known = battery.parameters.get("capacity_kwh") if battery else None
    return float(known) if isinstance(known, int | float) else None


def _usual_load_kw(site: Site, *, now: datetime) -> float:
    """What the home drew on average over the last week, without car and heat [kW]; half a kilowatt where unknown."""
    rows = quarter_means(
        site_ids=[site.pk], columns=("load_kw",), starts_at=now - timedelta(days=7), ends_at=now
    )
    known = [row[2] for row in rows if row[2] is not None]
    return max(0.05, sum(known) / len(known)) if known else 0.5
