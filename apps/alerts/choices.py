"""Reads of how people want to be told."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from apps.accounts.models import User
from apps.alerts.defaults import ALWAYS, CHOSEN_KINDS, DEFAULTS, URGENT
from apps.alerts.models import Channel, ChannelChoice, NotificationSettings, PushSubscription
from apps.alerts.quiet import Quiet

_NOTHING: Final[frozenset[str]] = frozenset()


@dataclasses.dataclass(frozen=True)
class Person:
    """How one person is told; `browsers` are the numbers of push subscriptions."""

    user_id: int
    email: str
    choices: Mapping[tuple[str, str], bool]
    browsers: tuple[int, ...]
    has_webhook: bool
    quiet_hours: Quiet | None

    def wants(self, kind: str, channel: str) -> bool:
        """Whether a kind is wanted by a channel."""
        if channel in ALWAYS.get(kind, _NOTHING):
            return True
        return self.choices.get((kind, channel), channel in DEFAULTS[kind])

    def addresses(self, kind: str) -> list[tuple[str, str]]:
        """Return (channel, address) of what leaves the platform."""
        found = []
        if self.email and self.wants(kind, Channel.EMAIL):
            found.append((Channel.EMAIL.value, ""))
        if self.wants(kind, Channel.WEB_PUSH):
            found += [(Channel.WEB_PUSH.value, str(pk)) for pk in self.browsers]
        if self.has_webhook and self.wants(kind, Channel.WEBHOOK):
            found.append((Channel.WEBHOOK.value, ""))
        return found

    def quiet(self, kind: str) -> Quiet | None:
        """Return the quiet hours that a kind keeps."""
        return None if kind in URGENT else self.quiet_hours


@dataclasses.dataclass(frozen=True)
class Cell:
    """One kind by one channel; `fixed` where it cannot be turned off."""

    channel: str
    label: str
    wanted: bool
    fixed: bool

    @property
    def is_needed(self) -> bool:
        return self.fixed


@dataclasses.dataclass(frozen=True)
class MatrixRow:
    kind: str
    label: str
    urgent: bool
    cells: list[Cell]


def people(*, user_ids: Collection[int]) -> dict[int, Person]:
    """Return how these people are told; whoever is not active any more is not."""
    ids = list(user_ids)
    choices: dict[int, dict[tuple[str, str], bool]] = defaultdict(dict)
    for one in ChannelChoice.objects.filter(user_id__in=ids):
        choices[one.user_id][one.kind, one.channel] = one.wanted
    browsers: dict[int, list[int]] = defaultdict(list)
    for pk, user_id in (
        PushSubscription.objects.filter(user_id__in=ids).order_by("pk").values_list("pk", "user_id")
    ):
        browsers[user_id].append(pk)
    settings = NotificationSettings.objects.in_bulk(ids)
    users = User.objects.filter(pk__in=ids, is_active=True).values_list("pk", "email")
    return {
        pk: Person(
            pk, email, choices[pk], tuple(browsers[pk]), bool(pk in settings and settings[pk].webhook_url),
            quiet_of(settings.get(pk)),
        )
        for pk, email in users
    }  # fmt: skip


def quiet_of(held: NotificationSettings | None) -> Quiet | None:
    """Return somebody's quiet hours."""
    if held is None or held.quiet_from is None or held.quiet_to is None:
        return None
    return Quiet(held.quiet_from, held.quiet_to)


def matrix(*, user: User) -> list[MatrixRow]:
    """Return the choices of one person, kind by kind."""
    person = people(user_ids=[user.pk])[user.pk]
    return [
        MatrixRow(
            kind=kind.value,
            label=str(kind.label),
            urgent=kind in URGENT,
            cells=[
                Cell(
                    channel.value, str(channel.label), person.wants(kind, channel),
                    channel in ALWAYS.get(kind, _NOTHING),
                )
                for channel in Channel
            ],
        )
        for kind in CHOSEN_KINDS
    ]  # fmt: skip


def settings_of(*, user: User) -> NotificationSettings:
    """Return somebody's settings, or what holds without any."""
    return NotificationSettings.objects.filter(user=user).first() or NotificationSettings(user=user)


def browsers_of(*, user: User) -> list[PushSubscription]:
    """Return the browsers that take push messages, the newest first."""
    return list(PushSubscription.objects.filter(user=user).order_by("-pk"))
