"""An aggregator's own organization: who works for it, its credentials, and what was done."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import selectors
from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.accounts.credentials import client_add
from apps.accounts.models import ApiClient, AuditEntry
from apps.accounts.scopes import scopes_of_role
from apps.accounts.services import Credential, api_client_revoke, api_client_rotate
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent

ROLES: Final = [one for one in ApiClient.Role.choices if one[0] != ApiClient.Role.APP]


class OrganizationSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    requests_per_minute = serializers.IntegerField(
        allow_null=True, help_text="its own limit; null: the installation's"
    )


class ApiClientSerializer(serializers.ModelSerializer[ApiClient]):
    token_at = serializers.DateTimeField(allow_null=True, help_text="when it got its newest token")
    scopes = serializers.SerializerMethodField(help_text="what its tokens may carry")
    previous_until = serializers.DateTimeField(
        allow_null=True, help_text="until then the secret before this one opens too"
    )

    class Meta:
        model = ApiClient
        fields = (
            "id", "name", "client_id", "role", "scopes", "created", "token_at", "previous_until", "revoked_at",
        )  # fmt: skip

    def get_scopes(self, client: ApiClient) -> list[str]:
        return list(client.allowed_scopes) or scopes_of_role(client.role)


class ApiClientRequestSerializer(Strict):
    name = serializers.CharField(max_length=128)
    role = serializers.ChoiceField(choices=ROLES)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=20, required=False,
        help_text="some of the role's scopes; all if left out",
    )  # fmt: skip


class RotateSerializer(Strict):
    overlap_hours = serializers.IntegerField(
        min_value=0, max_value=720, required=False, help_text="for how long the old secret opens too; 0 if left out"
    )  # fmt: skip


class SecretSerializer(serializers.Serializer[Any]):
    """A credential with its secret, which is shown this once."""

    id = serializers.IntegerField()
    client_id = serializers.CharField()
    client_secret = serializers.CharField()


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        fields = ("id", "at", "actor", "action", "subject", "detail")


class AuditQuery(Query):
    actor = serializers.CharField(required=False, help_text="part of who acted")
    action = serializers.CharField(required=False)
    subject = serializers.CharField(required=False, help_text='such as "site 17"')
    since = serializers.DateTimeField(required=False)
    before = serializers.DateTimeField(required=False)


class OrganizationView(AggregatorView):
    """GET /api/v1/organization"""

    @describes("Show the organization", tag="organization", answers=OrganizationSerializer)
    def get(self, request: Request) -> Response:
        asked(request, Query)
        return Response(OrganizationSerializer(organization_of(request)).data)


class ApiClientsView(AggregatorView):
    """GET, POST /api/v1/api-clients"""

    @describes("List credentials", tag="organization", answers=ApiClientSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = selectors.api_clients_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=ApiClientSerializer)

    @describes(
        "Create a credential", tag="organization", sends=ApiClientRequestSerializer, answers=SecretSerializer, status=201,
        example={"name": "nightly export", "role": "aggregator", "scopes": ["ores_read"]},
        description="Its secret is in this answer only. Apps that people let in are made by the installation's staff.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said = sent(request, ApiClientRequestSerializer)
        made = client_add(
            organization=organization_of(request), actor=actor_of(request), now=clock.now(), **said
        )
        return _secret(made, status=201)


class ApiClientView(AggregatorView):
    """DELETE /api/v1/api-clients/{id}"""

    @describes(
        "Revoke a credential", tag="organization", status=204, description="For good, with all its tokens."
    )
    def delete(self, request: Request, credential_id: int) -> Response:
        client = _client(request, credential_id)
        api_client_revoke(client=client, actor=actor_of(request), now=clock.now())
        return Response(status=204)


class ApiClientRotateView(AggregatorView):
    """POST /api/v1/api-clients/{id}/rotate"""

    @describes(
        "Give a credential another secret", tag="organization", sends=RotateSerializer, answers=SecretSerializer,
        example={"overlap_hours": 24},
        description="The old one, and all tokens got with it, are out at once, or after `overlap_hours`.",
    )  # fmt: skip
    def post(self, request: Request, credential_id: int) -> Response:
        client, said = _client(request, credential_id), sent(request, RotateSerializer)
        made = api_client_rotate(
            client=client, actor=actor_of(request), now=clock.now(), machine_now=datetime.now(UTC),
            overlap=timedelta(hours=said.get("overlap_hours", 0)),
        )  # fmt: skip
        return _secret(made)


class AuditLogView(AggregatorView):
    """GET /api/v1/audit-log"""

    @describes(
        "Search the audit log", tag="organization", answers=AuditSerializer, pages=True, query=AuditQuery
    )
    def get(self, request: Request) -> Response:
        wanted = asked(request, AuditQuery, paged=True)
        found = selectors.audit_found(organization=organization_of(request), **wanted)
        return paged(request, found, order=("-at", "-pk"), shown=AuditSerializer)


def _client(request: Request, credential_id: int) -> ApiClient:
    held = selectors.api_clients_of_organization(organization=organization_of(request))
    found: ApiClient | None = held.filter(pk=credential_id).first()
    if found is None:
        raise NotFoundError("no such credential")
    return found


def _secret(made: Credential, *, status: int = 200) -> Response:
    body = {"id": made.client.pk, "client_id": made.client_id, "client_secret": made.client_secret}
    return Response(body, status=status)
