"""The Energy page, its series and its file."""

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import page, signed_in, signed_in_kept
from apps.portal import energy, rates
from apps.portal.homes import home_or_404
from apps.portal.periods import SPANS, Period, date_of, period_of, span_of
from apps.portal.phrases import say
from apps.portal.selectors import Home
from apps.portal.tariff_services import set_tariff, typed_bands
from apps.sites.tariffs import MOST_BANDS
from apps.telemetry.energies import quarter_bytes, quarter_powers

COLUMNS = (
    "starts_at",
    "used_kw",
    "production_kw",
    "battery_charge_kw",
    "battery_discharge_kw",
    "import_kw",
    "export_kw",
)


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show a period of the home."""
    seen, now = home_or_404(request, site_id), clock.now()
    period = _period(request, seen, now=now)
    against = "year" if request.GET.get("against") == "year" else "before"
    shown = energy.energy_page(site=seen.site, period=period, against=against, now=now)
    context = {
        "home": seen,
        "site": seen.site,
        "energy": shown,
        "period": period,
        "spans": SPANS,
        "against": against,
    }
    return page(request, "portal/energy.html", context, time_zone=seen.site.time_zone)


@require_GET
@signed_in_kept
def series(request: HttpRequest, site_id: int) -> HttpResponse:
    """Send a period's quarter-hours: what apps.telemetry.energies.quarter_bytes says, one series after the other."""
    seen, now = home_or_404(request, site_id), clock.now()
    period = _period(request, seen, now=now)
    ends_at = energy.end_of_data(period, now=now)
    found = quarter_bytes(site_id=seen.site.pk, starts_at=period.starts_at, ends_at=ends_at)
    body = b"".join(found.values())
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    answer = HttpResponse(body, content_type="application/octet-stream", headers={"ETag": etag})
    return get_conditional_response(request, etag=etag, response=answer) or answer


@require_GET
@signed_in
def download(request: HttpRequest, site_id: int) -> StreamingHttpResponse:
    """Send a period's quarter-hours as CSV, as it is read."""
    seen, now = home_or_404(request, site_id), clock.now()
    period = _period(request, seen, now=now)
    rows = _csv(
        seen.site.pk, period, ends_at=energy.end_of_data(period, now=now), zone=ZoneInfo(seen.site.time_zone)
    )
    name = f"energy-{seen.site.pk}-{period.span}-{period.first_date:%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        rows,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_http_methods(["GET", "POST"])
@signed_in
def tariff(request: HttpRequest, site_id: int) -> HttpResponse:
    """Let an owner say what a kWh costs."""
    seen, said, status = home_or_404(request, site_id), "", 200
    if request.method == "POST":
        try:
            set_tariff(user=user_of(request), site=seen.site, typed=request.POST, now=clock.now())
        except DomainError as error:
            said, status = say(error.detail), error.status
        else:
            messages.success(request, _("Saved. Costs and savings are computed by it."))
            return redirect("portal:energy", site_id)
    found = rates.rates_of(site=seen.site)
    typed = request.POST if request.method == "POST" else None
    bands = typed_bands(typed) if typed else rates.band_rows(found.tariff, count=MOST_BANDS)
    context = {"home": seen, "site": seen.site, "rates": found, "bands": bands, "typed": typed, "said": said}
    return page(request, "portal/tariff.html", context, time_zone=seen.site.time_zone, status=status)


def _period(request: HttpRequest, seen: Home, *, now: datetime) -> Period:
    zone = ZoneInfo(seen.site.time_zone)
    on = date_of(request.GET.get("on", ""), today=now.astimezone(zone).date())
    return period_of(span_of(request.GET.get("span", "")), on, zone=zone)


def _csv(site_id: int, period: Period, *, ends_at: datetime, zone: ZoneInfo) -> Iterator[str]:
    """Yield a header and a line for every quarter-hour; nothing stands where nothing is known."""
    yield _line(COLUMNS)
    for at, powers in quarter_powers(site_id=site_id, starts_at=period.starts_at, ends_at=ends_at):
        local = at.astimezone(zone).isoformat()
        if powers is None:
            yield _line((local, *[""] * 6))
            continue
        used, sun, battery, grid = powers
        directed = (used, sun, max(battery, 0), max(-battery, 0), max(grid, 0), max(-grid, 0))
        yield _line((local, *(f"{kw + 0.0:.3f}" for kw in directed)))


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
