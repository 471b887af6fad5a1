"""Reads of communities that share; each takes whose they are."""

import dataclasses
from datetime import date

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum

from apps.accounts.models import Organization
from apps.markets.models import LogLeaf, SharingCommunity, SharingCredit, SharingMember, SharingRun
from apps.sites.models import Site
from apps.sites.selectors import areas_fed_by


@dataclasses.dataclass(frozen=True)
class SharedOfSite:
    """What sharing brought a home in a period [kWh]."""

    days: int
    drawn_kwh: float
    fed_kwh: float
    credited_kwh: float
    given_kwh: float
    last_sealed: date | None = None

    @property
    def share_of_draw(self) -> float | None:
        """Which part of what it drew came from neighbors."""
        return self.credited_kwh / self.drawn_kwh if self.drawn_kwh else None


def communities_of_organization(*, organization: Organization) -> QuerySet[SharingCommunity]:
    """Return the tenant's communities."""
    found = SharingCommunity.objects.filter(organization=organization).annotate(homes=Count("members"))
    return found.select_related("organization", "grid_area").order_by("pk")


def members_of_community(*, community: SharingCommunity) -> QuerySet[SharingMember]:
    """Return who shares."""
    return SharingMember.objects.filter(community=community).select_related("site").order_by("site_id")


def homes_to_share(*, community: SharingCommunity) -> QuerySet[Site]:
    """Return the homes of a community's area that share nowhere, by name."""
    areas = areas_fed_by(area=community.grid_area)
    found = Site.objects.filter(organization_id=community.organization_id, grid_area_id__in=areas)
    return found.filter(sharing__isnull=True).order_by("name", "pk")


def runs_of_community(*, community: SharingCommunity) -> QuerySet[SharingRun]:
    """Return the newest version of each day's settlement, the latest day first."""
    newest = SharingRun.objects.filter(community=OuterRef("community"), date=OuterRef("date")).order_by(
        "-version"
    )
    found = SharingRun.objects.filter(community=community, pk=Subquery(newest.values("pk")[:1]))
    return found.order_by("-date")


def credits_of_run(*, run: SharingRun) -> QuerySet[SharingCredit]:
    """Return what each home came to in a run."""
    return SharingCredit.objects.filter(run=run).select_related("site").order_by("site_id")


def community_of_site(*, site: Site) -> SharingCommunity | None:
    """Return the community in which a home shares."""
    return SharingCommunity.objects.filter(members__site=site).first()


def credits_of_site(*, site: Site, since: date) -> QuerySet[SharingCredit]:
    """Return a home's credits since a local day, by the newest version of each run, the latest day first."""
    newest = SharingRun.objects.filter(
        community=OuterRef("run__community"), date=OuterRef("run__date")
    ).order_by("-version")
    found = SharingCredit.objects.filter(
        site=site, run__date__gte=since, run=Subquery(newest.values("pk")[:1])
    )
    return found.select_related("run__community").order_by("-run__date")


def leaf_of_credit(*, credit: SharingCredit) -> LogLeaf | None:
    """Return the leaf that a home's day was sealed as; days of before they were sealed have none."""
    if credit.run.entry_id is None or credit.position is None:
        return None
    sealed = LogLeaf.objects.filter(entry=credit.run.entry_id, position=credit.position)
    return sealed.select_related("entry").first()


def shared_of_site(*, site: Site, since: date) -> SharedOfSite | None:
    """Sum a home's credits up; None where it shares with nobody and never did."""
    sums = credits_of_site(site=site, since=since).order_by().aggregate(
        days=Count("pk"), last=Max("run__date", filter=Q(run__entry__isnull=False)),
        drawn=Sum(F("drawn_sum_wh"), default=0), fed=Sum(F("fed_sum_wh"), default=0),
        credited=Sum(F("credited_sum_wh"), default=0), given=Sum(F("given_sum_wh"), default=0),
    )  # fmt: skip
    if not sums["days"] and community_of_site(site=site) is None:
        return None
    drawn, fed, credited, given = (sums[name] / 1000 for name in ("drawn", "fed", "credited", "given"))
    return SharedOfSite(sums["days"], drawn, fed, credited, given, sums["last"])
