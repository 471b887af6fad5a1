"""Links in messages that stop one kind by one channel, for whoever has the message: signed, without signing in."""

from typing import Final

from django.core import signing

from apps.accounts.models import User
from apps.alerts.defaults import ALWAYS
from apps.alerts.errors import UnsubscribeError
from apps.alerts.models import Channel, Notification, NotificationKind
from apps.alerts.preferences import choice_set

SALT: Final = "alerts.unsubscribe"


def token_of(notification: Notification, channel: str) -> str:
    """Return the end of the link."""
    return signing.dumps([notification.user_id, notification.kind, channel], salt=SALT)


def wish_of(token: str) -> tuple[User, NotificationKind, Channel]:
    """Return whom a link is for, and what it stops."""
    try:
        user_id, kind, channel = signing.loads(token, salt=SALT)
        return User.objects.get(pk=user_id), NotificationKind(kind), Channel(channel)
    except (signing.BadSignature, User.DoesNotExist, ValueError, TypeError) as error:
        raise UnsubscribeError("this link is not one of ours") from error


def unsubscribe(*, token: str) -> NotificationKind:
    """Stop what the link says."""
    user, kind, channel = wish_of(token)
    if channel in ALWAYS.get(kind, frozenset()):
        raise UnsubscribeError("messages on your account's security cannot be stopped", code="always_told")
    choice_set(user=user, kind=kind, channel=channel, wanted=False)
    return kind
