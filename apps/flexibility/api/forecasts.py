"""What was expected of a home or of the portfolio, as known at an instant."""

from datetime import datetime

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import DomainError, NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.queries import asked
from apps.flexibility.api.serializers import ForecastQuerySerializer, ForecastSerializer, forecast_json
from apps.flexibility.forecast_selectors import values_known
from apps.sites.selectors import sites_of_organization


class NotKnownYetError(DomainError):
    code = "as_of_in_the_future"


class PortfolioForecastView(AggregatorView):
    """GET /api/v1/forecasts/{quantity}: the sum of the organization's homes, or its price"""

    @describes(
        "Show the portfolio's forecast",
        tag="forecasts",
        answers=ForecastSerializer,
        query=ForecastQuerySerializer,
    )
    def get(self, request: Request, quantity: str) -> Response:
        return _answer(request, quantity, site_id=None)


class SiteForecastView(AggregatorView):
    """GET /api/v1/sites/{id}/forecasts/{quantity}"""

    @describes(
        "Show a site's forecast", tag="forecasts", answers=ForecastSerializer, query=ForecastQuerySerializer
    )
    def get(self, request: Request, site_id: int, quantity: str) -> Response:
        if not sites_of_organization(organization=partner(request).organization).filter(pk=site_id).exists():
            raise NotFoundError("no such site")
        return _answer(request, quantity, site_id=site_id)


def _answer(request: Request, quantity: str, *, site_id: int | None) -> Response:
    as_of = known_by(asked(request, ForecastQuerySerializer).get("as_of"))
    organization = partner(request).organization
    found = values_known(organization=organization, quantity=quantity, site_id=site_id, as_of=as_of)
    if found is None:
        raise NotFoundError("no such forecast was known then")
    return Response(forecast_json(found))


def known_by(as_of: datetime | None) -> datetime:
    """Return the instant asked about, now if none is, and refuse one to come."""
    now = clock.now()
    if as_of is not None and as_of > now:
        raise NotKnownYetError(f"what is known at {as_of.isoformat()} is not known yet")
    return as_of or now
