"""What operators are told of measurements: much that is set aside, clocks that go wrong, areas beyond their limit."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q, Sum

from apps.alerts.services import Found, IncidentKind, Rule, conditions_hold_everywhere, rules_of_kind
from apps.sites.models import GridArea, Site
from apps.sites.selectors import areas_fed_by, sites_by_id
from apps.telemetry.models import LatestSnapshot, Quarantined
from apps.telemetry.selectors import recent_means

HOUR: Final = timedelta(hours=1)
FRESH: Final = timedelta(minutes=5)
CLOCK_REASONS: Final = ("future_dated", "clock_not_trusted")


def telemetry_watch(*, now: datetime) -> None:
    """Look at what came in lately."""
    counts = {
        site_id: (clock, every - clock)
        for site_id, every, clock in Quarantined.objects.filter(received_at__gt=now - HOUR)
        .values_list("site_id")
        .annotate(every=Count("pk"), clock=Count("pk", filter=Q(reason__in=CLOCK_REASONS)))
    }
    sites = sites_by_id(site_ids=list(counts))
    _aside_watch(IncidentKind.CLOCK_WRONG, {pk: one[0] for pk, one in counts.items()}, sites=sites, now=now)
    _aside_watch(
        IncidentKind.DATA_QUARANTINED, {pk: one[1] for pk, one in counts.items()}, sites=sites, now=now
    )
    _limits_watch(now=now)


_TITLES: Final = {
    IncidentKind.CLOCK_WRONG: ("The clock at {site} is wrong", "{count} homes with a wrong clock in {area}"),
    IncidentKind.DATA_QUARANTINED: (
        "Measurements of {site} are set aside", "{count} homes with measurements set aside in {area}",
    ),
}  # fmt: skip


def _aside_watch(
    kind: IncidentKind, counts: Mapping[int, int], *, sites: Mapping[int, Site], now: datetime
) -> None:
    rules, found = rules_of_kind(kind=kind), defaultdict(list)
    title, many = _TITLES[kind]
    names = dict(GridArea.objects.filter(site__in=list(sites)).values_list("pk", "name"))
    for site_id, count in sorted(counts.items()):
        site = sites.get(site_id)
        if site is not None and count >= max(1, rules[site.organization_id].threshold):
            area = names.get(site.grid_area_id or 0, "")
            found[site.organization_id].append(
                Found(
                    f"site:{site_id}", title.format(site=site.name), "See the reasons in the home's quarantine.",
                    site_id, site.grid_area_id, area, many=many,
                )
            )  # fmt: skip
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)


def _limits_watch(*, now: datetime) -> None:
    kind = IncidentKind.AREA_OVER_LIMIT
    rules, found = rules_of_kind(kind=kind), defaultdict(list)
    limited = ~Q(import_limit_kw=None) | ~Q(export_limit_kw=None)
    for area in GridArea.objects.filter(limited).order_by("pk"):
        one = _over(area, rules[area.organization_id], now=now)
        if one is not None:
            found[area.organization_id].append(one)
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)


def _over(area: GridArea, rule: Rule, *, now: datetime) -> Found | None:
    """Judge by the newest values first, and only where they are beyond the limit by the time that the rule asks for."""
    sites = Site.objects.filter(
        organization_id=area.organization_id, grid_area_id__in=areas_fed_by(area=area)
    )
    latest = LatestSnapshot.objects.filter(site_id__in=sites.values("pk"), at__gt=now - FRESH)
    newest = latest.aggregate(kw=Sum("grid_kw"))["kw"] or 0.0
    if _share(area, newest) * 100 <= rule.threshold:
        return None
    if rule.after_s:
        means = recent_means(
            site_ids=list(sites.values_list("pk", flat=True)), columns=("grid_kw",), starts_at=now - rule.after,
            ends_at=now,
        )  # fmt: skip
        newest = sum(kw for (kw,) in means.values() if kw is not None)
    share = _share(area, newest)
    if share * 100 <= rule.threshold:
        return None
    said = f"{'import' if newest > 0 else 'export'} {abs(newest):.1f} kW, {share:.0%} of its limit"
    return Found(f"area:{area.pk}", f"{area.name} is over its limit", said, area_id=area.pk, area=area.name)


def _share(area: GridArea, grid_kw: float) -> float:
    """How much of its limit an area uses; one without a limit in that direction uses none."""
    limit = area.import_limit_kw if grid_kw > 0 else area.export_limit_kw
    if limit is None or grid_kw == 0:
        return 0.0
    return abs(grid_kw) / limit if limit > 0 else float("inf")
