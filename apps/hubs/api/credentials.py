"""Credentials of resource managers at an aggregator's sites that have no hub."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.hubs.credentials import s2_credential_create, s2_credential_revoke, s2_credentials_of_site
from apps.hubs.models import S2Credential
from apps.sites.models import Site
from apps.sites.selectors import sites_of_organization


class S2CredentialSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    role = serializers.CharField(max_length=16, default="", allow_blank=True)


class S2CredentialShownSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    role = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(allow_null=True)


class S2CredentialMadeSerializer(S2CredentialShownSerializer):
    token = serializers.CharField(help_text="shown this once")


class S2CredentialsView(AggregatorView):
    """GET, POST /api/v1/sites/{id}/s2-credentials"""

    @describes(
        "List credentials of a home without a hub",
        tag="devices",
        answers=S2CredentialShownSerializer(many=True),
    )
    def get(self, request: Request, site_id: int) -> Response:
        return Response([_shown(one) for one in s2_credentials_of_site(site=_site(request, site_id))])

    @describes(
        "Let a resource manager in", tag="devices", sends=S2CredentialSerializer, answers=S2CredentialMadeSerializer,
        status=201, example={"name": "heat pump", "role": "heat"},
    )  # fmt: skip
    def post(self, request: Request, site_id: int) -> Response:
        site = _site(request, site_id)
        serializer = S2CredentialSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = s2_credential_create(
            site=site, actor=_actor(request), now=clock.now(), **serializer.validated_data
        )
        return Response({**_shown(made.credential), "token": made.token}, status=201)


class S2CredentialView(AggregatorView):
    """DELETE /api/v1/sites/{id}/s2-credentials/{s2_credential_id}"""

    @describes("Shut a resource manager out", tag="devices", status=204)
    def delete(self, request: Request, site_id: int, s2_credential_id: int) -> Response:
        site = _site(request, site_id)
        s2_credential_revoke(
            site=site, credential_id=s2_credential_id, actor=_actor(request), now=clock.now()
        )
        return Response(status=204)


def _site(request: Request, site_id: int) -> Site:
    site = sites_of_organization(organization=partner(request).organization).filter(pk=site_id).first()
    if site is None:
        raise NotFoundError("no such site")
    return site


def _actor(request: Request) -> str:
    return f"client {partner(request).pk} {partner(request).name}"


def _shown(credential: S2Credential) -> dict[str, Any]:
    names = ("name", "role", "created_at", "seen_at")
    return {"id": credential.pk, **{name: getattr(credential, name) for name in names}}
