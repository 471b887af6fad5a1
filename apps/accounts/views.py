"""A person's own account: how they are called, in which language, and how it is protected."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.accounts import security, services
from apps.accounts.adapter import language_cookie
from apps.accounts.models import User
from apps.accounts.visitors import user_of
from apps.common.errors import DomainError
from apps.common.pages import page, signed_in


@require_GET
@signed_in
def overview(request: HttpRequest) -> HttpResponse:
    """Show the account."""
    user = user_of(request)
    protection = security.protection_of(user=user, session_key=request.session.session_key)
    return page(
        request, "accounts/overview.html", {"protection": protection, "languages": User.Language.choices}
    )


@require_POST
@signed_in
def profile(request: HttpRequest) -> HttpResponse:
    """Change name and language."""
    user, sent = user_of(request), request.POST
    response = redirect("accounts:overview")
    try:
        services.profile_set(
            user=user, first_name=sent.get("first_name", ""), last_name=sent.get("last_name", ""),
            language=sent.get("language", ""),
        )  # fmt: skip
    except DomainError as error:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": error.detail})
        return response
    language_cookie(response, user.language)
    messages.success(request, _("Saved."))
    return response


@require_POST
@signed_in
def sign_out_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    security.sessions_end_others(user=user_of(request), session_key=request.session.session_key)
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("accounts:overview")


@require_POST
@signed_in
def sign_out_one(request: HttpRequest, session_id: int) -> HttpResponse:
    """Sign out on one browser."""
    try:
        security.session_end(user=user_of(request), number=session_id)
    except DomainError:
        messages.error(request, _("That browser is signed out already."))
    else:
        messages.success(request, _("That browser is signed out."))
    return redirect("accounts:overview")
