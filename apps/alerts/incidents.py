"""The life of incidents: what is found opens, goes on, ends and comes back; many of one area are one."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import Organization
from apps.alerts.models import EventKind, Incident, IncidentKind, IncidentNote
from apps.alerts.rules import Rule, rule_of
from apps.alerts.webhook_events import event_publish
from apps.common.redis import publish

BUS: Final = "alerts"
# A condition that returns within this time is the same incident again.
COMES_BACK: Final = timedelta(minutes=30)
Act = IncidentNote.Act


@dataclasses.dataclass(frozen=True)
class Found:
    """A condition that holds; `many` is how it is said of several in one area, with {count} and {area}."""

    key: str
    title: str
    detail: str = ""
    site_id: int | None = None
    area_id: int | None = None
    area: str = ""
    count: int = 1
    many: str = ""


def conditions_hold_everywhere(
    *, kind: str, found: Mapping[int, Sequence[Found]], now: datetime, rules: Mapping[int, Rule]
) -> None:
    """Take over which conditions of a kind hold, by organization; where none is named, none holds."""
    open_ = Incident.objects.filter(kind=kind, cleared_at=None)
    concerned = set(open_.values_list("organization_id", flat=True)) | {
        pk for pk, ones in found.items() if ones
    }
    for organization in Organization.objects.filter(pk__in=concerned).order_by("pk"):
        conditions_hold(
            organization=organization, kind=kind, found=found.get(organization.pk, ()), now=now,
            rule=rules[organization.pk],
        )  # fmt: skip


@transaction.atomic
def conditions_hold(
    *, organization: Organization, kind: str, found: Iterable[Found], now: datetime, rule: Rule | None = None
) -> int:
    """Take over which conditions of a kind hold now, all of them: what is new opens, what is gone clears.

    Return how many incidents of the kind are open.
    """
    rule = rule or rule_of(organization_id=organization.pk, kind=kind)
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)  # one look at a time
    open_ = Incident.objects.select_for_update(of=("self",)).filter(
        organization=organization, kind=kind, cleared_at=None
    )
    held = {one.key: one for one in open_.order_by("pk")}
    wanted = {one.key: one for one in _gathered(found, rule, already=set(held))} if rule.enabled else {}
    for key, incident in held.items():
        if key not in wanted:
            _clear(incident, now=now, instead=wanted.get(_area_key(incident.grid_area_id)))
        else:
            _go_on(incident, wanted[key], rule=rule, now=now)
    new = [one for key, one in wanted.items() if key not in held]
    _open_all(organization, IncidentKind(kind), found=new, rule=rule, now=now)
    if new or set(held) - set(wanted):
        transaction.on_commit(lambda: publish(BUS, [organization.pk]))
    return len(wanted)


def _area_key(area_id: int | None) -> str:
    return f"area:{area_id or 0}"


def _gathered(found: Iterable[Found], rule: Rule, *, already: Collection[str]) -> list[Found]:
    """Say as one what too many of one area have in common; what is said as one stays so until half of it is over."""
    areas: dict[tuple[int | None, str], list[Found]] = defaultdict(list)
    for one in found:
        areas[one.area_id, one.many].append(one)
    shown: list[Found] = []
    for (area_id, many), ones in areas.items():
        count = sum(one.count for one in ones)
        most = rule.most_single // 2 if _area_key(area_id) in already else rule.most_single
        shown += ones if count <= most or not many else [_as_one(ones, area_id, count=count)]
    return shown


def _as_one(ones: Sequence[Found], area_id: int | None, *, count: int) -> Found:
    area = ones[0].area or "no area"
    names = ", ".join(one.title for one in ones[:5]) if len(ones) > 1 else ones[0].detail
    rest = f" and {count - 5} more" if len(ones) > 5 else ""
    return Found(
        key=_area_key(area_id), title=ones[0].many.format(count=count, area=area), detail=f"{names}{rest}"[:500],
        area_id=area_id, area=area, count=count,
    )  # fmt: skip


def _open_all(
    organization: Organization, kind: IncidentKind, *, found: Sequence[Found], rule: Rule, now: datetime
) -> None:
    back = {
        one.key: one
        for one in Incident.objects.select_for_update(of=("self",))
        .filter(organization=organization, kind=kind, key__in=[one.key for one in found])
        .filter(cleared_at__gt=now - COMES_BACK)
        .order_by("cleared_at", "pk")
    }
    for one in found:
        if one.key in back:
            _reopen(back[one.key], one, rule=rule, now=now)
        else:
            _open(organization, kind, found=one, rule=rule, now=now)


def _facts(one: Found, rule: Rule) -> dict[str, Any]:
    return {
        "severity": rule.severity, "title": one.title[:200], "detail": one.detail[:500], "count": one.count,
        "site_id": one.site_id, "grid_area_id": one.area_id,
    }  # fmt: skip


def _open(organization: Organization, kind: IncidentKind, *, found: Found, rule: Rule, now: datetime) -> None:
    incident = Incident.objects.create(
        organization=organization, kind=kind, key=found.key, opened_at=now, changed_at=now, **_facts(found, rule)
    )  # fmt: skip
    _note(incident, Act.OPENED, now=now)
    _tell(incident, EventKind.INCIDENT_OPENED, now=now)


def _reopen(incident: Incident, found: Found, *, rule: Rule, now: datetime) -> None:
    for name, value in _facts(found, rule).items():
        setattr(incident, name, value)
    incident.cleared_at, incident.changed_at = None, now
    incident.acknowledged_at, incident.acknowledged_by = None, ""
    incident.reopened += 1
    incident.save()
    _note(incident, Act.REOPENED, now=now)
    _tell(incident, EventKind.INCIDENT_OPENED, now=now)


def _go_on(incident: Incident, found: Found, *, rule: Rule, now: datetime) -> None:
    facts = _facts(found, rule)
    changed = {name: value for name, value in facts.items() if getattr(incident, name) != value}
    if not changed:
        return
    if "severity" in changed:
        _note(incident, Act.WORSE, now=now, note=f"{incident.severity} to {rule.severity}")
    Incident.objects.filter(pk=incident.pk).update(changed_at=now, **changed)


def _clear(incident: Incident, *, now: datetime, instead: Found | None = None) -> None:
    incident.cleared_at = incident.changed_at = max(now, incident.opened_at)
    incident.snoozed_until = None
    incident.save(update_fields=["cleared_at", "changed_at", "snoozed_until"])
    _note(incident, Act.CLEARED, now=now, note=f"part of: {instead.title}"[:500] if instead else "")
    _tell(incident, EventKind.INCIDENT_CLEARED, now=now)


def _note(incident: Incident, act: str, *, now: datetime, note: str = "") -> None:
    IncidentNote.objects.create(incident=incident, act=act, note=note, at=now)


def _tell(incident: Incident, kind: EventKind, *, now: datetime) -> None:
    data = {
        "incident_id": incident.pk, "kind": incident.kind, "key": incident.key, "severity": incident.severity,
        "title": incident.title, "count": incident.count, "site_id": incident.site_id,
        "opened_at": incident.opened_at.isoformat(),
    }  # fmt: skip
    event_publish(
        organization_id=incident.organization_id, kind=kind, key=f"{incident.pk}:{incident.reopened}", data=data,
        now=now,
    )  # fmt: skip
