"""What the pages of messages show and take over."""

import dataclasses
import uuid
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.alerts.choices import MatrixRow, browsers_of, matrix, settings_of
from apps.alerts.defaults import ALWAYS, CHOSEN_KINDS
from apps.alerts.errors import SettingsInvalidError
from apps.alerts.models import Channel, NotificationKind, NotificationSettings, PushSubscription
from apps.alerts.notifications import person_tell
from apps.alerts.preferences import choices_set, quiet_set
from apps.alerts.selectors import LogRow, delivery_log
from apps.alerts.vapid import public_key
from apps.portal.selectors import Home, home
from apps.sites.selectors import sites_of_household


@dataclasses.dataclass(frozen=True)
class SettingsPage:
    channels: list[tuple[str, str]]
    rows: list[MatrixRow]
    held: NotificationSettings
    browsers: list[PushSubscription]
    log: list[LogRow]
    push_key: str


def settings_page(*, user: User) -> SettingsPage:
    """Return all that the settings show."""
    return SettingsPage(
        channels=[(channel.value, str(channel.label)) for channel in Channel],
        rows=matrix(user=user),
        held=settings_of(user=user),
        browsers=browsers_of(user=user),
        log=delivery_log(user=user),
        push_key=public_key(),
    )


def choices_save(*, user: User, sent: Mapping[str, Any]) -> None:
    """Take over a whole form: a box for each kind and channel, and the quiet hours."""
    quiet = (_time(sent.get("quiet_from", "")), _time(sent.get("quiet_to", "")))
    quiet_set(user=user, start=quiet[0], end=quiet[1])
    wanted = {
        (kind.value, channel.value)
        for kind in CHOSEN_KINDS
        for channel in Channel
        if f"{kind.value}:{channel.value}" in sent or channel in ALWAYS.get(kind, frozenset())
    }
    choices_set(user=user, wanted=wanted)


def _time(text: str) -> time | None:
    if not text:
        return None
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError as error:
        raise SettingsInvalidError(_("a time looks like 22:00")) from error


def test_send(*, user: User, now: datetime) -> None:
    """Tell somebody a test, by every way that is set up."""
    person_tell(user=user, kind=NotificationKind.TEST, key=str(uuid.uuid4()), facts={}, now=now)


def first_home(*, user: User) -> Home | None:
    """Return the home whose navigation and time zone these pages have."""
    site = sites_of_household(user=user).first()
    return home(user=user, site_id=site.pk) if site is not None else None
