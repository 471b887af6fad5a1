"""Reads of hubs and instructions."""

import dataclasses
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.models import Organization
from apps.hubs.models import DeviceProposal, DeviceReport, Hub, Instruction
from apps.sites.models import Site


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


def active_hubs_by_site(*, site_ids: Iterable[int]) -> Mapping[int, Hub]:
    """Return the active hub of each site that has one."""
    hubs = Hub.objects.filter(site_id__in=list(site_ids), state=Hub.State.ACTIVE)
    return {hub.site_id: hub for hub in hubs if hub.site_id is not None}


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


def devices_of_site(*, site: Site) -> SiteDevices:
    """Return the twin and the discovery inbox of a site, what waits for a decision first."""
    hub = Hub.objects.filter(site=site, state=Hub.State.ACTIVE).first()
    proposals = DeviceProposal.objects.filter(site=site).order_by("-last_seen_at", "name", "part", "pk")
    report = DeviceReport.objects.filter(hub=hub).first() if hub is not None else None
    return SiteDevices(hub=hub, report=report, proposals=list(proposals))
