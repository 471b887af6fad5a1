"""Releases, campaigns, and what hubs report about their updates."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.hubs.errors import CampaignError, HubUnknownError, ReleaseUnknownError
from apps.hubs.models import Campaign, Hub, HubUpdate, Release
from apps.hubs.rings import RINGS, next_step, progress_of, ring_of
from vpp.protocols.link.update import UpdateAnswer, UpdateReport

CALM_POLL_S = 3600.0
BUSY_POLL_S = 300.0
_ENDED = {HubUpdate.State.HEALTHY, HubUpdate.State.FAILED}
_BY_PHASE = {"downloaded": HubUpdate.State.DOWNLOADED, "trial": HubUpdate.State.TRIAL}


@transaction.atomic
def releases_sync(*, published: Mapping[str, Any], now: datetime) -> None:
    """Take over which versions the repository signs for; `published` are its targets by version."""
    for version, target in published.items():
        facts = {
            "hardware": list(target.custom["hardware"]),
            "ring": target.custom["ring_ppm"] / 10_000,
            "length": target.length,
            "notes": target.custom["notes"],
            "withdrawn_at": None,
        }
        Release.objects.update_or_create(
            version=version, defaults=facts, create_defaults={**facts, "published_at": now}
        )
    gone = Release.objects.exclude(version__in=list(published)).filter(withdrawn_at__isnull=True)
    gone.update(withdrawn_at=now)


def campaign_start(
    *,
    organization: Organization,
    version: str,
    test_hubs: Collection[UUID] = (),
    soak_minutes: int = 60,
    actor: str,
    now: datetime,
) -> Campaign:
    """Begin to bring a release to an organization's hubs, with its first ring."""
    release = Release.objects.filter(version=version, withdrawn_at__isnull=True).first()
    if release is None:
        raise ReleaseUnknownError(f"there is no release {version}")
    known = Hub.objects.filter(organization=organization, pk__in=test_hubs).count()
    if known != len(set(test_hubs)):
        raise HubUnknownError("a test hub is none of this organization's")
    try:
        with transaction.atomic():
            campaign = Campaign.objects.create(
                organization=organization,
                release=release,
                test_hubs=sorted(str(hub_id) for hub_id in test_hubs),
                soak_minutes=soak_minutes,
                started_by=actor,
                created_at=now,
                ring_started_at=now,
            )
            _audit(campaign, "campaign_start", actor=actor, reason=f"version {version}", now=now)
            _open_ring(campaign, now=now)
    except IntegrityError as error:
        raise CampaignError("an update is on its way already; stop it first") from error
    return campaign


def campaign_pause(*, campaign: Campaign, actor: str, reason: str, now: datetime) -> Campaign:
    """Offer the release to no further hub until resumed."""
    return _set(
        campaign, Campaign.State.PAUSED, before={Campaign.State.RUNNING}, actor=actor, reason=reason, now=now
    )


def campaign_resume(*, campaign: Campaign, actor: str, reason: str, now: datetime) -> Campaign:
    """Go on after a pause."""
    return _set(
        campaign, Campaign.State.RUNNING, before={Campaign.State.PAUSED}, actor=actor, reason=reason, now=now
    )


def campaign_stop(*, campaign: Campaign, actor: str, reason: str, now: datetime) -> Campaign:
    """End a campaign for good; hubs that have the release keep it."""
    before = {Campaign.State.RUNNING, Campaign.State.PAUSED}
    return _set(campaign, Campaign.State.STOPPED, before=before, actor=actor, reason=reason, now=now)


@transaction.atomic
def _set(
    campaign: Campaign,
    state: Campaign.State,
    *,
    before: Collection[Campaign.State],
    actor: str,
    reason: str,
    now: datetime,
) -> Campaign:
    held = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if held.state not in before:
        raise CampaignError(f"a campaign that is {held.state} cannot become {state.value}")
    if not reason.strip():
        raise CampaignError("say why; it is kept", code="reason_missing", status=400)
    held.state, held.state_reason = state, reason.strip()[:300]
    if state == Campaign.State.RUNNING:
        held.ring_started_at = now
    if not held.is_open:
        held.ended_at = now
    held.save()
    _audit(held, f"campaign_{state.value}", actor=actor, reason=held.state_reason, now=now)
    return held


