"""Writes of how people want to be told: choices, quiet hours, browsers that take push messages, a webhook."""

import base64
import binascii
from collections.abc import Collection, Mapping
from datetime import datetime, time
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from django.db import transaction

from apps.accounts.models import User
from apps.alerts.defaults import CHOSEN_KINDS, DEFAULTS
from apps.alerts.errors import SettingsInvalidError
from apps.alerts.models import Channel, ChannelChoice, NotificationSettings, PushSubscription
from apps.alerts.signing import PURPOSE, secret_make
from apps.common.encryption import encrypt
from apps.common.outgoing.addresses import CallbackError, target_of

MOST_BROWSERS: Final = 10
Wanted = Collection[tuple[str, str]]


@transaction.atomic
def choices_set(*, user: User, wanted: Wanted) -> None:
    """Take over a whole matrix: (kind, channel) of what is wanted; only what differs from the defaults is kept."""
    known = {(str(kind), str(channel)) for kind in CHOSEN_KINDS for channel in Channel}
    if not set(wanted) <= known:
        raise SettingsInvalidError("there is no such kind or channel")
    ChannelChoice.objects.filter(user=user).delete()
    ChannelChoice.objects.bulk_create(
        ChannelChoice(user=user, kind=kind, channel=channel, wanted=(kind, channel) in wanted)
        for kind, channel in sorted(known)
        if ((kind, channel) in wanted) != (channel in DEFAULTS[kind])
    )


@transaction.atomic
def choice_set(*, user: User, kind: str, channel: str, wanted: bool) -> None:
    """Want, or do not want, one kind by one channel."""
    if kind not in CHOSEN_KINDS or channel not in Channel.values:
        raise SettingsInvalidError("there is no such kind or channel")
    ChannelChoice.objects.update_or_create(user=user, kind=kind, channel=channel, defaults={"wanted": wanted})


def quiet_set(*, user: User, start: time | None, end: time | None) -> None:
    """Set quiet hours, or none."""
    if (start is None) != (end is None):
        raise SettingsInvalidError("quiet hours have a beginning and an end")
    if start is not None and start == end:
        raise SettingsInvalidError("quiet hours begin and end at different times")
    NotificationSettings.objects.update_or_create(user=user, defaults={"quiet_from": start, "quiet_to": end})


@transaction.atomic
def own_webhook_set(*, user: User, url: str) -> str:
    """Set a person's webhook; return its new secret, shown once. An empty URL takes it away."""
    url = url.strip()
    if url:
        _check_url(url)
    secret = secret_make() if url else ""
    NotificationSettings.objects.update_or_create(
        user=user,
        defaults={"webhook_url": url, "webhook_secret_encrypted": encrypt(secret, purpose=PURPOSE)},
    )
    return secret


def _check_url(url: str) -> None:
    if len(url) > 500:
        raise SettingsInvalidError("a webhook's URL has at most 500 characters")
    try:
        target_of(url)
    except CallbackError as error:
        raise SettingsInvalidError(error.detail, code="webhook_url_refused") from error


@transaction.atomic
def push_subscribe(
    *, user: User, subscription: Mapping[str, object], browser: str, now: datetime
) -> PushSubscription:
    """Keep a browser's push subscription; one that somebody else had in this browser is theirs no more."""
    endpoint, p256dh, auth = _checked(subscription)
    held, _ = PushSubscription.objects.update_or_create(
        endpoint=endpoint,
        defaults={"user": user, "p256dh": p256dh, "auth": auth, "browser": browser[:120]},
        create_defaults={
            "user": user, "p256dh": p256dh, "auth": auth, "browser": browser[:120], "created_at": now,
        },
    )  # fmt: skip
    older = PushSubscription.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)
    PushSubscription.objects.filter(pk__in=list(older[MOST_BROWSERS:])).delete()
    return held


def push_unsubscribe(*, user: User, endpoint: str) -> bool:
    """Forget a browser; return whether it was known."""
    deleted, _ = PushSubscription.objects.filter(user=user, endpoint=endpoint).delete()
    return bool(deleted)


def _checked(subscription: Mapping[str, object]) -> tuple[str, str, str]:
    keys = subscription.get("keys")
    endpoint = subscription.get("endpoint")
    p256dh, auth = (keys.get("p256dh"), keys.get("auth")) if isinstance(keys, Mapping) else (None, None)
    if not (isinstance(endpoint, str) and isinstance(p256dh, str) and isinstance(auth, str)):
        raise SettingsInvalidError("this is no push subscription")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), decoded(p256dh))
        is_good = len(decoded(auth)) == 16 and len(endpoint) <= 1000 and bool(urlsplit(endpoint).hostname)
        target_of(endpoint)
    except (ValueError, binascii.Error, CallbackError) as error:
        raise SettingsInvalidError("this push subscription cannot be used") from error
    if not is_good:
        raise SettingsInvalidError("this push subscription cannot be used")
    return endpoint, p256dh, auth


def decoded(text: str) -> bytes:
    """Return what base64url without padding stands for."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
