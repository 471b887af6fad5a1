"""People come by invitation, or by an operator's hand; there is no open sign-up."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.accounts.models import User


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **arguments: Any) -> HttpResponse:
        """Speak the person's language on whatever browser they sign in with."""
        response: HttpResponse = super().post_login(request, user, **arguments)
        language_cookie(response, user.language)
        return response


def language_cookie(response: HttpResponse, language: str) -> None:
    """Let a browser ask for a person's language; an empty one leaves it to the browser's own."""
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 86_400, samesite="Lax", httponly=True,
            secure=settings.SECURE,
        )  # fmt: skip
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
