"""The log of raw messages."""

from datetime import datetime

from apps.accounts.models import Organization
from apps.openadr.models import MessageEntry

LONGEST_BODY = 16_000


def message_note(
    *,
    organization: Organization,
    protocol: str,
    direction: str,
    peer: str,
    kind: str,
    body: str,
    now: datetime,
    status: int | None = None,
) -> None:
    """Keep one message; the caller has taken secrets out."""
    MessageEntry.objects.create(
        organization=organization, protocol=protocol, direction=direction, peer=_text(peer)[:160],
        kind=_text(kind)[:160],
        status=status, body=_text(body)[:LONGEST_BODY], at=now,
    )  # fmt: skip


def _text(text: str) -> str:
    """Return what the database can keep of a text."""
    return text.replace("\x00", "").encode(errors="replace").decode()
