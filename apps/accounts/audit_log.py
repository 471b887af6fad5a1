"""Searching the audit log."""

import dataclasses
import json
import re
from collections.abc import Iterator
from datetime import datetime

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from apps.accounts.models import AuditEntry, Organization
from apps.common.papers import csv_lines

WORDS = re.compile(r"[^\W_]+", re.UNICODE)
MOST_WORDS = 8
BATCH = 1000


@dataclasses.dataclass(frozen=True)
class AuditSearch:
    """What is searched for; empty fields let everything through. Half-open in time."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


def audit_search(*, organization: Organization, search: AuditSearch) -> QuerySet[AuditEntry]:
    """Return the tenant's entries that fit."""
    found = AuditEntry.objects.filter(organization=organization)
    if search.actor:
        found = found.filter(actor__istartswith=search.actor)
    if search.action:
        found = found.filter(action=search.action)
    if search.subject:
        found = found.filter(subject__istartswith=search.subject)
    if search.since:
        found = found.filter(at__gte=search.since)
    if search.until:
        found = found.filter(at__lt=search.until)
    return _with_words(found, search.text) if search.text else found


def _with_words(found: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
    """Entries with words that begin so, anywhere in them; the expression is that of the index."""
    words = WORDS.findall(text)[:MOST_WORDS]
    if not words:
        return found.none()
    query = SearchQuery(" & ".join(f"'{word}':*" for word in words), search_type="raw", config="simple")
    vector = SearchVector("actor", "action", "subject", Cast("detail", TextField()), config="simple")
    return found.annotate(words=vector).filter(words=query)


def audit_actions(*, organization: Organization) -> list[str]:
    """Return which actions the tenant's log knows."""
    held = AuditEntry.objects.filter(organization=organization).order_by()
    return sorted(held.values_list("action", flat=True).distinct())


def audit_csv(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yield entries as CSV, newest first."""
    yield csv_lines([("at", "actor", "action", "subject", "detail")])
    for batch in _batches(entries):
        yield csv_lines([(*_plain(one).values(),) for one in batch])


def audit_json(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yield entries as JSON, one a line, newest first."""
    for one in entries.order_by("-at", "-pk").iterator(chunk_size=BATCH):
        yield json.dumps({**_plain(one), "detail": one.detail}, ensure_ascii=False) + "\n"


def _batches(entries: QuerySet[AuditEntry]) -> Iterator[list[AuditEntry]]:
    held: list[AuditEntry] = []
    for one in entries.order_by("-at", "-pk").iterator(chunk_size=BATCH):
        held.append(one)
        if len(held) == BATCH:
            yield held
            held = []
    if held:
        yield held


def _plain(entry: AuditEntry) -> dict[str, str]:
    return {
        "at": entry.at.isoformat(), "actor": entry.actor, "action": entry.action, "subject": entry.subject,
        "detail": json.dumps(entry.detail, ensure_ascii=False),
    }  # fmt: skip
