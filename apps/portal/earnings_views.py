"""Pages of what a home earned."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.common import clock
from apps.common.pages import signed_in
from apps.portal import earnings
from apps.portal.homes import home_or_404, home_page
from apps.settlement.payouts import payouts_of_site


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show a year's earnings, what is owed, and what was paid."""
    seen, text = home_or_404(request, site_id), request.GET.get("year", "")
    year = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else None
    return home_page(
        request, "portal/earnings.html", seen,
        shown=earnings.earnings_page(site=seen.site, year=year, now=clock.now()),
    )  # fmt: skip


@require_GET
@signed_in
def year_file(request: HttpRequest, site_id: int, year: int, form: str) -> HttpResponse:
    """Download a year's summary as PDF or CSV."""
    seen = home_or_404(request, site_id)
    if form not in {"pdf", "csv"} or not 1970 <= year <= 9000:
        raise Http404
    earned = earnings.year_earnings(site=seen.site, year=year)
    headers = {"Content-Disposition": f'attachment; filename="earnings-{year}.{form}"'}
    if form == "csv":
        text = earnings.year_csv(site=seen.site, earned=earned)
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
    content = earnings.year_pdf(
        site=seen.site, earned=earned, payouts=list(payouts_of_site(site=seen.site)), made_at=clock.now()
    )
    return HttpResponse(content, content_type="application/pdf", headers=headers)
