"""What operators, partners and households are told of hubs: who is offline, who came and went, which updates fail."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet

from apps.alerts.selectors import organizations_wanting
from apps.alerts.services import (
    EventKind,
    Found,
    IncidentKind,
    Message,
    NotificationKind,
    Rule,
    Told,
    conditions_hold_everywhere,
    events_publish,
    households_tell,
    rules_of_kind,
)
from apps.hubs.models import Campaign, Hub, HubUpdate

# Households hear of an absence that lasts; each look reaches back further than looks lie apart.
AWAY: Final = timedelta(minutes=30)
LOOK_BACK: Final = timedelta(minutes=60)
CAMPAIGN_KEPT: Final = timedelta(days=7)


def hubs_watch(*, now: datetime) -> None:
    """Look at all hubs once."""
    _offline_watch(now=now)
    _updates_watch(now=now)
    _partners_tell(now=now)
    _households_tell(now=now)


def _offline() -> QuerySet[Hub]:
    """Hubs that were there once and are not now."""
    return Hub.objects.filter(
        state=Hub.State.ACTIVE, site__isnull=False, disconnected_at__gte=F("connected_at")
    )


def _offline_watch(*, now: datetime) -> None:
    kind = IncidentKind.HUB_OFFLINE
    rules = rules_of_kind(kind=kind)
    organizations = _offline().values_list("organization_id", flat=True).distinct()
    found = {pk: _offline_of(pk, rules[pk], now=now) for pk in organizations if pk is not None}
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)


def _offline_of(organization_id: int, rule: Rule, *, now: datetime) -> list[Found]:
    """Many of one area are counted, not read one by one."""
    away = _offline().filter(organization_id=organization_id, disconnected_at__lte=now - rule.after)
    counts = away.values_list("site__grid_area_id", "site__grid_area__name").annotate(Count("pk")).order_by()
    found: list[Found] = []
    for area_id, area, count in counts:
        here = (
            away.filter(site__grid_area_id=area_id).select_related("site").order_by("-disconnected_at", "pk")
        )
        shown = list(here[: rule.most_single if count <= rule.most_single else 5])
        if count > rule.most_single:
            found.append(_many(shown, area_id, area=area or "", count=count))
        else:
            found += [_single(hub, area=area or "") for hub in shown]
    return found


MANY: Final = "{count} hubs offline in {area}"


def _single(hub: Hub, *, area: str) -> Found:
    assert hub.site is not None and hub.disconnected_at is not None
    return Found(
        key=f"hub:{hub.pk}", title=f"The hub of {hub.site.name} is offline",
        detail=f"Not heard since {hub.disconnected_at:%Y-%m-%d %H:%M} UTC", site_id=hub.site_id,
        area_id=hub.site.grid_area_id, area=area, many=MANY,
    )  # fmt: skip


def _many(shown: Sequence[Hub], area_id: int | None, *, area: str, count: int) -> Found:
    names = ", ".join(hub.site.name for hub in shown if hub.site is not None)
    return Found(
        key=f"area:{area_id or 0}", title=MANY, detail=f"{names} and {count - len(shown)} more", area_id=area_id,
        area=area, count=count, many=MANY,
    )  # fmt: skip


def _updates_watch(*, now: datetime) -> None:
    kind = IncidentKind.UPDATE_FAILED
    rules = rules_of_kind(kind=kind)
    failed = Count("updates", filter=Q(updates__state=HubUpdate.State.FAILED))
    newest = Campaign.objects.order_by("organization_id", "-pk").distinct("organization_id").values("pk")
    recent = Q(ended_at=None) | Q(ended_at__gt=now - CAMPAIGN_KEPT)
    found: dict[int, list[Found]] = {}
    campaigns = (
        Campaign.objects.filter(recent, pk__in=newest).select_related("release").annotate(failed=failed)
    )
    for one in campaigns.order_by("pk"):
        if one.failed >= max(1, rules[one.organization_id].threshold):
            title = (
                f"Update to {one.release.version} failed on {one.failed} hub{'s' if one.failed > 1 else ''}"
            )
            detail = f"The update is {one.state}. {one.state_reason}".strip()
            found[one.organization_id] = [Found(key=f"campaign:{one.pk}", title=title, detail=detail)]
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)


def _partners_tell(*, now: datetime) -> None:
    for kind, column in ((EventKind.HUB_ONLINE, "connected_at"), (EventKind.HUB_OFFLINE, "disconnected_at")):
        for organization_id in organizations_wanting(kind=kind):
            changed = Hub.objects.filter(organization_id=organization_id, site__isnull=False)
            changed = changed.filter(**{f"{column}__gt": now - LOOK_BACK, f"{column}__lte": now})
            if kind == EventKind.HUB_OFFLINE:
                changed = changed.filter(disconnected_at__gte=F("connected_at"))
            rows = changed.order_by(column, "pk").values_list("pk", "site_id", column)
            told = [Told(f"hub:{pk}:{at.isoformat()}", _data(pk, site_id, at=at)) for pk, site_id, at in rows]
            events_publish(organization_id=organization_id, kind=kind, told=told, now=now)


def _data(hub_id: object, site_id: int | None, *, at: datetime) -> dict[str, Any]:
    return {"hub_id": str(hub_id), "site_id": site_id, "at": at.isoformat()}


def _households_tell(*, now: datetime) -> None:
    lost = _offline().filter(disconnected_at__lte=now - AWAY, disconnected_at__gt=now - AWAY - LOOK_BACK)
    households_tell(
        kind=NotificationKind.HUB_OFFLINE,
        messages=[_message(one, {"since": one["disconnected_at"]}) for one in _times(lost)],
        now=now,
    )
    back = Hub.objects.filter(
        state=Hub.State.ACTIVE, site__isnull=False, connected_at__gt=now - LOOK_BACK, connected_at__lte=now,
        disconnected_at__lte=F("connected_at") - AWAY,
    )  # fmt: skip
    households_tell(
        kind=NotificationKind.HUB_BACK,
        messages=[
            _message(one, {"since": one["disconnected_at"], "at": one["connected_at"]})
            for one in _times(back)
        ],
        now=now,
    )


def _times(hubs: QuerySet[Hub]) -> Iterable[Mapping[str, Any]]:
    return list(hubs.order_by("pk").values("pk", "site_id", "disconnected_at", "connected_at"))


def _message(one: Mapping[str, Any], times: Mapping[str, datetime]) -> Message:
    facts = {name: at.isoformat() for name, at in times.items()}
    return Message(one["site_id"], f"hub:{one['pk']}:{facts['since']}", facts)
