"""An aggregator's webhooks."""

from typing import Any, Final
from uuid import UUID

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView, organization_of
from apps.alerts import selectors, webhooks
from apps.alerts.api.serializers import (
    DeliveryQuery,
    WebhookChangeSerializer,
    WebhookDeliverySerializer,
    WebhookMadeSerializer,
    WebhookSerializer,
    WebhookSetSerializer,
)
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent

TAG: Final = "webhooks"
EXAMPLE: Final = {
    "url": "https://partner.example.org/ores",
    "kinds": ["signal.created", "incident.opened"],
    "description": "control room",
}


class WebhookView(AggregatorView):
    """What all of them share."""

    def who(self) -> dict[str, Any]:
        """Return who acts, on whose webhooks, and when."""
        client = partner(self.request)
        return {"organization": client.organization, "actor": f"client {client.name}", "now": clock.now()}


class WebhooksView(WebhookView):
    """GET, POST /api/v1/webhooks"""

    @describes("List webhooks", tag=TAG, answers=WebhookSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = selectors.webhooks_of_organization(organization=organization_of(request))
        return paged(request, found, order=("created_at", "pk"), shown=WebhookSerializer)

    @describes(
        "Create a webhook", tag=TAG, sends=WebhookSetSerializer, answers=WebhookMadeSerializer, status=201,
        example=EXAMPLE, description="The secret that signs its calls is in this answer only.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = sent(request, WebhookSetSerializer)
        made = webhooks.webhook_create(**{"description": "", **said}, **self.who())
        return Response(WebhookMadeSerializer(made).data, status=201)


class WebhookDetailView(WebhookView):
    """GET, PATCH, DELETE /api/v1/webhooks/{id}"""

    @describes("Show a webhook", tag=TAG, answers=WebhookSerializer)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        asked(request, Query)
        held = selectors.webhook_of_organization(organization=organization_of(request), webhook_id=webhook_id)
        return tagged(request, WebhookSerializer(held).data)

    @describes(
        "Change a webhook", tag=TAG, sends=WebhookChangeSerializer, answers=WebhookSerializer,
        example={"enabled": True}, description="Enabling one again also sends what waits for it.",
        tagged=True,
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        changes, organization = sent(request, WebhookChangeSerializer), organization_of(request)
        held = selectors.webhook_of_organization(
            organization=organization, webhook_id=webhook_id, locked=True
        )
        check_if_match(request, WebhookSerializer(held).data)
        changed = webhooks.webhook_set(webhook_id=webhook_id, changes=changes, **self.who())
        return tagged(request, WebhookSerializer(changed).data)

    @describes("Delete a webhook", tag=TAG, status=204, description="With what waits for it.")
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        webhooks.webhook_delete(webhook_id=webhook_id, **self.who())
        return Response(status=204)


class WebhookRotateView(WebhookView):
    """POST /api/v1/webhooks/{id}/rotate"""

    @describes(
        "Give a webhook another secret", tag=TAG, answers=WebhookMadeSerializer,
        description="For 24 hours its calls are signed with both.",
    )  # fmt: skip
    def post(self, request: Request, webhook_id: UUID) -> Response:
        made = webhooks.webhook_rotate(webhook_id=webhook_id, **self.who())
        return Response(WebhookMadeSerializer(made).data)


class WebhookTestView(WebhookView):
    """POST /api/v1/webhooks/{id}/test"""

    @describes(
        "Try a webhook", tag=TAG, answers=WebhookDeliverySerializer, status=202,
        description="It is called with the event `ping`; its deliveries say what came of it.",
    )  # fmt: skip
    def post(self, request: Request, webhook_id: UUID) -> Response:
        made = webhooks.webhook_ping(webhook_id=webhook_id, **self.who())
        return Response(WebhookDeliverySerializer(made).data, status=202)


class WebhookDeliveriesView(WebhookView):
    """GET /api/v1/webhooks/{id}/deliveries"""

    @describes(
        "List a webhook's deliveries", tag=TAG, answers=WebhookDeliverySerializer, pages=True, query=DeliveryQuery
    )  # fmt: skip
    def get(self, request: Request, webhook_id: UUID) -> Response:
        wanted = asked(request, DeliveryQuery, paged=True)
        found = selectors.webhook_deliveries(
            organization=organization_of(request), webhook_id=webhook_id, **wanted
        )
        return paged(request, found, order=("-pk",), shown=WebhookDeliverySerializer)


class WebhookRedeliverView(WebhookView):
    """POST /api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver"""

    @describes("Send a delivery again", tag=TAG, answers=WebhookDeliverySerializer, status=202)
    def post(self, request: Request, webhook_id: UUID, delivery_id: int) -> Response:
        held = webhooks.webhook_redeliver(webhook_id=webhook_id, delivery_id=delivery_id, **self.who())
        return Response(WebhookDeliverySerializer(held).data, status=202)
