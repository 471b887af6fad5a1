"""Homeowners' pages: who is looking, one call, render."""

from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import (
    reverse,
)
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_GET,
    require_POST,
)

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import is_fragment, page, signed_in
from apps.dispatch.why import why_at
from apps.portal import decided, events, reasons, selectors, services
from apps.portal.homes import home_or_404, home_page, signal_or_404
from apps.portal.phrases import refused
from apps.sites.households import Standing


@require_GET
@signed_in
def start(request: HttpRequest) -> HttpResponse:
    """Send people where they belong."""
    landing = selectors.landing(user=user_of(request))
    if landing.operates:
        return redirect("console:start")
    if len(landing.homes) == 1:
        return redirect(first_page(landing.homes[0]), landing.homes[0].site.pk)
    return page(request, "portal/homes.html", {"homes": rows_of(landing.homes)})


@require_GET
@signed_in
def homes(request: HttpRequest) -> HttpResponse:
    """List the homes one belongs to."""
    held = selectors.landing(user=user_of(request)).homes
    return page(request, "portal/homes.html", {"homes": rows_of(held)})


def first_page(standing: Standing) -> str:
    """Return the page that a person's right at a home opens."""
    if "see" in standing.rights:
        return "portal:home"
    return "portal:devices" if "devices" in standing.rights else "portal:totals"


def rows_of(held: list[Standing]) -> list[tuple[Standing, str]]:
    """Return each home with where its link leads."""
    return [(one, reverse(first_page(one), args=[one.site.pk])) for one in held]


@require_GET
@signed_in
def home(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the whole page of a home."""
    seen, now = home_or_404(request, site_id), clock.now()
    return home_page(
        request,
        "portal/home.html",
        seen,
        live=selectors.home_now(site=seen.site, now=now),
        day=selectors.day_energy(site=seen.site, now=now),
        events=events.home_events(site=seen.site, now=now),
        earnings=events.earnings(site=seen.site),
    )


@require_GET
@signed_in
def home_live(request: HttpRequest, site_id: int) -> HttpResponse:
    """Render the live picture alone."""
    seen = home_or_404(request, site_id)
    return home_page(
        request, "portal/_live.html", seen, live=selectors.home_now(site=seen.site, now=clock.now())
    )


@require_GET
@signed_in
def home_day(request: HttpRequest, site_id: int) -> HttpResponse:
    """Render today's energy alone."""
    seen = home_or_404(request, site_id)
    return home_page(
        request, "portal/_day.html", seen, day=selectors.day_energy(site=seen.site, now=clock.now())
    )


@require_GET
@signed_in
def home_event(request: HttpRequest, site_id: int) -> HttpResponse:
    """Render the event that matters now, alone."""
    seen = home_or_404(request, site_id)
    return home_page(
        request, "portal/_events.html", seen, events=events.home_events(site=seen.site, now=clock.now())
    )


@require_GET
@signed_in
def home_earnings(request: HttpRequest, site_id: int) -> HttpResponse:
    """Render the earnings alone."""
    seen = home_or_404(request, site_id)
    return home_page(request, "portal/_earnings.html", seen, earnings=events.earnings(site=seen.site))


@require_GET
@signed_in
def event_detail(request: HttpRequest, site_id: int, signal_id: UUID) -> HttpResponse:
    """Show the home's part in one event, or the card alone to a fragment's request."""
    seen = home_or_404(request, site_id)
    event = events.part_of_home(site=seen.site, signal=signal_or_404(seen, signal_id), now=clock.now())
    template = "portal/_event.html" if is_fragment(request) else "portal/event.html"
    return home_page(request, template, seen, event=event, detail=True)


@require_GET
@signed_in
def why(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show why the home did what it did at an instant of today or of a day before."""
    seen, now = home_or_404(request, site_id), clock.now()
    at = reasons.instant(request.GET.get("at", ""), zone=ZoneInfo(seen.site.time_zone), now=now)
    rows = reasons.reason_rows(why_at(site=seen.site, at=at or now))
    told = decided.decided(site=seen.site, at=at or now)
    return home_page(
        request, "portal/why.html", seen, at=at or now, rows=rows, unread=at is None, decided=told
    )


@require_POST
@signed_in
def opt_out(request: HttpRequest, site_id: int, signal_id: UUID) -> HttpResponse:
    """Take the home out of an event."""
    seen, now = home_or_404(request, site_id), clock.now()
    signal, said, status = (
        signal_or_404(seen, signal_id),
        _("You are out of this event. Your hub is being told."),
        200,
    )
    try:
        services.opt_out(user=user_of(request), site=seen.site, signal_id=signal_id, now=now)
    except DomainError as error:
        said, status = refused(error), error.status
    if not is_fragment(request):
        messages.add_message(request, messages.SUCCESS if status == 200 else messages.ERROR, said)
        return redirect("portal:event", site_id, signal_id)
    signal.refresh_from_db()
    event = events.part_of_home(site=seen.site, signal=signal, now=now)
    return home_page(
        request, "portal/_event.html", seen, status=status, event=event, said=said, refused=status != 200
    )


@require_GET
@signed_in
def statement(request: HttpRequest, site_id: int, statement_id: int) -> HttpResponse:
    """Show one statement, line by line."""
    seen = home_or_404(request, site_id)
    shown = events.statement_page(site=seen.site, statement_id=statement_id)
    if shown is None:
        raise Http404
    return home_page(request, "portal/statement.html", seen, page=shown)
