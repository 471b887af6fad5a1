"""A site's devices for partners: the twin, the discovery inbox, and what may be decided."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.hubs import device_inbox, pairings, selectors
from apps.hubs.models import DevicePairing, DeviceProposal
from apps.sites.models import Site
from apps.sites.selectors import sites_of_organization


class ProposalSerializer(serializers.ModelSerializer[DeviceProposal]):
    class Meta:
        model = DeviceProposal
        fields = (
            "id", "kind", "address", "part", "name", "maker", "model", "serial", "hint", "state", "state_reason",
            "key", "first_seen_at", "last_seen_at", "changed_at",
        )  # fmt: skip


class DecisionSerializer(serializers.Serializer[Any]):
    act = serializers.ChoiceField(choices=device_inbox.ACTS)


class DevicesSerializer(serializers.Serializer[Any]):
    hub_id = serializers.UUIDField(allow_null=True)
    reported_at = serializers.DateTimeField(allow_null=True)
    looked_at = serializers.DateTimeField(allow_null=True)
    flaws = serializers.DictField(child=serializers.CharField(), help_text="why a way of looking failed")
    devices = serializers.ListField(child=serializers.DictField())
    found = ProposalSerializer(many=True)


class PairingSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=DevicePairing.State.choices)
    code = serializers.CharField(help_text="what to enter at the device; empty unless the state is shown")
    node = serializers.CharField(help_text="the device that paired, as it calls itself")
    reason = serializers.CharField()
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="until when the hub is waited for, then the code holds")
    changed_at = serializers.DateTimeField()


class AskedSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()


class DevicesView(AggregatorView):
    """GET /api/v1/sites/{id}/devices: what the site's hub runs and what it found."""

    @describes("List a site's devices", tag="devices", answers=DevicesSerializer)
    def get(self, request: Request, site_id: int) -> Response:
        shown = selectors.devices_of_site(site=_site(request, site_id))
        report = shown.report
        return Response(
            {
                "hub_id": str(shown.hub.pk) if shown.hub else None,
                "reported_at": report.reported_at if report else None,
                "looked_at": report.looked_at if report else None,
                "flaws": report.flaws if report else {},
                "devices": report.devices if report else [],
                "found": ProposalSerializer(shown.proposals, many=True).data,
            }
        )


class LookView(AggregatorView):
    """POST /api/v1/sites/{id}/devices/look: ask the hub to look for devices where its owner allowed it."""

    @describes("Look for devices", tag="devices", answers=AskedSerializer, status=202)
    def post(self, request: Request, site_id: int) -> Response:
        device_inbox.devices_look(site=_site(request, site_id), actor=_actor(request), now=clock.now())
        return Response({"status": "asked"}, status=202)


class PairingView(AggregatorView):
    """GET, POST /api/v1/sites/{id}/devices/pairing: a code with which a S2 device pairs with the hub."""

    @describes("Read the newest pairing code", tag="devices", answers=PairingSerializer)
    def get(self, request: Request, site_id: int) -> Response:
        held = pairings.pairing_of_site(site=_site(request, site_id), now=clock.now())
        if held is None:
            raise NotFoundError("no pairing code was asked for")
        return Response(PairingSerializer(held).data)

    @describes("Ask the hub for a pairing code", tag="devices", answers=PairingSerializer, status=202)
    def post(self, request: Request, site_id: int) -> Response:
        site = _site(request, site_id)
        held = pairings.pairing_ask(site=site, actor=_actor(request), now=clock.now())
        return Response(PairingSerializer(held).data, status=202)


class DecisionView(AggregatorView):
    """POST /api/v1/sites/{id}/devices/found/{id}: add, dismiss, undo or remove."""

    @describes(
        "Decide on a found device", tag="devices", sends=DecisionSerializer, answers=ProposalSerializer,
        example={"act": "add"},
    )  # fmt: skip
    def post(self, request: Request, site_id: int, proposal_id: int) -> Response:
        site = _site(request, site_id)
        serializer = DecisionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        held = device_inbox.device_decide(
            site=site,
            proposal_id=proposal_id,
            act=serializer.validated_data["act"],
            actor=_actor(request),
            now=clock.now(),
        )
        return Response(ProposalSerializer(held).data)


def _site(request: Request, site_id: int) -> Site:
    site = sites_of_organization(organization=partner(request).organization).filter(pk=site_id).first()
    if site is None:
        raise NotFoundError("no such site")
    return site


def _actor(request: Request) -> str:
    return f"client {partner(request).pk} {partner(request).name}"
