"""Homeowners' pages: who is looking, one call, render."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.models import User
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import is_fragment, page, signed_in
from apps.dispatch.why import why_at
from apps.portal import events, reasons, selectors, services
from apps.portal.selectors import Home
from apps.programs.models import GridSignal


@require_GET
@signed_in
def start(request: HttpRequest) -> HttpResponse:
    """Send people where they belong."""
    landing = selectors.landing(user=_user(request))
    if landing.operates:
        return redirect("console:start")
    if len(landing.sites) == 1:
        return redirect("portal:home", landing.sites[0].pk)
    return page(request, "portal/homes.html", {"sites": landing.sites})


@require_GET
@signed_in
def homes(request: HttpRequest) -> HttpResponse:
    """List the homes one belongs to."""
    return page(request, "portal/homes.html", {"sites": selectors.landing(user=_user(request)).sites})


@require_GET
@signed_in
def home(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the whole page of a home."""
    seen, now = _home(request, site_id), clock.now()
    return _page(
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
    seen = _home(request, site_id)
    return _page(request, "portal/_live.html", seen, live=selectors.home_now(site=seen.site, now=clock.now()))


@require_GET
@signed_in
def home_day(request: HttpRequest, site_id: int) -> HttpResponse:
    """Render today's energy alone."""
    seen = _home(request, site_id)
    return _page(request, "portal/_day.html", seen, day=selectors.day_energy(site=seen.site, now=clock.now()))


@require_GET
@signed_in
def home_event(request: HttpRequest, site_id: int) -> HttpResponse:
    """Render the event that matters now, alone."""
    seen = _home(request, site_id)
    return _page(
        request, "portal/_events.html", seen, events=events.home_events(site=seen.site, now=clock.now())
    )


@require_GET
@signed_in
def home_earnings(request: HttpRequest, site_id: int) -> HttpResponse:
    """Render the earnings alone."""
    seen = _home(request, site_id)
    return _page(request, "portal/_earnings.html", seen, earnings=events.earnings(site=seen.site))


@require_GET
@signed_in
def event_list(request: HttpRequest, site_id: int) -> HttpResponse:
    """List the home's events."""
    seen = _home(request, site_id)
    return _page(
        request, "portal/events.html", seen, events=events.events_of_home(site=seen.site, now=clock.now())
    )


@require_GET
@signed_in
def event_detail(request: HttpRequest, site_id: int, signal_id: UUID) -> HttpResponse:
    """Show the home's part in one event, or the card alone to a fragment's request."""
    seen = _home(request, site_id)
    event = events.part_of_home(site=seen.site, signal=_signal(seen, signal_id), now=clock.now())
    template = "portal/_event.html" if is_fragment(request) else "portal/event.html"
    return _page(request, template, seen, event=event, detail=True)


@require_GET
@signed_in
def why(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show why the home did what it did at an instant of today."""
    seen, now = _home(request, site_id), clock.now()
    at = reasons.instant(request.GET.get("at", ""), zone=ZoneInfo(seen.site.time_zone), now=now)
    rows = reasons.reason_rows(why_at(site=seen.site, at=at or now))
    return _page(request, "portal/why.html", seen, at=at or now, rows=rows, unread=at is None)


@require_POST
@signed_in
def opt_out(request: HttpRequest, site_id: int, signal_id: UUID) -> HttpResponse:
    """Take the home out of an event."""
    seen, now = _home(request, site_id), clock.now()
    signal, said, status = _signal(seen, signal_id), "You are out of this event. Your hub is being told.", 200
    try:
        services.opt_out(user=_user(request), site=seen.site, signal_id=signal_id, now=now)
    except DomainError as error:
        said, status = f"Nothing was changed: {error.detail}.", error.status
    if not is_fragment(request):
        messages.add_message(request, messages.SUCCESS if status == 200 else messages.ERROR, said)
        return redirect("portal:event", site_id, signal_id)
    signal.refresh_from_db()
    event = events.part_of_home(site=seen.site, signal=signal, now=now)
    return _page(
        request, "portal/_event.html", seen, status=status, event=event, said=said, refused=status != 200
    )


@require_GET
@signed_in
def statement(request: HttpRequest, site_id: int, statement_id: int) -> HttpResponse:
    """Show one statement, line by line."""
    seen = _home(request, site_id)
    shown = events.statement_page(site=seen.site, statement_id=statement_id)
    if shown is None:
        raise Http404
    return _page(request, "portal/statement.html", seen, page=shown)


@require_http_methods(["GET", "POST"])
@signed_in
def hub_add(request: HttpRequest, site_id: int) -> HttpResponse:
    """Let the owner type the claim code of a new hub."""
    seen = _home(request, site_id)
    code, said, status = request.POST.get("code", ""), "", 200
    if request.method == "POST":
        try:
            services.claim_hub(
                user=_user(request), site=seen.site, code=code, machine_now=datetime.now(UTC), now=clock.now(),
                replaces="replace" in request.POST,
            )  # fmt: skip
        except DomainError as error:
            said, status = error.detail, error.status
        else:
            messages.success(request, "Your hub belongs to this home now. It will report within a minute.")
            return redirect("portal:home", site_id)
    return _page(request, "portal/hub_add.html", seen, status=status, code=code, said=said)


def _page(
    request: HttpRequest, template: str, seen: Home, *, status: int = 200, **context: object
) -> HttpResponse:
    return page(
        request,
        template,
        {"home": seen, "site": seen.site, **context},
        time_zone=seen.site.time_zone,
        status=status,
    )


def _home(request: HttpRequest, site_id: int) -> Home:
    found = selectors.home(user=_user(request), site_id=site_id)
    if found is None:
        raise Http404
    return found


def _signal(seen: Home, signal_id: UUID) -> GridSignal:
    signal = events.signal_of_home(site=seen.site, signal_id=signal_id)
    if signal is None:
        raise Http404
    return signal


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # signed_in has seen to it
    return request.user
