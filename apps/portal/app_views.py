"""The page of apps that somebody has connected."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.pages import page, signed_in
from apps.portal import notification_pages
from apps.sites.app_grants import app_revoke, connected_apps


@require_GET
@signed_in
def overview(request: HttpRequest) -> HttpResponse:
    """List the apps with what each may do where."""
    user = user_of(request)
    home = notification_pages.first_home(user=user)
    shown = {"home": home, "site": home.site if home else None, "apps": connected_apps(user=user)}
    return page(request, "portal/apps.html", shown, time_zone=home.site.time_zone if home else "UTC")


@require_POST
@signed_in
def disconnect(request: HttpRequest, client_pk: int) -> HttpResponse:
    """Shut an app out."""
    try:
        name = app_revoke(user=user_of(request), client_pk=client_pk, now=clock.now())
    except NotFoundError:
        messages.error(request, gettext("This app was not connected any more."))
    else:
        messages.success(request, gettext("%(app)s sees nothing of your homes any more.") % {"app": name})
    return redirect("portal:apps")
