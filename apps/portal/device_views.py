"""A home's devices: how they are, and which of those that were found belong to it."""

from collections.abc import Callable
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import is_fragment, signed_in
from apps.portal import device_control, devices, house_rules, services
from apps.portal.answers import answered
from apps.portal.homes import home_or_404, home_page
from apps.portal.selectors import Home

_SAID: Final = {
    "add": gettext_lazy("Your hub is told to add this device."),
    "dismiss": gettext_lazy("This device is left alone."),
    "undo": gettext_lazy("Taken back."),
    "remove": gettext_lazy("Your hub is told to let this device go."),
}


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the devices, or their lists alone to a fragment's request."""
    seen = home_or_404(request, site_id, right="devices")
    template = "portal/_devices.html" if is_fragment(request) else "portal/devices.html"
    shown = devices.devices_page(site=seen.site, may_pair=seen.may_install, now=clock.now())
    return home_page(request, template, seen, shown=shown)


@require_POST
@signed_in
def look(request: HttpRequest, site_id: int) -> HttpResponse:
    """Ask the hub to look again."""
    return _do(
        request,
        site_id,
        said=_("Your hub looks around now. What it finds appears here within a minute."),
        change=lambda seen: services.look_for_devices(user=user_of(request), site=seen.site, now=clock.now()),
    )


@require_POST
@signed_in
def pair(request: HttpRequest, site_id: int) -> HttpResponse:
    """Ask the hub for a pairing code."""
    return _do(
        request,
        site_id,
        said=_("Your hub makes a code. It appears here in a moment."),
        change=lambda seen: services.ask_for_pairing_code(
            user=user_of(request), site=seen.site, now=clock.now()
        ),
    )


@require_POST
@signed_in
def decide(request: HttpRequest, site_id: int, proposal_id: int) -> HttpResponse:
    """Add, leave alone, take back or remove a device."""
    act = request.POST.get("act", "")
    return _do(
        request,
        site_id,
        said=str(_SAID.get(act, "")),
        change=lambda seen: services.decide_device(
            user=user_of(request), site=seen.site, proposal_id=proposal_id, act=act, now=clock.now()
        ),
    )


@require_GET
@signed_in
def device(request: HttpRequest, site_id: int, key: str) -> HttpResponse:
    """Show one device, or what changes of it to a fragment's request."""
    seen = home_or_404(request, site_id, right="devices")
    shown = device_control.device_page(site=seen.site, key=key, now=clock.now())
    if shown is None:
        raise Http404
    template = "portal/_device.html" if is_fragment(request) else "portal/device.html"
    return home_page(request, template, seen, shown=shown, hours=device_control.HOURS)


@require_POST
@signed_in
def control(request: HttpRequest, site_id: int, key: str) -> HttpResponse:
    """Tell a device something for a while, or take that back."""
    is_undo = request.POST.get("act") == "undo"
    return _do(
        request,
        site_id,
        said=_("Taken back.") if is_undo else _("Your hub is being told."),
        change=lambda seen: device_control.control(
            user=user_of(request), site=seen.site, key=key, sent=request.POST, now=clock.now()
        ),
        back=("portal:device", site_id, key),
    )


@require_GET
@signed_in
def routines(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the household's week and what is shed first, or what became of it to a fragment's request."""
    seen = home_or_404(request, site_id, right="devices")
    template = "portal/_routines_told.html" if is_fragment(request) else "portal/routines.html"
    return home_page(request, template, seen, shown=house_rules.rules_page(site=seen.site))


@require_POST
@signed_in
def routine_change(request: HttpRequest, site_id: int) -> HttpResponse:
    """Add or remove a routine, move a device in the order, or go back to what was before."""
    sent, user, now = request.POST, user_of(request), clock.now()

    def change(seen: Home) -> object:
        if "remove" in sent:
            return house_rules.routine_remove(user=user, site=seen.site, routine_id=sent["remove"], now=now)
        if "undo" in sent:
            return house_rules.undo(user=user, site=seen.site, now=now)
        if "order" in sent or "key" in sent:
            return house_rules.shed_change(user=user, site=seen.site, sent=sent.dict(), now=now)
        return house_rules.routine_add(user=user, site=seen.site, sent=sent, now=now)

    said = _("Saved. Your hub is being told.")
    return _do(request, site_id, said=said, change=change, back=("portal:routines", site_id))


def _do(
    request: HttpRequest,
    site_id: int,
    *,
    said: str,
    change: Callable[[Home], object],
    back: tuple[Any, ...] = (),
) -> HttpResponse:
    seen = home_or_404(request, site_id, right="devices")
    return answered(
        request, lambda: change(seen), said=said, back=redirect(*(back or ("portal:devices", site_id)))
    )
