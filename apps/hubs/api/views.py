"""The doors a hub knocks at: register, authenticate; and the operator's claim for a site."""

from datetime import UTC, datetime

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.throttles import AddressRateThrottle, KnockRateThrottle
from apps.hubs import services
from apps.hubs.api.serializers import (
    AuthenticateSerializer,
    ClaimedSerializer,
    ClaimSerializer,
    RegisterSerializer,
)
from apps.hubs.tokens import CHALLENGE_S, challenge_issue
from apps.sites.selectors import sites_of_organization


class RegisterView(APIView):
    """POST /device/register"""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AddressRateThrottle,)

    def post(self, request: Request) -> Response:
        serializer = RegisterSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        registration = services.Registration(**serializer.validated_data)
        hub, created = services.hub_register(registration=registration, now=datetime.now(UTC))
        body = {"hub_id": str(hub.pk), "status": hub.state, "claim_expires_at": hub.claim_expires_at}
        return Response(body, status=201 if created else 200)


class AuthenticateView(APIView):
    """POST /device/security/authenticate: first for a challenge, then with its signature for a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (KnockRateThrottle,)

    def post(self, request: Request) -> Response:
        serializer = AuthenticateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        hub_id = str(sent["hub_id"])
        if not sent.get("challenge") or not sent.get("signature"):
            services.hub_get(hub_id=hub_id)
            return Response({"challenge": challenge_issue(hub_id=hub_id), "expires_in": CHALLENGE_S})
        return Response(
            services.hub_authenticate(hub_id=hub_id, challenge=sent["challenge"], signature=sent["signature"])
        )


class ClaimView(AggregatorView):
    """POST /api/v1/sites/{id}/hub: an aggregator binds a hub to one of its sites."""

    @describes(
        "Bind a hub to a site by its claim code", tag="hubs", sends=ClaimSerializer, answers=ClaimedSerializer, status=201,
        example={"code": "22222-22222"},
    )  # fmt: skip
    def post(self, request: Request, site_id: int) -> Response:
        serializer = ClaimSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        site = sites_of_organization(organization=partner(request).organization).filter(pk=site_id).first()
        if site is None:
            raise NotFoundError("no such site")
        hub = services.hub_claim(
            site=site,
            code=serializer.validated_data["code"],
            replaces=serializer.validated_data["replace"],
            actor=f"client {partner(request).pk} {partner(request).name}",
            machine_now=datetime.now(UTC),
            now=clock.now(),
        )
        return Response({"hub_id": str(hub.pk), "site_id": site.pk, "status": hub.state}, status=201)
