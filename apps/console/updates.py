"""What operators see of updates and checks, and what they may change."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import QueryDict

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.common.errors import DomainError
from apps.hubs import update_services
from apps.hubs.diagnoses import diagnosis_ask
from apps.hubs.models import Campaign, Diagnosis, Hub, HubUpdate, Release
from apps.hubs.rings import RINGS
from apps.hubs.selectors import hubs_of_organization
from vpp.protocols.link.checks import CHECKS

NEWEST = 20
SHOWN_TROUBLES = 100
SHOWN_HUBS = 500
_ON_THE_WAY = {"offered", "downloaded", "trial"}
_CHANGES: dict[str, Callable[..., Campaign]] = {
    "pause": update_services.campaign_pause,
    "resume": update_services.campaign_resume,
    "stop": update_services.campaign_stop,
}


@dataclasses.dataclass(frozen=True)
class Part:
    """A colored part of a ring's bar, in per cent of its width."""

    kind: str
    count: int
    x: float
    width: float


@dataclasses.dataclass(frozen=True)
class RingRow:
    """How far the hubs of one ring are."""

    share: float
    is_open: bool
    hubs: int
    parts: list[Part]


@dataclasses.dataclass(frozen=True)
class CampaignRow:
    """A campaign with its rings."""

    campaign: Campaign
    rings: list[RingRow]
    healthy: int
    failed: int
    hubs: int


def releases() -> QuerySet[Release]:
    """Return the newest releases."""
    return Release.objects.order_by("-published_at", "-pk")[:NEWEST]


def campaign_rows(*, organization: Organization) -> list[CampaignRow]:
    """Return the newest campaigns with their progress."""
    found = Campaign.objects.filter(organization=organization).select_related("release").order_by("-pk")
    return [campaign_row(campaign) for campaign in found[:NEWEST]]


def campaign_of_organization(*, organization: Organization, campaign_id: int) -> Campaign | None:
    """Return the tenant's campaign."""
    found = Campaign.objects.filter(organization=organization, pk=campaign_id)
    return found.select_related("release", "organization").first()


def campaign_row(campaign: Campaign) -> CampaignRow:
    """Return a campaign's progress, ring by ring."""
    counts: dict[int, dict[str, int]] = {}
    for ring, state, count in campaign.updates.values_list("ring", "state").annotate(Count("pk")):
        kind = "on-the-way" if state in _ON_THE_WAY else state
        held = counts.setdefault(ring, {})
        held[kind] = held.get(kind, 0) + count
    return CampaignRow(
        campaign=campaign,
        rings=[
            RingRow(share, index <= campaign.ring, sum(held.values()), _parts(held))
            for index, share in enumerate(RINGS)
            for held in [counts.get(index, {})]
        ],
        healthy=sum(held.get("healthy", 0) for held in counts.values()),
        failed=sum(held.get("failed", 0) for held in counts.values()),
        hubs=sum(sum(held.values()) for held in counts.values()),
    )


def _parts(counts: dict[str, int]) -> list[Part]:
    total = sum(counts.values())
    parts, x = [], 0.0
    for kind in ("healthy", "failed", "on-the-way", "waiting"):
        count = counts.get(kind, 0)
        width = round(100 * count / total, 2) if total else 0.0
        parts.append(Part(kind, count, round(x, 2), width))
        x += width
    return parts


def troubles(campaign: Campaign) -> QuerySet[HubUpdate]:
    """Return the hubs that failed, or that something hinders, the latest first."""
    found = campaign.updates.exclude(reason="").select_related("hub__site")
    return found.order_by("-changed_at")[:SHOWN_TROUBLES]


def updatable_hubs(*, organization: Organization) -> QuerySet[Hub]:
    """Return the hubs that can update themselves."""
    found = hubs_of_organization(organization=organization)
    return found.filter(state=Hub.State.ACTIVE, features__contains="update")[:SHOWN_HUBS]


def start(*, user: User, organization: Organization, sent: QueryDict, now: datetime) -> Campaign:
    """Begin an update as a form asks for it; viewers may not."""
    _must_operate(user, organization, what="start an update")
    try:
        test_hubs = [UUID(text) for text in sent.getlist("test_hubs")]
        soak_minutes = int(sent.get("soak_minutes") or 60)
    except ValueError as error:
        raise DomainError("that is no number of minutes, or no hub", code="form_invalid") from error
    if not 0 <= soak_minutes <= 10_080:
        raise DomainError("a ring is watched for 0 to 10080 minutes", code="form_invalid")
    return update_services.campaign_start(
        organization=organization,
        version=sent.get("version", ""),
        test_hubs=test_hubs,
        soak_minutes=soak_minutes,
        actor=user.email,
        now=now,
    )


def change(*, user: User, campaign: Campaign, sent: QueryDict, now: datetime) -> Campaign:
    """Pause, resume or stop, with the reason that is kept; viewers may not."""
    _must_operate(user, campaign.organization, what="change an update")
    do = _CHANGES.get(sent.get("do", ""))
    if do is None:
        raise DomainError("pause, resume or stop?", code="form_invalid")
    return do(campaign=campaign, actor=user.email, reason=sent.get("reason", ""), now=now)


def checks_of(hub: Hub) -> QuerySet[Diagnosis]:
    """Return what a hub was asked for, newest first."""
    return Diagnosis.objects.filter(hub=hub).order_by("-asked_at", "-pk")[:NEWEST]


def check_choices() -> list[tuple[str, str]]:
    """Return the known checks with what each tells."""
    return list(CHECKS.items())


def ask(*, user: User, organization: Organization, hub: Hub, name: str, now: datetime) -> Diagnosis:
    """Ask a hub for a check; viewers may not."""
    _must_operate(user, organization, what="ask a hub for a check")
    return diagnosis_ask(hub=hub, name=name, actor=user.email, now=now)


def _must_operate(user: User, organization: Organization, *, what: str) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError(f"only an operator can {what}")
