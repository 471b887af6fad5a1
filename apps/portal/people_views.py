"""Pages about the people of a home, and the door that an invitation opens."""

from collections.abc import Callable
from datetime import UTC, datetime

from allauth.account.utils import perform_login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.models import User
from apps.accounts.visitors import user_of
from apps.alerts.security import member_added_tell
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import page, signed_in
from apps.portal import people
from apps.portal.answers import answered
from apps.portal.homes import home_or_404, home_page
from apps.portal.phrases import refused
from apps.portal.selectors import Home
from apps.portal.views import first_page
from apps.sites import households, invitations


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show who belongs to the home."""
    seen = home_or_404(request, site_id)
    shown = people.people_page(
        site=seen.site, user=user_of(request), is_owner=seen.is_owner, machine_now=datetime.now(UTC)
    )
    return home_page(request, "portal/people.html", seen, shown=shown)


@require_POST
@signed_in
def invite(request: HttpRequest, site_id: int) -> HttpResponse:
    """Invite somebody by e-mail."""

    def change(seen: Home) -> str:
        made = invitations.invitation_create(
            site=seen.site, by=user_of(request), email=request.POST.get("email", ""),
            role=request.POST.get("role", ""), access_until=people.until(request.POST.get("until", ""), site=seen.site),
            machine_now=datetime.now(UTC), now=clock.now(),
        )  # fmt: skip
        return _("%(address)s gets an e-mail with a link. It is good for seven days.") % {
            "address": made.email
        }

    return _do(request, site_id, change=change)


@require_POST
@signed_in
def uninvite(request: HttpRequest, site_id: int, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""

    def change(seen: Home) -> str:
        invitations.invitation_revoke(
            site=seen.site, by=user_of(request), invitation_id=invitation_id, now=clock.now()
        )
        return _("The invitation is taken back; its link is dead.")

    return _do(request, site_id, change=change)


@require_POST
@signed_in
def change_member(request: HttpRequest, site_id: int, member_id: int) -> HttpResponse:
    """Give somebody another role, or take their access back."""

    def change(seen: Home) -> str:
        if "remove" in request.POST:
            gone = households.member_remove(
                site=seen.site, by=user_of(request), member_id=member_id, now=clock.now()
            )
            return _("%(address)s has no access any more.") % {"address": gone.user.email}
        member = households.member_change(
            site=seen.site, by=user_of(request), member_id=member_id, role=request.POST.get("role", ""),
            expires_at=people.until(request.POST.get("until", ""), site=seen.site), machine_now=datetime.now(UTC),
            now=clock.now(),
        )  # fmt: skip
        return _("Saved for %(address)s.") % {"address": member.user.email}

    return _do(request, site_id, change=change)


@require_POST
@signed_in
def leave(request: HttpRequest, site_id: int) -> HttpResponse:
    """Leave the home."""
    standing = households.standing_of(user=user_of(request), site_id=site_id)
    seen = home_or_404(request, site_id, right=min(standing.rights) if standing else "see")
    try:
        households.member_leave(site=seen.site, user=user_of(request), now=clock.now())
    except DomainError as error:
        messages.error(request, refused(error))
        return redirect("portal:people", site_id)
    messages.success(request, _("You have left %(home)s.") % {"home": seen.site.name})
    return redirect("portal:homes")


@require_GET
@signed_in
def totals(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the energy of the months that are over."""
    seen = home_or_404(request, site_id, right="totals")
    return home_page(
        request, "portal/totals.html", seen, months=people.totals(site=seen.site, now=clock.now())
    )


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Let somebody in who has the link: signed in, or by an account that is made here."""
    try:
        shown = invitations.invitation_shown(token=token)
    except DomainError as error:
        return _invitation(request, token, shown=None, said=error)
    if request.method == "GET":
        return _invitation(request, token, shown=shown)
    try:
        user = _accept(request, token)
    except DomainError as error:
        return _invitation(request, token, shown=shown, said=error)
    member_added_tell(
        site=shown.invitation.site, member=user, by=shown.invitation.invited_by, now=clock.now()
    )
    messages.success(request, _("Welcome to %(home)s.") % {"home": shown.invitation.site.name})
    then = reverse("portal:arrive", args=[shown.invitation.site_id])
    return redirect(then) if user == request.user else perform_login(request, user, redirect_url=then)


@require_GET
@signed_in
def arrive(request: HttpRequest, site_id: int) -> HttpResponse:
    """Send somebody who has just come in to the first page that is open to them."""
    standing = households.standing_of(user=user_of(request), site_id=site_id)
    right = "see" if standing is None or "see" in standing.rights else min(standing.rights)
    seen = home_or_404(request, site_id, right=right)
    return redirect(first_page(seen.standing), site_id)


def _accept(request: HttpRequest, token: str) -> User:
    """Let in whoever is signed in, or whoever makes an account with the link."""
    if isinstance(request.user, User):
        invitations.invitation_accept(token=token, user=request.user, now=clock.now())
        return request.user
    first_name, password = request.POST.get("first_name", ""), request.POST.get("password", "")
    return invitations.invitation_sign_up(
        token=token, first_name=first_name, password=password, now=clock.now()
    )


def _invitation(
    request: HttpRequest, token: str, *, shown: invitations.Shown | None, said: DomainError | None = None
) -> HttpResponse:
    role, means = people.ROLES[shown.invitation.role] if shown else ("", "")
    is_mine = (
        shown is not None
        and isinstance(request.user, User)
        and (request.user.email.casefold() == shown.invitation.email.casefold())
    )
    context = {
        "shown": shown, "said": said, "role": role, "means": means, "is_mine": is_mine, "token": token,
        "first_name": request.POST.get("first_name", ""),
    }  # fmt: skip
    time_zone = shown.invitation.site.time_zone if shown else "UTC"
    return page(
        request, "portal/invitation.html", context, time_zone=time_zone, status=said.status if said else 200
    )


def _do(request: HttpRequest, site_id: int, *, change: Callable[[Home], str]) -> HttpResponse:
    seen = home_or_404(request, site_id)
    return answered(request, lambda: change(seen), back=redirect("portal:people", site_id))
