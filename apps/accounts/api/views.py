"""Base of the aggregators' REST API."""

from rest_framework.request import Request

from apps.accounts.api.authentication import partner
from apps.accounts.api.permissions import HasScope
from apps.accounts.models import ApiClient, Organization
from apps.common.rest.views import ApiView


class AggregatorView(ApiView):
    """An aggregator's credential with the scope `api`."""

    permission_classes = (HasScope,)
    roles = {ApiClient.Role.AGGREGATOR}
    scopes = {"GET": "api", "POST": "api", "PUT": "api", "PATCH": "api", "DELETE": "api"}


def organization_of(request: Request) -> Organization:
    """Return the tenant that a request is for."""
    organization: Organization = partner(request).organization
    return organization


def actor_of(request: Request) -> str:
    """Return who acts, as the audit log has it."""
    client = partner(request)
    return f"client {client.pk} {client.name}"
