"""A write with a key is done once: whoever asks again gets the same answer.

The answer is stored in the same transaction as what the request did. A process that dies in between leaves neither; the
row's lock says that somebody is at it, so that nothing has to be guessed from times.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.common.encryption import SecretUnreadableError, seal, unseal
from apps.common.errors import ConflictError, DomainError
from apps.common.models import IdempotentRequest

KEPT: Final = timedelta(hours=24)
PURPOSE: Final = b"ores-cloud idempotent answers"


class KeyInvalidError(DomainError):
    code = "idempotency_key_invalid"


class KeyReusedError(DomainError):
    code = "idempotency_key_reused"
    status = 422


class KeyBusyError(ConflictError):
    """The first request with this key is still being answered."""

    code = "idempotency_key_busy"
    permanent = False
    wait = 1


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was answered; `replayed` tells that it was answered before."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    replayed: bool = False


@dataclasses.dataclass(frozen=True)
class Keyed:
    """A request with its key, and whose it is."""

    client: str
    key: str
    fingerprint: str


def answer_once(*, request: Keyed, answer: Callable[[], Answer], now: datetime) -> Answer:
    """Return the stored answer of a request, or `answer` it and store that; an exception stores nothing."""
    if not 0 < len(request.key) <= 200 or not request.key.isascii() or not request.key.isprintable():
        raise KeyInvalidError("an Idempotency-Key has 1 to 200 printable ASCII characters")
    _note(request, now=now)
    with transaction.atomic():
        row = _locked(request)
        if row.fingerprint != request.fingerprint:
            raise KeyReusedError("this Idempotency-Key came with another request before")
        if row.status is not None and (stored := _stored(row)) is not None:
            return stored
        found = answer()
        row.status, row.headers = found.status, dict(found.headers)
        row.body = seal(found.body, purpose=PURPOSE)
        row.save(update_fields=["status", "headers", "body"])
    return found


def _note(request: Keyed, *, now: datetime) -> None:
    """Let there be a row, committed, that others find locked while it is being answered."""
    old = IdempotentRequest.objects.filter(client=request.client, key=request.key, created_at__lte=now - KEPT)
    old.delete()
    row = IdempotentRequest(
        client=request.client, key=request.key, fingerprint=request.fingerprint, created_at=now
    )
    IdempotentRequest.objects.bulk_create([row], ignore_conflicts=True)


def _locked(request: Keyed) -> IdempotentRequest:
    rows = IdempotentRequest.objects.filter(client=request.client, key=request.key)
    row = rows.select_for_update(skip_locked=True).first()
    if row is None:
        raise KeyBusyError("the first request with this Idempotency-Key is still being answered")
    return row


def _stored(row: IdempotentRequest) -> Answer | None:
    if row.status is None:
        return None
    try:
        body = unseal(row.body, purpose=PURPOSE)
    except SecretUnreadableError:
        return None  # the key was changed meanwhile: the request is done again
    return Answer(row.status, row.headers, body, replayed=True)


def idempotent_requests_forget(*, now: datetime) -> int:
    """Delete what is too old to be repeated; return how many."""
    deleted, _ = IdempotentRequest.objects.filter(created_at__lte=now - KEPT).delete()
    return deleted
