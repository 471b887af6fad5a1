"""A site's devices for partners: the twin, the discovery inbox, and what may be decided."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.hubs import device_inbox, selectors
from apps.hubs.models import DeviceProposal
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


class DevicesView(AggregatorView):
    """GET /api/v1/sites/{id}/devices: what the site's hub runs and what it found."""

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

    def post(self, request: Request, site_id: int) -> Response:
        device_inbox.devices_look(site=_site(request, site_id), actor=_actor(request), now=clock.now())
        return Response({"status": "asked"}, status=202)


class DecisionView(AggregatorView):
    """POST /api/v1/sites/{id}/devices/found/{id}: add, dismiss, undo or remove."""

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
