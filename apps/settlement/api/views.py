"""Settlement runs of a grid signal with their statements."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common.errors import NotFoundError
from apps.programs.selectors import signals_of_organization
from apps.settlement.models import SettlementRun
from apps.settlement.selectors import runs_of_organization


class SettlementsView(AggregatorView):
    """GET /api/v1/signals/{id}/settlements"""

    def get(self, request: Request, signal_id: UUID) -> Response:
        organization = partner(request).organization
        if not signals_of_organization(organization=organization).filter(pk=signal_id).exists():
            raise NotFoundError("no such grid signal")
        runs = runs_of_organization(organization=organization).filter(signal_id=signal_id)
        return Response([_run(run) for run in runs])


def _run(run: SettlementRun) -> dict[str, object]:
    statements = run.statements.select_related("site").prefetch_related("lines").order_by("site_id")
    return {
        "version": run.version,
        "created_at": run.created_at,
        "rule": run.rule,
        "input_hash": run.input_hash,
        "delivered_kwh": str(run.delivered_kwh),
        "amount": str(run.amount),
        "currency": run.currency,
        "statements": [
            {
                "site_id": statement.site_id,
                "name": statement.site.name,
                "delivered_kwh": str(statement.delivered_kwh),
                "amount": str(statement.amount),
                "lines": [
                    {
                        "starts_at": line.starts_at,
                        "baseline_kwh": line.baseline_kwh,
                        "metered_kwh": line.metered_kwh,
                        "delivered_kwh": line.delivered_kwh,
                        "status": line.status,
                    }
                    for line in statement.lines.all()
                ],
            }
            for statement in statements
        ],
    }
