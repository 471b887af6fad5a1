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


def messages_found(*, organization: Organization, search: Search) -> list[MessageEntry]:
    """Return messages, newest first, one more than a page holds; older than the id `before`."""
    found = MessageEntry.objects.filter(organization=organization).order_by("-pk")
    if search.q:
        text = search.q.replace("\x00", "")
        found = found.filter(Q(peer__icontains=text) | Q(kind__icontains=text) | Q(body__icontains=text))
    if search.protocol:
        found = found.filter(protocol=search.protocol)
    if search.direction:
        found = found.filter(direction=search.direction)
    if search.before.isascii() and search.before.isdigit() and int(search.before[:20]) <= LARGEST_ID:
        found = found.filter(pk__lt=int(search.before[:20]))
    return list(_with_status(found, search.status)[: PAGE_SIZE + 1])


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
    rows = messages_found(organization=tenant.organization, search=search)
    query = request.GET.copy()
    query["before"] = str(rows[PAGE_SIZE - 1].pk) if len(rows) > PAGE_SIZE else ""
    held: dict[str, Any] = {
        "rows": rows[:PAGE_SIZE],
        "older": query.urlencode() if len(rows) > PAGE_SIZE else "",
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
