"""What a notification says, in the language that is active, and where it leads."""

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from apps.alerts.models import Notification, NotificationKind
from apps.common.templatetags.ores import kwh, money

Kind = NotificationKind
Facts = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Words:
    """A title, a sentence or two, and the path of the page that tells more."""

    title: str
    text: str
    path: str


@dataclasses.dataclass(frozen=True)
class _Told:
    """What a sentence is made of."""

    facts: Facts
    site: str
    site_id: int | None
    zone: ZoneInfo

    def __getitem__(self, name: str) -> str:
        return str(self.facts.get(name, ""))

    def at(self, name: str) -> str:
        """An instant by the home's clock: "17 Jun, 18:50"."""
        at = parse_datetime(self[name])
        return date_format(at.astimezone(self.zone), "j M, H:i") if at else ""

    def hour(self, name: str) -> str:
        at = parse_datetime(self[name])
        return date_format(at.astimezone(self.zone), "H:i") if at else ""

    def date(self, name: str) -> str:
        day = parse_date(self[name])
        return date_format(day, "j M Y") if day else ""

    def money(self, name: str) -> str:
        return money(Decimal(self[name] or 0), self["currency"] or "EUR").replace("-", "−")

    def kwh(self, name: str) -> str:
        return kwh(float(self[name] or 0))

    def path(self, view: str, *arguments: str) -> str:
        """The path of a portal's page of the home; pages are known by name only."""
        if self.site_id is None:
            return reverse("portal:notifications")
        return reverse(f"portal:{view}", args=[self.site_id, *(self[name] for name in arguments)])


def words_of(notification: Notification) -> Words:
    """Return what a notification says."""
    site = notification.site
    zone = ZoneInfo(site.time_zone if site else "UTC")
    told = _Told(notification.facts, site.name if site else "", notification.site_id, zone)
    return _WORDS[notification.kind](told)


def _event_coming(told: _Told) -> Words:
    names = {
        "name": told["name"],
        "start": told.at("starts_at"),
        "end": told.hour("ends_at"),
        "site": told.site,
    }
    return Words(
        _("%(name)s: %(start)s to %(end)s") % names,
        _("%(site)s helps the grid from %(start)s to %(end)s. You need not do anything; you can opt out.") % names,
        told.path("event", "signal_id"),
    )  # fmt: skip


def _event_ended(told: _Told) -> Words:
    names = {
        "name": told["name"], "site": told.site, "energy": told.kwh("delivered_kwh"), "amount": told.money("amount")
    }  # fmt: skip
    return Words(
        _("%(name)s is over: %(amount)s") % names,
        _("%(site)s gave %(energy)s and earned %(amount)s. Thank you.") % names,
        told.path("statement", "statement_id"),
    )


def _opted_out(told: _Told) -> Words:
    names = {"name": told["name"], "site": told.site, "who": told["by"]}
    return Words(
        _("You are out of %(name)s") % names,
        _("%(site)s takes no part in this event. %(who)s said so.") % names
        if names["who"]
        else _("%(site)s takes no part in this event.") % names,
        told.path("event", "signal_id"),
    )


def _hub_offline(told: _Told) -> Words:
    names = {"site": told.site, "since": told.at("since")}
    return Words(
        _("The hub of %(site)s is offline") % names,
        _("We have not heard from it since %(since)s. Your home keeps running. Check the hub's power and network.")
        % names,
        told.path("devices"),
    )  # fmt: skip


def _hub_back(told: _Told) -> Words:
    names = {"site": told.site, "at": told.at("at"), "since": told.at("since")}
    return Words(
        _("The hub of %(site)s is back") % names,
        _("It is online again since %(at)s; it had been away since %(since)s.") % names,
        told.path("devices"),
    )


def _device_fault(told: _Told) -> Words:
    said = import_string(settings.SENTENCES)(told["trouble"])
    names = {"site": told.site, "device": told["device"], "trouble": said}
    return Words(
        _("%(device)s reports a fault") % names,
        _("At %(site)s: %(trouble)s") % names,
        told.path("devices"),
    )


def _statement_ready(told: _Told) -> Words:
    names = {"name": told["name"], "amount": told.money("amount"), "site": told.site}
    if told["why"] == "final":
        title = _("Your statement of %(name)s is final: %(amount)s") % names
        text = _("Nothing of %(site)s's part in this event will change any more.") % names
    else:
        title = _("Your statement of %(name)s was corrected: %(amount)s") % names
        text = _("Later measurements or an objection changed what %(site)s is paid for this event.") % names
    return Words(title, text, told.path("statement", "statement_id"))


def _payout(told: _Told) -> Words:
    names = {"amount": told.money("amount"), "market": told["market"], "name": told["name"]}
    title = _("%(amount)s was paid out to you") % names
    if names["name"]:
        return Words(title, _("For your part in %(name)s.") % names, told.path("events"))
    return Words(title, _("From your account at the market %(market)s.") % names, told.path("market"))


def _market_summary(told: _Told) -> Words:
    names = {
        "date": told.date("date"), "bought": told.kwh("bought_kwh"), "sold": told.kwh("sold_kwh"),
        "amount": told.money("amount"), "market": told["market"],
    }  # fmt: skip
    return Words(
        _("Your trades of %(date)s: %(amount)s") % names,
        _("At %(market)s your home bought %(bought)s and sold %(sold)s.") % names,
        told.path("market"),
    )


def _terms_changed(told: _Told) -> Words:
    names = {"market": told["market"], "version": told["version"]}
    return Words(
        _("New terms of %(market)s") % names,
        _("Version %(version)s holds for you once you accept it. Until then your home does not trade.")
        % names,
        told.path("market"),
    )


def _security(told: _Told) -> Words:
    names = {"browser": told["browser"], "who": told["who"], "site": told.site, "by": told["by"]}
    said = {
        "sign_in": _("New sign-in with %(browser)s"),
        "password": _("Your password was changed"),
        "mfa": _("The ways you sign in were changed"),
        "email": _("Your e-mail address was changed"),
        "member": _("%(who)s can now see %(site)s"),
    }
    text = _("If this was not you, change your password now and sign out everywhere.")
    if told["what"] == "member":
        text = _("%(by)s added this person. If you did not expect that, take the access away.") % names
    return Words(said.get(told["what"], _("Your account was changed")) % names, text, _security_path(told))


def _security_path(told: _Told) -> str:
    return told.path("home") if told.site_id is not None else reverse("account_change_password")


def _test(told: _Told) -> Words:
    return Words(
        _("This is a test"), _("If you read this, this way of telling you works."), reverse("portal:notifications")
    )  # fmt: skip


_WORDS: Final[Mapping[str, Callable[[_Told], Words]]] = {
    Kind.EVENT_COMING: _event_coming,
    Kind.EVENT_ENDED: _event_ended,
    Kind.OPTED_OUT: _opted_out,
    Kind.HUB_OFFLINE: _hub_offline,
    Kind.HUB_BACK: _hub_back,
    Kind.DEVICE_FAULT: _device_fault,
    Kind.STATEMENT_READY: _statement_ready,
    Kind.PAYOUT: _payout,
    Kind.MARKET_SUMMARY: _market_summary,
    Kind.TERMS_CHANGED: _terms_changed,
    Kind.SECURITY: _security,
    Kind.TEST: _test,
}
