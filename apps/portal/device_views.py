"""A home's devices: how they are, and which of those that were found belong to it."""

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import is_fragment, signed_in
from apps.portal import devices, services
from apps.portal.selectors import Home
from apps.portal.views import _home, _page, _user

_SAID: Final = {
    "add": "Your hub is told to add this device.",
    "dismiss": "This device is left alone.",
    "undo": "Taken back.",
    "remove": "Your hub is told to let this device go.",
}


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the devices, or their lists alone to a fragment's request."""
    seen = _home(request, site_id)
    template = "portal/_devices.html" if is_fragment(request) else "portal/devices.html"
    return _page(request, template, seen, shown=devices.devices_page(site=seen.site))


@require_POST
@signed_in
def look(request: HttpRequest, site_id: int) -> HttpResponse:
    """Ask the hub to look again."""
    return _do(
        request,
        site_id,
        said="Your hub looks around now. What it finds appears here within a minute.",
        change=lambda seen: services.look_for_devices(user=_user(request), site=seen.site, now=clock.now()),
    )


@require_POST
@signed_in
def decide(request: HttpRequest, site_id: int, proposal_id: int) -> HttpResponse:
    """Add, leave alone, take back or remove a device."""
    act = request.POST.get("act", "")
    return _do(
        request,
        site_id,
        said=_SAID.get(act, ""),
        change=lambda seen: services.decide_device(
            user=_user(request), site=seen.site, proposal_id=proposal_id, act=act, now=clock.now()
        ),
    )


def _do(request: HttpRequest, site_id: int, *, said: str, change: Callable[[Home], object]) -> HttpResponse:
    seen = _home(request, site_id)
    try:
        change(seen)
    except DomainError as error:
        messages.error(request, f"Nothing was changed: {error.detail}.")
    else:
        messages.success(request, said)
    return redirect("portal:devices", site_id)
