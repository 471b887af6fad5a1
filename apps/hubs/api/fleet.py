"""An aggregator's hubs: their state, what they were told, checks, and shutting one out."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.hubs import selectors
from apps.hubs.diagnoses import diagnosis_ask
from apps.hubs.models import Diagnosis, Hub, Instruction
from apps.hubs.services import hub_revoke
from vpp.protocols.link.checks import CHECKS


class HubSerializer(serializers.ModelSerializer[Hub]):
    site_id = serializers.IntegerField(allow_null=True)
    is_connected = serializers.BooleanField()
    features = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Hub
        fields = (
            "id", "site_id", "state", "kind", "model", "serial", "agent_version", "features", "is_connected",
            "connected_at", "disconnected_at", "claimed_at",
        )  # fmt: skip


class HubQuery(Query):
    state = serializers.ChoiceField(choices=Hub.State.choices, required=False)
    site = serializers.IntegerField(required=False)
    agent_version = serializers.CharField(required=False)


class InstructionSerializer(serializers.ModelSerializer[Instruction]):
    schedule = serializers.JSONField(allow_null=True)

    class Meta:
        model = Instruction
        fields = (
            "id", "instruction_id", "revision", "subject", "priority", "reason", "schedule", "not_before", "expires_at",
            "state", "state_reason", "created_at", "sent_at", "acknowledged_at", "ended_at",
        )  # fmt: skip


class DiagnosisSerializer(serializers.ModelSerializer[Diagnosis]):
    class Meta:
        model = Diagnosis
        fields = (
            "id",
            "name",
            "state",
            "answer",
            "truncated",
            "asked_by",
            "asked_at",
            "expires_at",
            "answered_at",
        )


class DiagnosisRequestSerializer(Strict):
    name = serializers.ChoiceField(choices=list(CHECKS))


class HubsView(AggregatorView):
    """GET /api/v1/hubs"""

    @describes("List hubs", tag="hubs", answers=HubSerializer, pages=True, query=HubQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, HubQuery, paged=True)
        if "site" in wanted:
            wanted["site_id"] = wanted.pop("site")
        found = selectors.hubs_of_organization(organization=organization_of(request)).filter(**wanted)
        return paged(request, found, order=("pk",), shown=HubSerializer)


class HubView(AggregatorView):
    """GET /api/v1/hubs/{id}"""

    @describes("Show a hub", tag="hubs", answers=HubSerializer)
    def get(self, request: Request, hub_id: UUID) -> Response:
        asked(request, Query)
        return Response(HubSerializer(hub_or_404(request, hub_id)).data)


class HubRevokeView(AggregatorView):
    """POST /api/v1/hubs/{id}/revoke"""

    @describes(
        "Shut a hub out for good", tag="hubs", answers=HubSerializer,
        description="Its tokens die at once and its connection is closed.",
    )  # fmt: skip
    def post(self, request: Request, hub_id: UUID) -> Response:
        hub = hub_or_404(request, hub_id)
        hub_revoke(
            organization=organization_of(request),
            hub_id=str(hub.pk),
            actor=actor_of(request),
            now=clock.now(),
        )
        return Response(HubSerializer(hub_or_404(request, hub_id)).data)


class HubInstructionsView(AggregatorView):
    """GET /api/v1/hubs/{id}/instructions"""

    @describes("List what a hub was told", tag="hubs", answers=InstructionSerializer, pages=True)
    def get(self, request: Request, hub_id: UUID) -> Response:
        asked(request, Query, paged=True)
        found = selectors.orders_of_hub(hub=hub_or_404(request, hub_id))
        return paged(request, found, order=("-pk",), shown=InstructionSerializer)


class HubChecksView(AggregatorView):
    """GET, POST /api/v1/hubs/{id}/checks"""

    @describes("List the checks of a hub", tag="hubs", answers=DiagnosisSerializer, pages=True)
    def get(self, request: Request, hub_id: UUID) -> Response:
        asked(request, Query, paged=True)
        found = selectors.diagnoses_of_hub(hub=hub_or_404(request, hub_id))
        order = ("-asked_at", "pk")
        return paged(request, found, order=order, shown=DiagnosisSerializer)

    @describes(
        "Ask a hub for a check", tag="hubs", sends=DiagnosisRequestSerializer, answers=DiagnosisSerializer, status=202,
        example={"name": "disk"}, description="The hub answers when it is on the link; look at the list.",
    )  # fmt: skip
    def post(self, request: Request, hub_id: UUID) -> Response:
        hub, said = hub_or_404(request, hub_id), sent(request, DiagnosisRequestSerializer)
        made = diagnosis_ask(hub=hub, name=said["name"], actor=actor_of(request), now=clock.now())
        return Response(DiagnosisSerializer(made).data, status=202)


def hub_or_404(request: Request, hub_id: UUID) -> Hub:
    """Return the tenant's hub or raise NotFoundError."""
    found: Any = (
        selectors.hubs_of_organization(organization=organization_of(request)).filter(pk=hub_id).first()
    )
    if not isinstance(found, Hub):
        raise NotFoundError("no such hub")
    return found
