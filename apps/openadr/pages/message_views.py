"""The log of raw messages."""

import json
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.accounts.models import Organization
from apps.common.pages import signed_in
from apps.openadr.models import MessageEntry
from apps.openadr.pages.shared import show, tenant_of

PAGE_SIZE: Final = 50
LOOKED_AT: Final = 20_000
LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True)
class Search:
    """What is looked for, as typed."""

    q: str = ""
    protocol: str = ""
    direction: str = ""
    status: str = ""
    before: str = ""

    @property
    def any(self) -> bool:
        return bool(self.q or self.protocol or self.direction or self.status)


@dataclass(frozen=True)
class Found:
    """A page of messages; `older` is the id before which to go on, `reached` the oldest looked at where more may fit."""

    rows: list[MessageEntry]
    older: int | None = None
    reached: MessageEntry | None = None


def messages_found(*, organization: Organization, search: Search, limit: int = PAGE_SIZE) -> Found:
    """Return messages, newest first, older than the id `before`; a search looks at `LOOKED_AT` of them at a time.

    No index helps to find a piece of a text; that bounds what a search for something that is not there costs.
    """
    held = MessageEntry.objects.filter(organization=organization).order_by("-pk")
    if search.before.isascii() and search.before.isdigit() and int(search.before[:20]) <= LARGEST_ID:
        held = held.filter(pk__lt=int(search.before[:20]))
    floor = held.values_list("pk", flat=True)[LOOKED_AT - 1 : LOOKED_AT].first() if search.any else None
    within = held if floor is None else held.filter(pk__gte=floor)
    rows = list(_fitting(within, search)[: limit + 1])
    if len(rows) > limit:
        return Found(rows[:limit], older=rows[limit - 1].pk)
    reached = None if floor is None else held.filter(pk=floor).first()
    return Found(rows, older=floor, reached=reached)


def _fitting(found: QuerySet[MessageEntry], search: Search) -> QuerySet[MessageEntry]:
    if search.q:
        text = search.q.replace("\x00", "")
        found = found.filter(Q(peer__icontains=text) | Q(kind__icontains=text) | Q(body__icontains=text))
    if search.protocol:
        found = found.filter(protocol=search.protocol)
    if search.direction:
        found = found.filter(direction=search.direction)
    return _with_status(found, search.status)


def _with_status(found: QuerySet[MessageEntry], status: str) -> QuerySet[MessageEntry]:
    if status == "good":
        return found.filter(Q(status=None) | Q(status__lt=400))
    if status == "refused":
        return found.filter(status__gte=400)
    return found


@require_GET
@signed_in
def message_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Search the log."""
    tenant = tenant_of(request, organization_id)
    search = Search(**{name: request.GET.get(name, "").strip()[:120] for name in Search.__dataclass_fields__})
    found = messages_found(organization=tenant.organization, search=search)
    query = request.GET.copy()
    query["before"] = str(found.older)
    held: dict[str, Any] = {
        "rows": found.rows,
        "older": query.urlencode() if found.older is not None else "",
        "reached": found.reached,
        "search": search,
        "protocols": MessageEntry.Protocol.choices,
        "directions": MessageEntry.Direction.choices,
    }
    return show(request, "messages", tenant=tenant, tab="messages", **held)


@require_GET
@signed_in
def message_detail(request: HttpRequest, organization_id: int, message_id: int) -> HttpResponse:
    """Show one message whole."""
    tenant = tenant_of(request, organization_id)
    found = MessageEntry.objects.filter(organization=tenant.organization, pk=message_id).first()
    if found is None:
        raise Http404
    return show(request, "message", tenant=tenant, tab="messages", message=found, body=_readable(found.body))


def _readable(body: str) -> str:
    """Return JSON with a line a property; anything else as it came."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
