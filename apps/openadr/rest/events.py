"""OpenADR events that VENs and the tenant's own homes are asked by."""

from typing import Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.openadr.models import EventObject
from apps.openadr.pages.events import EventRow, rows_of_events
from apps.openadr.peer_selectors import events_of_organization
from apps.openadr.polls import is_object_id
from apps.openadr.services.operators import event_compose, event_withdraw
from apps.programs.api.lookups import program_or_404

TAG: Final = "openadr"
EXAMPLE: Final = {
    "program_id": 1,
    "event": {
        "eventName": "evening peak",
        "intervalPeriod": {"start": "2030-01-15T17:00:00Z", "duration": "PT1H"},
        "intervals": [{"id": 0, "payloads": [{"type": "IMPORT_CAPACITY_LIMIT", "values": [3.0]}]}],
    },
}


class EventSerializer(serializers.ModelSerializer[EventObject]):
    program_id = serializers.IntegerField(source="program_object.program_id")
    signal_ids = serializers.SerializerMethodField(help_text="the grid signals that it was turned into")
    state = serializers.SerializerMethodField()
    content = serializers.DictField(help_text="as it was sent")
    canceled_at = serializers.DateTimeField(source="deleted_at", allow_null=True)

    class Meta:
        model = EventObject
        fields = (
            "id", "program_id", "state", "signal_ids", "content", "revision", "created_at", "modified_at", "canceled_at",
        )  # fmt: skip

    def get_signal_ids(self, event: EventObject) -> list[str]:
        return [str(one.pk) for one in self._row(event).signals]

    def get_state(self, event: EventObject) -> str:
        return self._row(event).state

    def _row(self, event: EventObject) -> EventRow:
        """Return an event with its signals; those of a page are read at once."""
        if not hasattr(self, "rows"):
            shown = self.parent.instance if self.parent is not None else [event]
            rows = rows_of_events(list(shown or [event]), organization=event.organization)
            self.rows = {row.event.pk: row for row in rows}
        return self.rows[event.pk]


class EventQuery(Query):
    program = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    canceled = serializers.BooleanField(required=False)


class ComposeSerializer(Strict):
    program_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    event = serializers.DictField(help_text="an event of OpenADR 3.1 without its programID")


class EventsView(AggregatorView):
    """GET, POST /api/v1/openadr-events"""

    @describes("List OpenADR events", tag=TAG, answers=EventSerializer, pages=True, query=EventQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, EventQuery, paged=True)
        found = events_of_organization(organization=organization_of(request), **wanted)
        return paged(request, found, order=("-created_at", "-pk"), shown=EventSerializer)

    @describes(
        "Send an OpenADR event", tag=TAG, sends=ComposeSerializer, answers=EventSerializer, status=201, example=EXAMPLE,
        description="VENs see it by its targets; the tenant's own homes are asked by the grid signals it is turned into. "
        "Homes alone are asked by `/signals`.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = sent(request, ComposeSerializer)
        made = event_compose(
            program=program_or_404(request, said["program_id"]), body=said["event"], actor=actor_of(request),
            now=clock.now(),
        )  # fmt: skip
        return Response(EventSerializer(made).data, status=201)


class EventView(AggregatorView):
    """GET /api/v1/openadr-events/{id}"""

    @describes("Show an OpenADR event", tag=TAG, answers=EventSerializer)
    def get(self, request: Request, event_object_id: str) -> Response:
        asked(request, Query)
        return Response(EventSerializer(_event(request, event_object_id)).data)


class EventCancelView(AggregatorView):
    """POST /api/v1/openadr-events/{id}/cancel"""

    @describes(
        "Cancel an OpenADR event", tag=TAG, answers=EventSerializer,
        description="Whoever sent it: homes are released, VENs are told, the record stays.",
    )  # fmt: skip
    def post(self, request: Request, event_object_id: str) -> Response:
        event = _event(request, event_object_id)
        event_withdraw(event=event, actor=actor_of(request), now=clock.now())
        return Response(EventSerializer(_event(request, event_object_id)).data)


def _event(request: Request, object_id: str) -> EventObject:
    found = None
    if is_object_id(object_id):
        found = events_of_organization(organization=organization_of(request)).filter(pk=object_id).first()
    if found is None:
        raise NotFoundError("no such event")
    return found
