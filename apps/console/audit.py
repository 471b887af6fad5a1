"""The audit log as operators search it."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from apps.accounts.audit_log import AuditSearch, audit_actions, audit_search
from apps.accounts.models import AuditEntry, Organization, User
from apps.accounts.services import audit
from apps.common.keyset import KeysetPage, keyset_page

PAGE_SIZE = 50
FIELDS = ("actor", "action", "subject", "text", "since", "until")


@dataclasses.dataclass(frozen=True)
class AuditList:
    """What was found, and the form it was found by."""

    sent: dict[str, str]
    query: str
    actions: list[str]
    page: KeysetPage[AuditEntry]


@dataclasses.dataclass(frozen=True)
class Change:
    """A field of an entry: what it was, where that is known, and what it is."""

    name: str
    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class EntryPage:
    entry: AuditEntry
    changes: list[Change]
    has_before: bool


def audit_list(*, organization: Organization, sent: Mapping[str, str], zone: ZoneInfo) -> AuditList:
    """Return a page of the entries that fit a form, newest first."""
    fields = _fields(sent)
    found = audit_search(organization=organization, search=_search(fields, zone))
    return AuditList(
        sent=fields,
        query=urlencode({name: value for name, value in fields.items() if value}),
        actions=audit_actions(organization=organization),
        page=keyset_page(found, order="pk", cursor=sent.get("at", ""), size=PAGE_SIZE, descending=True),
    )


def entries_taken(
    *, organization: Organization, user: User, sent: Mapping[str, str], zone: ZoneInfo, now: datetime
) -> QuerySet[AuditEntry]:
    """Return the entries that fit a form, for a download that is noted itself."""
    fields = _fields(sent)
    audit(
        organization=organization, actor=user.email, action="audit_download", subject="audit log", now=now,
        search={name: value for name, value in fields.items() if value},
    )  # fmt: skip
    return audit_search(organization=organization, search=_search(fields, zone))


def entry_page(*, organization: Organization, entry_id: int) -> EntryPage | None:
    """Return the tenant's entry, field by field."""
    entry = audit_search(organization=organization, search=AuditSearch()).filter(pk=entry_id).first()
    if entry is None:
        return None
    was = entry.detail.get("was")
    before: dict[str, Any] = was if isinstance(was, dict) else {}
    names = [name for name in entry.detail if name != "was"]
    names += [name for name in before if name not in names]
    changes = [
        Change(name, _shown(before[name]) if name in before else "", _shown(entry.detail.get(name)))
        for name in names
    ]
    return EntryPage(entry, changes, has_before=bool(before))


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _fields(sent: Mapping[str, str]) -> dict[str, str]:
    return {name: sent.get(name, "").replace("\x00", "").strip()[:160] for name in FIELDS}


def _search(fields: Mapping[str, str], zone: ZoneInfo) -> AuditSearch:
    """Days are local and both count; what is no day lets everything through."""
    since, until = _day(fields["since"]), _day(fields["until"])
    return AuditSearch(
        actor=fields["actor"],
        action=fields["action"],
        subject=fields["subject"],
        text=fields["text"],
        since=datetime.combine(since, time(), zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1900 < found.year < 9000 else None
