"""What people are told by which channel where they have not chosen, and which messages cannot wait."""

from collections.abc import Mapping
from typing import Final

from apps.alerts.models import Channel, NotificationKind

Kind = NotificationKind
_ALL: Final = frozenset(Channel)
_HERE: Final = frozenset({Channel.IN_APP, Channel.WEBHOOK})
_HERE_AND_PUSH: Final = _HERE | {Channel.WEB_PUSH}
_HERE_AND_MAIL: Final = _HERE | {Channel.EMAIL}

DEFAULTS: Final[Mapping[str, frozenset[str]]] = {
    Kind.EVENT_COMING: _HERE_AND_PUSH,
    Kind.EVENT_ENDED: _HERE,
    Kind.OPTED_OUT: _HERE,
    Kind.HUB_OFFLINE: _ALL,
    Kind.HUB_BACK: _HERE_AND_PUSH,
    Kind.DEVICE_FAULT: _ALL,
    Kind.STATEMENT_READY: _HERE_AND_MAIL,
    Kind.PAYOUT: _HERE_AND_MAIL,
    Kind.MARKET_SUMMARY: _HERE,
    Kind.TERMS_CHANGED: _HERE_AND_MAIL,
    Kind.SECURITY: _ALL,
    Kind.TEST: _ALL,
}
# These are told at any hour.
URGENT: Final = frozenset({Kind.DEVICE_FAULT, Kind.SECURITY, Kind.TEST})
# These reach a person whatever they chose: an attacker would turn them off first.
ALWAYS: Final[Mapping[str, frozenset[str]]] = {Kind.SECURITY: frozenset({Channel.IN_APP, Channel.EMAIL})}
CHOSEN_KINDS: Final = tuple(kind for kind in Kind if kind != Kind.TEST)
