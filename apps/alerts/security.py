"""What people are told of their account: sign-ins from browsers that are new, changed passwords, new members."""

import hashlib
import secrets
from datetime import datetime
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.models import KnownBrowser, NotificationKind
from apps.alerts.notifications import household_tell, person_tell
from apps.sites.models import Site

MOST_BROWSERS: Final = 50
# What is named first is meant: others name themselves too.
_SYSTEMS: Final = {
    "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS X": "Mac", "Linux": "Linux",
}  # fmt: skip
_BROWSERS: Final = {
    "Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari",
}  # fmt: skip


@transaction.atomic
def signed_in_note(*, user: User, token: str, agent: str, address: str, now: datetime) -> str:
    """Note a sign-in; return the token that the browser shall keep. A person's first browser is no news."""
    digest = _digest(token) if token else ""
    if digest and KnownBrowser.objects.filter(user=user, digest=digest).exists():
        return token
    is_first = not KnownBrowser.objects.filter(user=user).exists()
    token = secrets.token_urlsafe(24)
    held = KnownBrowser.objects.create(user=user, digest=_digest(token), first_at=now)
    older = KnownBrowser.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)
    KnownBrowser.objects.filter(pk__in=list(older[MOST_BROWSERS:])).delete()
    if not is_first:
        facts = {"what": "sign_in", "browser": browser_name(agent), "address": address}
        person_tell(user=user, kind=NotificationKind.SECURITY, key=f"browser:{held.pk}", facts=facts, now=now)
    return token


def account_changed_tell(*, user: User, what: str, now: datetime) -> None:
    """Tell a person that how they sign in has changed: `password`, `mfa` or `email`."""
    key = f"{what}:{now.isoformat()}"
    person_tell(user=user, kind=NotificationKind.SECURITY, key=key, facts={"what": what}, now=now)


def member_added_tell(*, site: Site, member: User, by: str, now: datetime) -> None:
    """Tell a household that somebody new may see the home."""
    facts = {"what": "member", "who": member.email, "by": by}
    household_tell(
        site_id=site.pk, kind=NotificationKind.SECURITY, key=f"member:{site.pk}:{member.pk}:{now.isoformat()}",
        facts=facts, now=now,
    )  # fmt: skip


def browser_name(agent: str) -> str:
    """Return what a browser calls itself in two words."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), "a browser")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
