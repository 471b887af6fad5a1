"""What sign-in tells us: allauth asks this adapter at its turning points."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.accounts.adapter import InvitedOnlyAdapter
from apps.accounts.models import User
from apps.alerts.security import account_changed_tell, signed_in_note
from apps.common import clock

COOKIE: Final = "ores_browser"
KEPT_S: Final = 400 * 86_400
# Which of allauth's mails tells of what.
_CHANGES: Final = {
    "account/email/password_": "password",
    "mfa/email/": "mfa",
    "account/email/email_": "email",
}


class TellingAdapter(InvitedOnlyAdapter):
    """Notes which browsers people use, and tells them of what they may not have done themselves."""

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        token = signed_in_note(
            user=user,
            token=request.COOKIES.get(COOKIE, ""),
            agent=request.headers.get("User-Agent", ""),
            address=str(self.get_client_ip(request) or ""),
            now=clock.now(),
        )
        response.set_cookie(
            COOKIE, token, max_age=KEPT_S, httponly=True, secure=settings.SECURE, samesite="Lax"
        )
        return response

    def send_notification_mail(self, template_prefix: str, user: User, *args: Any, **named: Any) -> None:
        """Tell of a change by our own messages, which the person finds in the portal too."""
        what = next((what for prefix, what in _CHANGES.items() if template_prefix.startswith(prefix)), "")
        if what:
            account_changed_tell(user=user, what=what, now=clock.now())
