"""The portal's way around: which pages a home has, and where each stands on a phone and on a desktop."""

import dataclasses
from collections.abc import Callable, Collection
from typing import Final, Literal

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.sites.rights import Right

# main: always in sight. wide: in sight on a desktop, under More on a phone. more: always under More.
Place = Literal["main", "wide", "more"]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A page of the portal; `also` are the names of pages that stand under it, `right` opens it."""

    name: str
    label: str | Promise
    icon: str
    place: Place
    also: tuple[str, ...] = ()
    needs: Right | None = "see"


@dataclasses.dataclass(frozen=True)
class Link:
    """An entry for one home."""

    url: str
    label: str | Promise
    icon: str
    place: Place
    is_here: bool


@dataclasses.dataclass(frozen=True)
class Nav:
    """What the bar shows; `under_more` is the present page's place where it is not in sight on a phone."""

    links: list[Link]
    under_more: str


UNDER_DEVICES: Final = ("device", "routines", "shed_order", "s2_devices", "hub_progress")
ENTRIES: Final = (
    Entry("portal:home", _("Home"), "home", "main", ("why",)),
    Entry("portal:energy", _("Energy"), "chart", "main"),
    Entry("portal:events", _("Events"), "event", "main", ("event", "opt_out_periods", "opt_out_period_end")),
    Entry("portal:devices", _("Devices"), "plug", "main", UNDER_DEVICES, needs="devices"),
    Entry("portal:insights", _("Insights"), "bulb", "wide"),
    Entry("portal:earnings", _("Earnings"), "coins", "wide", ("statement",)),
    Entry("portal:market", _("Market"), "swap", "wide"),
    Entry("portal:preferences", _("Preferences"), "sliders", "more"),
    Entry("portal:people", _("People"), "people", "more"),
    Entry("portal:privacy", _("Data and consents"), "lock", "more", ("delete_home",)),
    Entry("portal:totals", _("Energy by month"), "chart", "main", needs="totals"),
    Entry("portal:notification_settings", _("Notifications"), "bell", "more", needs=None),
    Entry("portal:apps", _("Connected apps"), "plug", "more", needs=None),
    Entry("portal:hub_add", _("Add a hub"), "hub", "more", needs="install"),
    Entry("portal:homes", _("All homes"), "home", "more", needs=None),
)  # fmt: skip


def nav_of(*, site_id: int, rights: Collection[Right], here: str, section: str = "") -> Nav:
    """Return a home's links that `rights` open; `here` is the present page's name, `section` the entry it says to stand under."""
    found = _entry_of(here, section)
    links = [
        Link(url, entry.label, entry.icon, entry.place, entry is found)
        for entry in ENTRIES
        if _is_open(entry, rights) and (url := _url(entry.name, site_id)) is not None
    ]
    return Nav(links, under_more=found.place if found is not None and found.place != "main" else "")


def _is_open(entry: Entry, rights: Collection[Right]) -> bool:
    """Whether a link is shown; who sees the whole home has better than its totals."""
    if entry.name == "portal:totals" and "see" in rights:
        return False
    return entry.needs is None or entry.needs in rights


def _entry_of(here: str, section: str) -> Entry | None:
    tests: tuple[Callable[[Entry], bool], ...] = (
        lambda entry: entry.name == f"portal:{here}",
        lambda entry: here in entry.also,
        lambda entry: bool(section) and entry.name == f"portal:{section}",
    )
    return next((entry for test in tests for entry in ENTRIES if test(entry)), None)


def _url(name: str, site_id: int) -> str | None:
    """Return a page's address for a home, or as it is for all; None for a page that there is not."""
    for arguments in ([site_id], []):
        try:
            return reverse(name, args=arguments)
        except NoReverseMatch:
            continue
    return None
