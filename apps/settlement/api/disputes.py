"""Objections of households: read, accept with corrections, reject."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.settlement.api.serializers import (
    AcceptSerializer,
    DisputeQuery,
    DisputeSerializer,
    RejectSerializer,
)
from apps.settlement.disputes import Corrected, dispute_accept, dispute_reject
from apps.settlement.models import Dispute
from apps.settlement.selectors import disputes_of_organization


class DisputesView(AggregatorView):
    """GET /api/v1/disputes"""

    @describes("List objections", tag="disputes", answers=DisputeSerializer, pages=True, query=DisputeQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, DisputeQuery, paged=True)
        found = disputes_of_organization(organization=organization_of(request)).filter(**wanted)
        return paged(request, found, order=("-pk",), shown=DisputeSerializer)


class DisputeView(AggregatorView):
    """GET /api/v1/disputes/{id}"""

    @describes("Show an objection", tag="disputes", answers=DisputeSerializer)
    def get(self, request: Request, dispute_id: int) -> Response:
        asked(request, Query)
        return Response(DisputeSerializer(_dispute(request, dispute_id)).data)


class DisputeAcceptView(AggregatorView):
    """POST /api/v1/disputes/{id}/accept"""

    @describes(
        "Accept an objection", tag="disputes", sends=AcceptSerializer, answers=DisputeSerializer,
        example={
            "note": "The meter was exchanged that day.",
            "corrections": [{"starts_at": "2030-01-15T17:00:00Z", "metered_kwh": 0.4, "reason": "register of the new meter"}],
        },
        description="The event is settled again with the corrections; the answer names the new version.",
    )  # fmt: skip
    def post(self, request: Request, dispute_id: int) -> Response:
        dispute, said = _dispute(request, dispute_id), sent(request, AcceptSerializer)
        dispute_accept(
            dispute=dispute, user=None, note=said["note"], now=clock.now(), actor=actor_of(request),
            corrections=[Corrected(**one) for one in said.get("corrections", [])],
        )  # fmt: skip
        return Response(DisputeSerializer(_dispute(request, dispute_id)).data)


class DisputeRejectView(AggregatorView):
    """POST /api/v1/disputes/{id}/reject"""

    @describes(
        "Reject an objection", tag="disputes", sends=RejectSerializer, answers=DisputeSerializer,
        example={"note": "The meter's register agrees with the statement."},
    )  # fmt: skip
    def post(self, request: Request, dispute_id: int) -> Response:
        dispute, said = _dispute(request, dispute_id), sent(request, RejectSerializer)
        dispute_reject(
            dispute=dispute, user=None, note=said["note"], now=clock.now(), actor=actor_of(request)
        )
        return Response(DisputeSerializer(_dispute(request, dispute_id)).data)


def _dispute(request: Request, dispute_id: int) -> Dispute:
    found: Dispute | None = (
        disputes_of_organization(organization=organization_of(request)).filter(pk=dispute_id).first()
    )
    if found is None:
        raise NotFoundError("no such objection")
    return found
