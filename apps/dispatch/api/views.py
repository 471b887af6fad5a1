"""A grid signal with its plans and what is delivered."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.dispatch.api.serializers import PlanSerializer, TrackingSerializer
from apps.dispatch.selectors import HomeInSignal, signal_view
from apps.programs.api.serializers import SignalSerializer
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_of_organization


def signal_or_404(request: Request, signal_id: UUID) -> GridSignal:
    """Return the tenant's signal or raise NotFoundError."""
    found = signals_of_organization(organization=partner(request).organization).filter(pk=signal_id).first()
    if found is None:
        raise NotFoundError("no such grid signal")
    return found


class SignalView(AggregatorView):
    """GET /api/v1/signals/{id}"""

    def get(self, request: Request, signal_id: UUID) -> Response:
        view = signal_view(signal=signal_or_404(request, signal_id), now=clock.now())
        return Response(
            {
                "signal": SignalSerializer(view.signal).data,
                "plans": PlanSerializer(view.plans, many=True).data,
                "tracking": TrackingSerializer(view.tracking, many=True).data,
                "homes": [_home(home) for home in view.homes],
                "target_kwh": view.target_kwh,
                "delivered_kwh": view.delivered_kwh,
            }
        )


def _home(home: HomeInSignal) -> dict[str, object]:
    return {
        "site_id": home.site.pk,
        "name": home.site.name,
        "shed_kw": home.shed_kw,
        "delivered_kw": home.delivered_kw,
        "state": home.state,
        "instruction_state": home.instruction_state,
    }
