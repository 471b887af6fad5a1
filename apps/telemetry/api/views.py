"""What sites measured: the latest, and the history as JSON or CSV."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, organization_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.rest.describe import describes
from apps.common.rest.paging import CursorInvalidError, limit_of, next_of, page_of
from apps.common.rest.queries import Query, asked
from apps.sites.api.lookups import site_or_404
from apps.sites.selectors import sites_of_organization
from apps.telemetry.models import LatestSnapshot
from apps.telemetry.selectors import fleet_totals, latest_by_site, latest_of_sites
from apps.telemetry.series import series_page
from vpp.protocols.link.messages import COLUMNS

QUIET_AFTER: Final = timedelta(minutes=15)
LONGEST: Final = {"raw": timedelta(days=7), "quarter": timedelta(days=366), "day": timedelta(days=3660)}
CSV_PAGE: Final = 5000


class PeriodInvalidError(DomainError):
    code = "period_invalid"


class ColumnUnknownError(DomainError):
    code = "column_unknown"


class LatestSerializer(serializers.ModelSerializer[LatestSnapshot]):
    """Canonical quantities, signed in load convention; null is not measured."""

    class Meta:
        model = LatestSnapshot
        fields = ("site_id", "at", *COLUMNS)


class FleetSerializer(serializers.Serializer[Any]):
    """Sums over the homes that reported in the last 15 minutes, each in the direction its name says."""

    homes = serializers.IntegerField(help_text="that reported lately")
    sites = serializers.IntegerField(help_text="in all")
    import_kw = serializers.FloatField()
    export_kw = serializers.FloatField()
    pv_kw = serializers.FloatField()
    charge_kw = serializers.FloatField()
    discharge_kw = serializers.FloatField()
    mean_soc = serializers.FloatField(allow_null=True)


class SeriesSerializer(serializers.Serializer[Any]):
    """Rows in order of time: `at` and a value of each column."""

    columns = serializers.ListField(child=serializers.CharField())
    results = serializers.ListField(child=serializers.ListField())
    next = serializers.URLField(allow_null=True)


class SeriesQuery(Query):
    """`from` (inclusive) to `to` (not inclusive)."""

    to = serializers.DateTimeField()
    resolution = serializers.ChoiceField(
        choices=["raw", "quarter", "day"], default="quarter", required=False, allow_null=True
    )
    columns = serializers.CharField(required=False, help_text="names with commas between; all if left out")
    output = serializers.ChoiceField(choices=["json", "csv"], default="json", required=False)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": serializers.DateTimeField()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        longest = LONGEST[attrs["resolution"]]
        if not timedelta(0) < attrs["to"] - attrs["from"] <= longest:
            raise PeriodInvalidError(f"from is before to, by at most {longest.days} days at this resolution")
        chosen = attrs.get("columns", "").split(",") if attrs.get("columns") else list(COLUMNS)
        if unknown := [name for name in chosen if name not in COLUMNS]:
            raise ColumnUnknownError(f"no column {unknown[0][:40]!r}; known are {', '.join(COLUMNS)}")
        attrs["columns"] = list(dict.fromkeys(chosen))
        return attrs


class AnyForm(BaseContentNegotiation):
    """The form is chosen by a parameter; an Accept header for CSV is fine as well."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class FleetView(AggregatorView):
    """GET /api/v1/fleet"""

    @describes("Show the fleet's totals", tag="telemetry", answers=FleetSerializer)
    def get(self, request: Request) -> Response:
        asked(request, Query)
        sites = sites_of_organization(organization=organization_of(request))
        totals = fleet_totals(site_ids=sites.values_list("pk", flat=True), since=clock.now() - QUIET_AFTER)
        return Response(FleetSerializer({**vars(totals), "sites": sites.count()}).data)


class LatestView(AggregatorView):
    """GET /api/v1/telemetry/latest"""

    @describes(
        "List every site's latest measurement", tag="telemetry", answers=LatestSerializer, pages=True,
        description="By site; a site that has sent nothing yet is not there.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        sites = sites_of_organization(organization=organization_of(request))
        page = page_of(
            latest_of_sites(site_ids=sites.values_list("pk", flat=True)), order=("site_id",),
            limit=limit_of(request), cursor=request.query_params.get("cursor", ""),
        )  # fmt: skip
        rows = LatestSerializer(page.rows, many=True).data
        return Response({"results": rows, "next": next_of(request, page.cursor)})


class SiteLatestView(AggregatorView):
    """GET /api/v1/sites/{id}/telemetry/latest"""

    @describes("Show a site's latest measurement", tag="telemetry", answers=LatestSerializer)
    def get(self, request: Request, site_id: int) -> Response:
        asked(request, Query)
        site = site_or_404(request, site_id)
        row = latest_by_site(site_ids=[site.pk]).get(site.pk)
        if row is None:
            raise DomainError("this site has sent nothing yet", code="nothing_measured", status=404)
        return Response(LatestSerializer(row).data)


class SiteTelemetryView(AggregatorView):
    """GET /api/v1/sites/{id}/telemetry"""

    content_negotiation_class = AnyForm

    @describes(
        "List a site's measurements", tag="telemetry", answers=SeriesSerializer, query=SeriesQuery, csv=True, paging=True,
        description="Raw rows (at most 7 days), means of quarter-hours, or of days; `output=csv` sends the whole period.",
    )  # fmt: skip
    def get(self, request: Request, site_id: int) -> Response | StreamingHttpResponse:
        wanted = asked(request, SeriesQuery, paged=True)
        site = site_or_404(request, site_id)
        chosen: dict[str, Any] = {
            "site_id": site.pk, "resolution": wanted["resolution"], "columns": wanted["columns"],
            "starts_at": wanted["from"], "ends_at": wanted["to"],
        }  # fmt: skip
        if wanted["output"] == "csv":
            name = f"site-{site.pk}-{wanted['resolution']}.csv"
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return StreamingHttpResponse(
                _lines(chosen), content_type="text/csv; charset=utf-8", headers=headers
            )
        page = series_page(
            **chosen, limit=limit_of(request), after=_after(request.query_params.get("cursor", ""))
        )
        return Response(
            {
                "columns": ["at", *page.columns],
                "results": page.rows,
                "next": next_of(request, _cursor(page.after) if page.after else None),
            }
        )


class _Echo:
    def write(self, text: str) -> str:
        return text


def _lines(chosen: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a CSV, page by page."""
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(["at", *chosen["columns"]])
    after: datetime | None = None
    while True:
        page = series_page(**chosen, limit=CSV_PAGE, after=after)
        for at, *values in page.rows:
            yield writer.writerow([at.isoformat(), *values])
        if page.after is None:
            return
        after = page.after


def _cursor(at: datetime) -> str:
    return str((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def _after(cursor: str) -> datetime | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 18):
        raise CursorInvalidError("this is no cursor of this list")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(cursor))
