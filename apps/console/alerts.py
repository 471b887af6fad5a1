"""What operators' pages of incidents show and do."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from django.urls import reverse

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.alerts.acknowledging import (
    incident_acknowledge,
    incident_snooze,
    incident_unacknowledge,
    incident_wake,
)
from apps.alerts.errors import IncidentInvalidError, RuleInvalidError
from apps.alerts.incident_selectors import incident_of_organization, notes_of
from apps.alerts.models import Incident, IncidentNote
from apps.alerts.rules import DEFAULTS, Rule, rule_set

# What an incident's key names, and the page that shows it; `site` is the homeowners'.
_PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "signal": ("console:event", "The event"),
    "hub": ("console:hub_checks", "The hub's checks"),
    "campaign": ("console:update", "The update"),
    "market": ("console:market", "The market"),
    "connection3": ("openadr_pages:connection", "The connection"),
    "connection2b": ("openadr_pages:connection", "The connection"),
    "subscription": ("openadr_pages:vens", "VENs"),
    "area": ("console:hubs", "Hubs"),
}
_UNDO: Final = {"acknowledge": "unacknowledge", "snooze": "wake"}


@dataclasses.dataclass(frozen=True)
class IncidentDetail:
    """One incident with its life, and where its cause is shown."""

    incident: Incident
    notes: list[IncidentNote]
    link: str
    link_label: str


@dataclasses.dataclass(frozen=True)
class Done:
    """What was just done and can be taken back."""

    incident: Incident
    did: str
    undo: str


def incident_detail(*, organization: Organization, incident_id: int) -> IncidentDetail:
    """Return one incident as its page shows it."""
    held = incident_of_organization(organization=organization, incident_id=incident_id)
    link, label = _link(organization, held)
    return IncidentDetail(held, notes_of(incident=held), link, label)


def _link(organization: Organization, incident: Incident) -> tuple[str, str]:
    what, _, number = incident.key.partition(":")
    if what == "site" and incident.site_id is not None:
        return reverse("portal:home", args=[incident.site_id]), "The home"
    if what not in _PAGES:
        return "", ""
    name, label = _PAGES[what]
    more = {"connection3": ["3.x", number], "connection2b": ["2.0b", number], "subscription": [], "area": []}
    return reverse(name, args=[organization.pk, *more.get(what, [number])]), label


def act(
    *, user: User, organization: Organization, incident_id: int, sent: Mapping[str, str], now: datetime
) -> None:
    """Acknowledge, snooze, or take one of them back; viewers may not."""
    _check_operator(user, organization)
    who = {"organization": organization, "incident_id": incident_id, "actor": user.email, "now": now}
    note = sent.get("note", "")
    acts: dict[str, Callable[[], Incident]] = {
        "acknowledge": lambda: incident_acknowledge(**who, note=note),  # type: ignore[arg-type]
        "unacknowledge": lambda: incident_unacknowledge(**who),  # type: ignore[arg-type]
        "snooze": lambda: incident_snooze(**who, wish=sent.get("for", ""), note=note),  # type: ignore[arg-type]
        "wake": lambda: incident_wake(**who),  # type: ignore[arg-type]
    }
    wanted = sent.get("act", "")
    if wanted not in acts:
        raise IncidentInvalidError("an incident can be acknowledged or snoozed")
    acts[wanted]()


def done(*, organization: Organization, incident_id: int | None, now: datetime) -> Done | None:
    """Return what was just done to an incident, where it still stands."""
    if incident_id is None:
        return None
    held = Incident.objects.filter(organization=organization, pk=incident_id, cleared_at=None).first()
    if held is None:
        return None
    if held.snoozed_until is not None and held.snoozed_until > now:
        return Done(held, "snoozed", _UNDO["snooze"])
    return Done(held, "acknowledged", _UNDO["acknowledge"]) if held.acknowledged_at else None


def rule_save(*, user: User, organization: Organization, sent: Mapping[str, str], now: datetime) -> Rule:
    """Take over one rule as its form sends it; viewers may not."""
    _check_operator(user, organization)
    kind = sent.get("kind", "")
    if kind not in DEFAULTS:
        raise RuleInvalidError("no such kind of condition")
    wanted = DEFAULTS[kind] if "default" in sent else _wanted(DEFAULTS[kind], sent)
    return rule_set(organization=organization, wanted=wanted, actor=user.email, now=now)


def _wanted(default: Rule, sent: Mapping[str, str]) -> Rule:
    """What plays no part for a kind stays as the default has it."""
    wanted = dataclasses.replace(default, enabled="enabled" in sent, severity=sent.get("severity", ""))
    if default.unit:
        wanted = dataclasses.replace(wanted, threshold=_number(sent.get("threshold", "")))
    if default.lasts:
        wanted = dataclasses.replace(wanted, after_s=round(_number(sent.get("after_min", "")) * 60))
    if default.gathers:
        wanted = dataclasses.replace(wanted, most_single=round(_number(sent.get("most_single", ""))))
    return wanted


def _number(text: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError as error:
        raise RuleInvalidError(f"{text[:20]!r} is no number") from error
    if not -1e9 < value < 1e9:
        raise RuleInvalidError("a number is out of range")
    return value


def _check_operator(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can do this")
