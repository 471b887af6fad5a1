"""Published prices: what a kWh costs and earns, as known at an instant."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.queries import asked
from apps.flexibility.api.forecasts import known_by
from apps.flexibility.api.serializers import (
    KnownPriceSerializer,
    PriceQuerySerializer,
    PricesSerializer,
    PublicationSerializer,
    PublishedSerializer,
)
from apps.flexibility.price_selectors import prices_known, whole_quarters
from apps.flexibility.prices import Price, prices_publish


class PricesView(AggregatorView):
    """GET, POST /api/v1/prices"""

    @describes("List published prices", tag="prices", answers=PricesSerializer, query=PriceQuerySerializer)
    def get(self, request: Request) -> Response:
        wanted = asked(request, PriceQuerySerializer)
        as_of = known_by(wanted.get("as_of"))
        starts_at, ends_at = whole_quarters(wanted["from"], wanted["to"])
        found = prices_known(
            organization=partner(request).organization, starts_at=starts_at, ends_at=ends_at, as_of=as_of
        )
        return Response({"as_of": as_of, "prices": KnownPriceSerializer(found, many=True).data})

    @describes(
        "Publish prices", tag="prices", sends=PublicationSerializer, answers=PublishedSerializer, status=201,
        example={
            "currency": "EUR",
            "prices": [
                {"starts_at": "2030-01-15T00:00:00Z", "ends_at": "2030-01-16T00:00:00Z", "price_per_kwh": "0.310000"}
            ],
        },
        description="200 instead of 201 where nothing is new.",
        also=200,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        serializer = PublicationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        client, now = partner(request), clock.now()
        new = prices_publish(
            organization=client.organization,
            currency=sent["currency"],
            prices=[Price(**price) for price in sent["prices"]],
            actor=f"client {client.name}",
            now=now,
        )
        body = {
            "published_at": now if new else None,
            "new": len(new),
            "known": len(sent["prices"]) - len(new),
        }
        return Response(body, status=201 if new else 200)
