"""Reads of hubs and instructions."""

import dataclasses
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from apps.accounts.models import Organization
from apps.hubs.models import (
    Campaign,
    DeviceProposal,
    DeviceReport,
    Diagnosis,
    Hub,
    HubUpdate,
    Instruction,
    Release,
)
from apps.sites.models import Site

CONNECTED = Q(connected_at__isnull=False) & (
    Q(disconnected_at=None) | Q(disconnected_at__lt=F("connected_at"))
)


@dataclasses.dataclass(frozen=True, slots=True)
class LinkIdentity:
    """What the link must know of a hub to let it in."""

    hub_id: str
    site_id: int
    generation: int


def link_identity(*, hub_id: str) -> LinkIdentity | None:
    """Return the identity of an active hub, else None."""
    hub = Hub.objects.filter(pk=hub_id, state=Hub.State.ACTIVE).only("site_id", "generation").first()
    if hub is None or hub.site_id is None:
        return None
    return LinkIdentity(hub_id=str(hub_id), site_id=hub.site_id, generation=hub.generation)


def hubs_of_organization(*, organization: Organization) -> QuerySet[Hub]:
    """Return the tenant's hubs with their sites."""
    return Hub.objects.filter(organization=organization).select_related("site").order_by("site_id")


def hubs_in_state(*, organization: Organization, state: str = "", version: str = "") -> QuerySet[Hub]:
    """Return the tenant's hubs: online, offline, new, revoked or (empty) all, of an agent's version; else none."""
    active = Q(state=Hub.State.ACTIVE)
    wanted = {
        "": Q(),
        "online": active & CONNECTED,
        "offline": active & ~CONNECTED & Q(connected_at__isnull=False),
        "new": active & Q(connected_at=None),
        "revoked": Q(state=Hub.State.REVOKED),
    }
    found = hubs_of_organization(organization=organization)
    if state not in wanted:
        return found.none()
    return found.filter(wanted[state], **({"agent_version": version} if version else {}))


def hubs_by_state(*, organization: Organization) -> dict[str, int]:
    """Return how many of the tenant's hubs are online, offline, new and revoked."""
    active = Q(state=Hub.State.ACTIVE)
    return Hub.objects.filter(organization=organization).aggregate(
        online=Count("pk", filter=active & CONNECTED),
        offline=Count("pk", filter=active & ~CONNECTED & Q(connected_at__isnull=False)),
        new=Count("pk", filter=active & Q(connected_at=None)),
        revoked=Count("pk", filter=Q(state=Hub.State.REVOKED)),
    )


def site_ids_with_hub(
    *, organization: Organization, state: str = "", version: str = ""
) -> QuerySet[Hub, int]:
    """Return a query of the tenant's sites that have an active hub: online, offline or new, of an agent's version."""
    found = Hub.objects.filter(organization=organization, state=Hub.State.ACTIVE, site__isnull=False)
    if state == "online":
        found = found.filter(CONNECTED)
    elif state == "offline":
        found = found.filter(~CONNECTED, connected_at__isnull=False)
    elif state == "new":
        found = found.filter(connected_at=None)
    if version:
        found = found.filter(agent_version=version)
    return found.order_by().values_list("site_id", flat=True)


def agent_versions(*, organization: Organization) -> list[str]:
    """Return which versions the tenant's hubs run."""
    found = Hub.objects.filter(organization=organization, state=Hub.State.ACTIVE).exclude(agent_version="")
    return sorted(found.order_by().values_list("agent_version", flat=True).distinct())


def hub_counts(*, organization: Organization) -> tuple[int, int]:
    """Return how many of the tenant's hubs are on the link, and how many there are."""
    found = Hub.objects.filter(organization=organization, state=Hub.State.ACTIVE)
    return found.filter(CONNECTED).count(), found.count()


def orders_of_hub(*, hub: Hub) -> QuerySet[Instruction]:
    """Return what a hub was told, the newest first."""
    return Instruction.objects.filter(hub=hub).order_by("-pk")


def diagnoses_of_hub(*, hub: Hub) -> QuerySet[Diagnosis]:
    """Return the checks a hub was asked for, the newest first."""
    return Diagnosis.objects.filter(hub=hub).order_by("-asked_at", "pk")


def releases() -> QuerySet[Release]:
    """Return the versions of the hubs' software, the newest first; they are everybody's."""
    return Release.objects.order_by("-published_at", "-pk")


def campaigns_of_organization(*, organization: Organization) -> QuerySet[Campaign]:
    """Return the tenant's campaigns, the newest first."""
    held = Campaign.objects.filter(organization=organization)
    return held.select_related("release", "organization").order_by("-pk")


def updates_of_campaign(*, campaign: Campaign) -> QuerySet[HubUpdate]:
    """Return how far each hub of a campaign got."""
    return HubUpdate.objects.filter(campaign=campaign).order_by("pk")


def active_hubs_by_site(*, site_ids: Iterable[int]) -> Mapping[int, Hub]:
    """Return the active hub of each site that has one."""
    hubs = Hub.objects.filter(site_id__in=list(site_ids), state=Hub.State.ACTIVE)
    return {hub.site_id: hub for hub in hubs if hub.site_id is not None}


def hub_in_the_house(*, site: Site) -> Hub | None:
    """Return a home's active hub, unless the cloud stands in for one."""
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    return hub if hub is not None and hub.kind != Hub.Kind.VIRTUAL else None


def active_hub_ids_by_site(*, site_ids: Iterable[int]) -> dict[int, UUID]:
    """Return which hub is active at each site that has one."""
    hubs = Hub.objects.filter(site_id__in=list(site_ids), state=Hub.State.ACTIVE)
    return dict(hubs.values_list("site_id", "pk"))


def latest_instructions(*, hub_ids: Iterable[UUID]) -> Mapping[UUID, Instruction]:
    """Return the newest instruction of each hub that has had one."""
    newest = Instruction.objects.filter(hub_id__in=list(hub_ids)).order_by("hub_id", "-pk").distinct("hub_id")
    return {instruction.hub_id: instruction for instruction in newest}


def instructions_of_hub(*, hub_id: UUID, limit: int) -> list[Instruction]:
    """Return what a hub was told last, the newest first."""
    return list(Instruction.objects.filter(hub_id=hub_id).order_by("-pk")[:limit])


@dataclasses.dataclass(frozen=True, slots=True)
class SiteDevices:
    """What a site's hub said of its devices, and what it found; `can_add` tells whether orders reach it at all."""

    hub: Hub | None
    report: DeviceReport | None
    proposals: list[DeviceProposal]

    @property
    def can_add(self) -> bool:
        return self.hub is not None and "devices" in self.hub.features

    @property
    def can_pair(self) -> bool:
        return self.can_add and self.hub is not None and "pairing" in self.hub.features


def devices_of_site(*, site: Site) -> SiteDevices:
    """Return the twin and the discovery inbox of a site, what waits for a decision first."""
    hub = Hub.objects.filter(site=site, state=Hub.State.ACTIVE).first()
    proposals = DeviceProposal.objects.filter(site=site).order_by("-last_seen_at", "name", "part", "pk")
    report = DeviceReport.objects.filter(hub=hub).first() if hub is not None else None
    return SiteDevices(hub=hub, report=report, proposals=list(proposals))
