"""Pages of a home's events: the lists, and being out of one, of a time, of all."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import is_fragment, signed_in
from apps.portal import event_list, taking_part
from apps.portal.answers import answered
from apps.portal.homes import home_or_404, home_page, signal_or_404
from apps.portal.selectors import Home


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """List the home's events; a fragment's request gets the next stretch of past ones."""
    seen, now, after = home_or_404(request, site_id), clock.now(), request.GET.get("after", "")
    if after and is_fragment(request):
        past = event_list.past_events(site=seen.site, now=now, after=after)
        return home_page(request, "portal/_events_past.html", seen, past=past)
    lists = event_list.event_lists(site=seen.site, now=now)
    if after:
        lists = event_list.EventLists([], [], event_list.past_events(site=seen.site, now=now, after=after))
    return home_page(
        request, "portal/events.html", seen, lists=lists, after=after,
        part=taking_part.taking_part(site=seen.site, now=now),
    )  # fmt: skip


@require_POST
@signed_in
def periods(request: HttpRequest, site_id: int) -> HttpResponse:
    """Take the home out of all events of a time, or of all."""
    sent, user, now = request.POST, user_of(request), clock.now()
    if sent.get("what") == "all":
        return _do(
            request, site_id, said=_("Your home is out of all events. Your hub is being told."),
            change=lambda seen: taking_part.leave_all(user=user, site=seen.site, now=now),
        )  # fmt: skip
    return _do(
        request,
        site_id,
        said=_("Your home is out of all events of that time."),
        change=lambda seen: taking_part.leave_for_time(
            user=user, site=seen.site, starts=sent.get("starts", ""), ends=sent.get("ends", ""),
            reason=sent.get("reason", ""), now=now,
        ),
    )  # fmt: skip


@require_POST
@signed_in
def period_end(request: HttpRequest, site_id: int, period_id: int) -> HttpResponse:
    """Take part again."""
    return _do(
        request,
        site_id,
        said=_("Taken back: your home takes part again."),
        change=lambda seen: taking_part.come_back(
            user=user_of(request), site=seen.site, period_id=period_id, now=clock.now()
        ),
    )


@require_POST
@signed_in
def opt_in(request: HttpRequest, site_id: int, signal_id: UUID) -> HttpResponse:
    """Take part in an event after all."""
    signal = signal_or_404(home_or_404(request, site_id), signal_id)
    _do(
        request,
        site_id,
        said=_("Your home takes part again. The plan is made anew."),
        change=lambda seen: taking_part.opt_in(
            user=user_of(request), site=seen.site, signal_id=signal.pk, now=clock.now()
        ),
    )
    return redirect("portal:event", site_id, signal_id)


def _do(request: HttpRequest, site_id: int, *, said: str, change: Callable[[Home], object]) -> HttpResponse:
    seen = home_or_404(request, site_id)
    return answered(request, lambda: change(seen), said=said, back=redirect("portal:events", site_id))