def campaigns_advance(*, now: datetime) -> list[Campaign]:
    """Let every running campaign take its next step; return those that did."""
    running = (
        Campaign.objects.filter(state=Campaign.State.RUNNING).order_by("pk").values_list("pk", flat=True)
    )
    moved = [campaign_advance(campaign_id=pk, now=now) for pk in list(running)]
    return [campaign for campaign in moved if campaign is not None]


@transaction.atomic
def campaign_advance(*, campaign_id: int, now: datetime) -> Campaign | None:
    """Take a running campaign's next step; None where it waits."""
    campaign = Campaign.objects.select_for_update().filter(pk=campaign_id).first()
    if campaign is None or campaign.state != Campaign.State.RUNNING:
        return None
    _open_ring(campaign, now=now)
    counts = campaign.updates.values_list("state").annotate(Count("pk"))
    step = next_step(
        progress_of(dict(counts)),
        ring=campaign.ring,
        soaked=now - campaign.ring_started_at >= timedelta(minutes=campaign.soak_minutes),
        healthy_pct=campaign.healthy_pct,
        failed_pct=campaign.failed_pct,
    )
    if step.do == "wait":
        return None
    campaign.state_reason = step.reason
    if step.do == "advance":
        campaign.ring, campaign.ring_started_at = campaign.ring + 1, now
        _open_ring(campaign, now=now)
    else:
        campaign.state = Campaign.State.STOPPED if step.do == "stop" else Campaign.State.DONE
        campaign.ended_at = now
    campaign.save()
    reason = f"ring {RINGS[campaign.ring]:g} %: {step.reason}"
    _audit(campaign, f"campaign_{step.do}", actor="the platform", reason=reason, now=now)
    return campaign


def _open_ring(campaign: Campaign, *, now: datetime) -> None:
    """Add the hubs of the rings opened so far that are not in the campaign yet and can update themselves."""
    new = Hub.objects.filter(
        organization_id=campaign.organization_id, state=Hub.State.ACTIVE, features__contains="update"
    ).exclude(pk__in=campaign.updates.values("hub_id"))
    HubUpdate.objects.bulk_create(
        [
            HubUpdate(campaign=campaign, hub_id=pk, ring=ring, from_version=version, changed_at=now)
            for pk, version in new.values_list("pk", "agent_version")
            if (ring := ring_of(str(pk), is_test_hub=str(pk) in campaign.test_hubs)) <= campaign.ring
        ],
        batch_size=5000,
        ignore_conflicts=True,
    )


@transaction.atomic
def update_report(*, hub_id: str, report: UpdateReport, now: datetime) -> UpdateAnswer:
    """Take what a hub says of its update; answer which version it shall run."""
    Hub.objects.filter(pk=hub_id).update(agent_version=report.version[:40])
    held = (
        HubUpdate.objects.select_for_update(of=("self",))
        .select_related("campaign__release")
        .filter(hub_id=hub_id)
        .order_by("-campaign_id")
        .first()
    )
    if held is None:
        return UpdateAnswer(poll_s=CALM_POLL_S)
    version = held.campaign.release.version
    offers = held.campaign.state == Campaign.State.RUNNING and held.campaign.release.withdrawn_at is None
    state, reason = _reported(held, report, version=version, offers=offers)
    if (state, reason) != (held.state, held.reason):
        held.state, held.reason, held.changed_at = state, reason[:300], now
        held.save(update_fields=["state", "reason", "changed_at"])
    if not offers or state in _ENDED:
        return UpdateAnswer(poll_s=BUSY_POLL_S if held.campaign.is_open else CALM_POLL_S)
    return UpdateAnswer(wanted=version, poll_s=BUSY_POLL_S)


def _reported(held: HubUpdate, report: UpdateReport, *, version: str, offers: bool) -> tuple[str, str]:
    """Return how far a hub got by what it says; a version given up stays given up."""
    if report.version == version and report.phase not in _BY_PHASE:
        return HubUpdate.State.HEALTHY, ""
    if report.failed_version == version:
        return HubUpdate.State.FAILED, report.reason or "given up"
    if held.state in _ENDED:
        return held.state, held.reason
    if report.candidate_version == version and report.phase in _BY_PHASE:
        return _BY_PHASE[report.phase], ""
    return (HubUpdate.State.OFFERED, report.problem) if offers else (held.state, report.problem)


def _audit(campaign: Campaign, action: str, *, actor: str, reason: str, now: datetime) -> None:
    audit(
        organization=campaign.organization,
        actor=actor,
        action=action,
        subject=f"campaign {campaign.pk}",
        now=now,
        reason=reason,
    )
