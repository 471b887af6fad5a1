"""The log of what was said over the tenant's OpenADR wires."""

from typing import Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, organization_of
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes, page_serializer
from apps.common.rest.paging import CursorInvalidError, limit_of, next_of
from apps.common.rest.queries import Query, asked
from apps.openadr.models import MessageEntry
from apps.openadr.pages.message_views import LARGEST_ID, Search, messages_found
from apps.openadr.peer_selectors import messages_of_organization

TAG: Final = "openadr"


class MessageSerializer(serializers.ModelSerializer[MessageEntry]):
    class Meta:
        model = MessageEntry
        fields = ("id", "at", "protocol", "direction", "peer", "kind", "status")


class WholeMessageSerializer(MessageSerializer):
    """A message with its body, cut at 16,000 characters and without secrets."""

    class Meta(MessageSerializer.Meta):
        fields = (*MessageSerializer.Meta.fields, "body")  # type: ignore[assignment]


class MessageQuery(Query):
    q = serializers.CharField(required=False, max_length=120, help_text="part of peer, kind or body")
    protocol = serializers.ChoiceField(choices=MessageEntry.Protocol.choices, required=False)
    direction = serializers.ChoiceField(choices=MessageEntry.Direction.choices, required=False)
    status = serializers.ChoiceField(choices=["good", "refused"], required=False)


class MessagesView(AggregatorView):
    """GET /api/v1/openadr-messages"""

    @describes(
        "Search the log of OpenADR messages", tag=TAG, answers=page_serializer(MessageSerializer), query=MessageQuery,
        paging=True,
        description="The newest first. A search looks at 20,000 messages at a time: a page may be empty and have a `next`.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        wanted, cursor = asked(request, MessageQuery, paged=True), request.query_params.get("cursor", "")
        if cursor and not (cursor.isascii() and cursor.isdigit() and int(cursor[:20]) <= LARGEST_ID):
            raise CursorInvalidError("this is no cursor of this list")
        search = Search(**wanted, before=cursor)
        found = messages_found(organization=organization_of(request), search=search, limit=limit_of(request))
        older = None if found.older is None else str(found.older)
        rows = MessageSerializer(found.rows, many=True).data
        return Response({"results": rows, "next": next_of(request, older)})


class MessageView(AggregatorView):
    """GET /api/v1/openadr-messages/{id}"""

    @describes("Show an OpenADR message whole", tag=TAG, answers=WholeMessageSerializer)
    def get(self, request: Request, message_id: int) -> Response:
        asked(request, Query)
        held = messages_of_organization(organization=organization_of(request)).filter(pk=message_id).first()
        if held is None:
            raise NotFoundError("no such message")
        return Response(WholeMessageSerializer(held).data)
