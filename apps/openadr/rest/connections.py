"""Connections to utilities' VTNs: the tenant as their VEN."""

from typing import Any, Final

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.openadr.guard import Connection
from apps.openadr.peer_selectors import connections_2b_of_organization, connections_of_organization
from apps.openadr.probe import connection_probe
from apps.openadr.rest.serializers import (
    FIELDS,
    FIELDS_2B,
    Connection2bChangeSerializer,
    Connection2bSendSerializer,
    Connection2bSerializer,
    ConnectionChangeSerializer,
    ConnectionSendSerializer,
    ConnectionSerializer,
    ProbeSerializer,
)
from apps.openadr.services.peers import peer_add, peer_change, peer_switch
from apps.programs.api.lookups import program_or_404

TAG: Final = "openadr"
EXAMPLE: Final = {
    "name": "ores", "url": "https://vtn.utility.example/openadr3/3.1.0", "version": "3.1.0", "program_id": 1,
    "client_id": "ores-ven", "client_secret": "given by the utility", "transport": "poll", "poll_s": 60,
}  # fmt: skip
EXAMPLE_2B: Final = {
    "name": "ores", "url": "https://vtn.utility.example/OpenADR2/Simple/2.0b", "program_id": 1,
    "level_kw": [100.0, 200.0, 300.0],
}  # fmt: skip
TRIED: Final = "One harmless question to the VTN, for at most 12 seconds. Nothing is kept of it."
SAVED: Final = (
    "What is left out stays. The VEN process takes it over in a moment; `enabled` begins or stops to speak."
)


class ConnectionsView(AggregatorView):
    """GET, POST /api/v1/openadr-connections"""

    @describes("List connections to VTNs of 3.x", tag=TAG, answers=ConnectionSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = connections_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=ConnectionSerializer)

    @describes(
        "Connect to a VTN of 3.x", tag=TAG, sends=ConnectionSendSerializer, answers=ConnectionSerializer, status=201,
        example=EXAMPLE, description="At a public https address. The VEN process begins to speak with it in a moment.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        made = _add(request, sent(request, ConnectionSendSerializer), hidden="client_secret")
        return Response(ConnectionSerializer(made).data, status=201)


class ConnectionView(AggregatorView):
    """GET, PATCH /api/v1/openadr-connections/{id}"""

    @describes("Show a connection to a VTN of 3.x", tag=TAG, answers=ConnectionSerializer)
    def get(self, request: Request, vtn_connection_id: int) -> Response:
        asked(request, Query)
        return tagged(request, ConnectionSerializer(_held(request, vtn_connection_id)).data)

    @describes(
        "Change a connection to a VTN of 3.x", tag=TAG, sends=ConnectionChangeSerializer, answers=ConnectionSerializer,
        example={"poll_s": 30}, description=SAVED, tagged=True,
    )  # fmt: skip
    def patch(self, request: Request, vtn_connection_id: int) -> Response:
        held = _held(request, vtn_connection_id)
        check_if_match(request, ConnectionSerializer(held).data)
        said = sent(request, ConnectionChangeSerializer, partial=True)
        _change(request, held, said=said, names=FIELDS, hidden="client_secret")
        return tagged(request, ConnectionSerializer(_held(request, vtn_connection_id)).data)


class ConnectionTryView(AggregatorView):
    """POST /api/v1/openadr-connections/{id}/try"""

    @describes("Try a connection to a VTN of 3.x", tag=TAG, answers=ProbeSerializer, description=TRIED)
    def post(self, request: Request, vtn_connection_id: int) -> Response:
        probe = connection_probe(connection=_held(request, vtn_connection_id))
        return Response(ProbeSerializer(probe).data)


class Connections2bView(AggregatorView):
    """GET, POST /api/v1/openadr2b-connections"""

    @describes("List connections to VTNs of 2.0b", tag=TAG, answers=Connection2bSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = connections_2b_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=Connection2bSerializer)

    @describes(
        "Connect to a VTN of 2.0b", tag=TAG, sends=Connection2bSendSerializer, answers=Connection2bSerializer, status=201,
        example=EXAMPLE_2B, description="At a public https address, with a certificate and its key.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = sent(request, Connection2bSendSerializer)
        made = _add(request, said, hidden="key_pem", is_2b=True)
        return Response(Connection2bSerializer(made).data, status=201)


class Connection2bView(AggregatorView):
    """GET, PATCH /api/v1/openadr2b-connections/{id}"""

    @describes("Show a connection to a VTN of 2.0b", tag=TAG, answers=Connection2bSerializer)
    def get(self, request: Request, vtn_connection_2b_id: int) -> Response:
        asked(request, Query)
        return tagged(request, Connection2bSerializer(_held(request, vtn_connection_2b_id, is_2b=True)).data)

    @describes(
        "Change a connection to a VTN of 2.0b", tag=TAG, sends=Connection2bChangeSerializer,
        answers=Connection2bSerializer, example={"enabled": False}, description=SAVED, tagged=True,
    )  # fmt: skip
    def patch(self, request: Request, vtn_connection_2b_id: int) -> Response:
        held = _held(request, vtn_connection_2b_id, is_2b=True)
        check_if_match(request, Connection2bSerializer(held).data)
        said = sent(request, Connection2bChangeSerializer, partial=True)
        _change(request, held, said=said, names=FIELDS_2B, hidden="key_pem")
        return tagged(request, Connection2bSerializer(_held(request, vtn_connection_2b_id, is_2b=True)).data)


class Connection2bTryView(AggregatorView):
    """POST /api/v1/openadr2b-connections/{id}/try"""

    @describes("Try a connection to a VTN of 2.0b", tag=TAG, answers=ProbeSerializer, description=TRIED)
    def post(self, request: Request, vtn_connection_2b_id: int) -> Response:
        probe = connection_probe(connection=_held(request, vtn_connection_2b_id, is_2b=True))
        return Response(ProbeSerializer(probe).data)


def _held(request: Request, number: int, *, is_2b: bool = False) -> Any:
    organization = organization_of(request)
    rows: QuerySet[Any] = (
        connections_2b_of_organization(organization=organization)
        if is_2b
        else connections_of_organization(organization=organization)
    )
    found = rows.filter(pk=number).first()
    if found is None:
        raise NotFoundError("no such connection")
    return found


def _add(request: Request, said: dict[str, Any], *, hidden: str, is_2b: bool = False) -> Any:
    number, secret = said.pop("program_id", None), said.pop(hidden, "")
    return peer_add(
        organization=organization_of(request), is_2b=is_2b, secret=secret, fields=said, actor=actor_of(request),
        program=None if number is None else program_or_404(request, number), now=clock.now(),
    )  # fmt: skip


def _change(
    request: Request, held: Connection, *, said: dict[str, Any], names: tuple[str, ...], hidden: str
) -> None:
    """Take over what was sent; no row is locked while the new address is looked up."""
    enabled, secret = said.pop("enabled", None), said.pop(hidden, "")
    who: dict[str, Any] = {"actor": actor_of(request), "now": clock.now()}
    if said or secret:
        fields = {name: getattr(held, name) for name in names} | said
        held = peer_change(connection=held, secret=secret, fields=fields, **who)
    if enabled is not None and enabled != held.enabled:
        peer_switch(connection=held, enabled=enabled, **who)
