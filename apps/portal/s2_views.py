"""Pages of a home without a hub: its devices speak to the cloud."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.hubs.credentials import s2_credentials_of_site
from apps.hubs.models import S2Credential
from apps.hubs.selectors import hub_in_the_house
from apps.portal import services
from apps.portal.homes import home_or_404, home_page
from apps.portal.phrases import say


@require_http_methods(["GET", "POST"])
@signed_in
def devices(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show which devices may speak to the cloud; let the owner add one, whose token is shown this once."""
    seen = home_or_404(request, site_id, right="devices")
    name, role = request.POST.get("name", ""), request.POST.get("role", "")
    made, said, status = None, "", 200
    if request.method == "POST":
        try:
            made = services.make_s2_credential(
                user=user_of(request), site=seen.site, name=name, role=role, now=clock.now()
            )
        except DomainError as error:
            said, status = say(error.detail), error.status
    return home_page(
        request,
        "portal/s2_devices.html",
        seen,
        status=status,
        made=made,
        said=said,
        name="" if made else name,
        role=role,
        roles=S2Credential.Role.choices,
        credentials=s2_credentials_of_site(site=seen.site),
        hub=hub_in_the_house(site=seen.site),
        address=f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}/s2/",
    )


@require_POST
@signed_in
def device_remove(request: HttpRequest, site_id: int, s2_credential_id: int) -> HttpResponse:
    """Shut a device out."""
    seen = home_or_404(request, site_id, right="devices")
    try:
        removed = services.revoke_s2_credential(
            user=user_of(request), site=seen.site, credential_id=s2_credential_id, now=clock.now()
        )
    except DomainError as error:
        messages.error(request, say(error.detail))
    else:
        messages.success(request, _("%(name)s is shut out now.") % {"name": removed.name})
    return redirect("portal:s2_devices", site_id)
