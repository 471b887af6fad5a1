"""Settlement runs of a grid signal with their statements, and previews of payment rules."""

from decimal import Decimal
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common.errors import NotFoundError
from apps.programs.api.views import program_or_404
from apps.programs.errors import ProgramInvalidError
from apps.programs.selectors import signals_of_organization
from apps.settlement.documents import run_csv
from apps.settlement.models import SettlementRun
from apps.settlement.preview import PreviewedEvent, Spread, payment_preview
from apps.settlement.selectors import runs_of_organization
from vpp.settlement.config import config_of


class SettlementsView(AggregatorView):
    """GET /api/v1/signals/{id}/settlements"""

    def get(self, request: Request, signal_id: UUID) -> Response:
        organization = partner(request).organization
        if not signals_of_organization(organization=organization).filter(pk=signal_id).exists():
            raise NotFoundError("no such grid signal")
        runs = runs_of_organization(organization=organization).filter(signal_id=signal_id)
        return Response([_run(run) for run in runs])


class SettlementCsvView(AggregatorView):
    """GET /api/v1/signals/{id}/settlements/{version}/csv"""

    def get(self, request: Request, signal_id: UUID, version: int) -> HttpResponse:
        runs = runs_of_organization(organization=partner(request).organization)
        run = runs.filter(signal_id=signal_id, version=version).first()
        if run is None:
            raise NotFoundError("no such settlement run")
        return HttpResponse(run_csv(run=run), content_type="text/csv; charset=utf-8")


class PaymentPreviewView(AggregatorView):
    """POST /api/v1/programs/{id}/payment-preview: what past events would have paid; nothing is stored"""

    def post(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        if not isinstance(request.data, dict):
            raise ProgramInvalidError("payment rule: an object with named fields is needed")
        found = payment_preview(program=program, changes=request.data)
        return Response(
            {
                "rule": config_of(found.rule),
                "events": [_previewed(event) for event in found.events],
                "left_out": found.left_out,
            }
        )


def _previewed(event: PreviewedEvent) -> dict[str, object]:
    return {
        "signal_id": event.signal.pk,
        "name": event.signal.name,
        "starts_at": event.signal.starts_at,
        "homes": event.homes,
        "before": _side(event.amount_before, currency=event.currency_before, spread=event.before),
        "after": _side(event.amount_after, currency=event.currency_after, spread=event.after),
    }


def _side(amount: Decimal, *, currency: str, spread: Spread) -> dict[str, object]:
    per_home = {"min": spread.least, "median": spread.middle, "max": spread.most}
    return {
        "amount": str(amount),
        "currency": currency,
        "per_home": {name: None if value is None else str(value) for name, value in per_home.items()},
    }


def _run(run: SettlementRun) -> dict[str, object]:
    statements = run.statements.select_related("site").prefetch_related("lines").order_by("site_id")
    return {
        "version": run.version,
        "kind": run.kind,
        "created_at": run.created_at,
        "rule": run.rule,
        "input_hash": run.input_hash,
        "delivered_kwh": str(run.delivered_kwh),
        "amount": str(run.amount),
        "adjustment": str(run.adjustment),
        "currency": run.currency,
        "statements": [
            {
                "site_id": statement.site_id,
                "name": statement.site.name,
                "delivered_kwh": str(statement.delivered_kwh),
                "committed_kwh": str(statement.committed_kwh),
                "amount": str(statement.amount),
                "adjustment": str(statement.adjustment),
                "parts": [{"kind": kind, "amount": amount} for kind, amount in statement.parts],
                "lines": [
                    {
                        "starts_at": line.starts_at,
                        "baseline_kwh": line.baseline_kwh,
                        "metered_kwh": line.metered_kwh,
                        "delivered_kwh": line.delivered_kwh,
                        "status": line.status,
                        "note": line.note,
                    }
                    for line in statement.lines.all()
                ],
            }
            for statement in statements
        ],
    }
