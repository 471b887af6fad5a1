"""Where operators can go, by what they come for. The pages' `section` says which entry is theirs."""

import dataclasses
from typing import Final


@dataclasses.dataclass(frozen=True)
class Entry:
    """A page in the menu; `sections` are the pages that stand under it."""

    label: str
    url: str
    sections: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Group:
    label: str
    entries: tuple[Entry, ...]


def _entry(label: str, url: str, *, sections: str) -> Entry:
    return Entry(label, url, frozenset(sections.split()))


GROUPS: Final[tuple[Group, ...]] = (
    Group("", (_entry("Overview", "console:fleet", sections="fleet"),)),
    Group(
        "Operate",
        (
            _entry("Alerts", "console:alerts", sections="alerts alert alert_rules"),
            _entry("Sites", "console:sites", sections="sites site site_opt_out"),
            _entry("Map", "console:map", sections="map"),
            _entry("Events", "console:events", sections="events event decision steered_decision"),
            _entry("Capacity", "console:capacity", sections="capacity"),
            _entry("Flexibility", "console:capability", sections="capability"),
            _entry("Forecasts", "console:forecasts", sections="forecasts"),
            _entry("Hubs", "console:hubs", sections="hubs updates update hub_checks"),
        ),
    ),
    Group(
        "Programs",
        (
            _entry("Programs", "console:programs", sections="programs program enrollment"),
            _entry("Baselines", "console:baselines", sections="baselines baseline"),
            _entry("OpenADR", "openadr_pages:events", sections="openadr"),
        ),
    ),
    Group(
        "Money",
        (
            _entry("Payments", "console:payments", sections="payments payment_rules"),
            _entry("Settlement", "console:runs", sections="runs run"),
            _entry("Objections", "console:disputes", sections="disputes dispute"),
        ),
    ),
    Group(
        "Grid",
        (
            _entry("Grid areas", "console:areas", sections="areas area"),
            _entry(
                "Markets",
                "console:markets",
                sections="markets market market_run market_rules market_contracts market_network market_chain",
            ),
            _entry("Energy sharing", "console:sharing", sections="sharing sharing_community"),
        ),
    ),
    Group(
        "Admin",
        (
            _entry("Imports", "console:imports", sections="imports import"),
            _entry("Members", "console:members", sections="members member"),
            _entry("API credentials", "openadr_pages:credentials", sections="credentials"),
            _entry("Webhooks", "console:webhooks", sections="webhooks webhook"),
            _entry("Audit log", "console:audit", sections="audit audit_entry"),
        ),
    ),
)


def label_of(section: str) -> str:
    """Return what the menu calls the page's entry."""
    found = (entry.label for group in GROUPS for entry in group.entries if section in entry.sections)
    return next(found, "Menu")
