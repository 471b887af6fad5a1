"""Base of the aggregators' REST API."""

from rest_framework.views import APIView

from apps.accounts.api.permissions import HasScope
from apps.accounts.models import ApiClient


class AggregatorView(APIView):
    """An aggregator's credential with the scope `api`."""

    permission_classes = (HasScope,)
    roles = {ApiClient.Role.AGGREGATOR}
    scopes = {"GET": "api", "POST": "api", "PATCH": "api"}
