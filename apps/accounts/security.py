"""How a person's account is protected, and where it is signed in."""

import dataclasses
import re
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from apps.accounts.models import User
from apps.common.errors import NotFoundError

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class SessionRow:
    """A browser that is signed in."""

    number: int
    browser: str
    ip: str
    started_at: datetime
    is_current: bool


@dataclasses.dataclass(frozen=True)
class Protection:
    """What stands between a stolen password and the account."""

    has_totp: bool
    passkeys: int
    codes_left: int | None
    sessions: list[SessionRow]


def protection_of(*, user: User, session_key: str | None) -> Protection:
    """Return how an account is protected."""
    held = {kind: list(found) for kind, found in _by_kind(user).items()}
    codes = held["recovery_codes"]
    return Protection(
        has_totp=bool(held["totp"]),
        passkeys=len(held["webauthn"]),
        codes_left=len(codes[0].wrap().get_unused_codes()) if codes else None,
        sessions=sessions_of(user=user, session_key=session_key),
    )


def sessions_of(*, user: User, session_key: str | None) -> list[SessionRow]:
    """Return where a person is signed in, this browser first."""
    rows = [
        SessionRow(
            one.pk, browser_name(one.user_agent), one.ip, one.created_at, one.session_key == session_key
        )
        for one in UserSession.objects.purge_and_list(user)
    ]
    return sorted(rows, key=lambda row: (not row.is_current, -row.number))


def session_end(*, user: User, number: int) -> None:
    """Sign a person out on one browser."""
    found = UserSession.objects.filter(user=user, pk=number).first()
    if found is None:
        raise NotFoundError("no such session")
    found.end()


def sessions_end_others(*, user: User, session_key: str | None) -> int:
    """Sign a person out everywhere but here; return in how many places."""
    others = [one for one in UserSession.objects.filter(user=user) if one.session_key != session_key]
    for one in others:
        one.end()
    return len(others)


def browser_name(agent: str) -> str:
    """Say what a browser calls itself in two words."""
    browser = next((name for mark, name in _BROWSERS if re.search(rf"\b{mark}[/ ]", agent)), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " · ".join(part for part in (browser, system) if part)


def _by_kind(user: User) -> dict[str, list[Authenticator]]:
    found: dict[str, list[Authenticator]] = {"totp": [], "webauthn": [], "recovery_codes": []}
    for one in Authenticator.objects.filter(user=user):
        found.setdefault(one.type, []).append(one)
    return found
