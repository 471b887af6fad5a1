"""Settlement runs with their statements, and previews of payment rules."""

from decimal import Decimal
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.jobs import JobSerializer, job_started
from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.programs.api.lookups import program_or_404, signal_or_404
from apps.programs.errors import ProgramInvalidError
from apps.settlement.again import settle_again_ask
from apps.settlement.api.serializers import (
    AgainSerializer,
    NumberedStatementSerializer,
    PaymentPreviewSerializer,
    RunQuery,
    RunSerializer,
    WholeRunSerializer,
)
from apps.settlement.documents import run_csv
from apps.settlement.models import SettlementRun
from apps.settlement.preview import PreviewedEvent, Spread, payment_preview
from apps.settlement.selectors import runs_of_organization, statements_of_run, statements_of_site
from apps.sites.api.lookups import site_or_404
from vpp.settlement.config import config_of


class RunsView(AggregatorView):
    """GET /api/v1/settlements"""

    @describes("List settlement runs", tag="settlements", answers=RunSerializer, pages=True, query=RunQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, RunQuery, paged=True)
        names = {"signal": "signal_id", "program": "signal__program_id", "kind": "kind"}
        chosen = {names[name]: value for name, value in wanted.items()}
        found = runs_of_organization(organization=organization_of(request)).filter(**chosen)
        return paged(request, found, order=("-pk",), shown=RunSerializer)


class RunView(AggregatorView):
    """GET /api/v1/settlements/{id}"""

    @describes("Show a settlement run", tag="settlements", answers=RunSerializer)
    def get(self, request: Request, settlement_id: int) -> Response:
        asked(request, Query)
        return Response(RunSerializer(run_or_404(request, settlement_id)).data)


class RunStatementsView(AggregatorView):
    """GET /api/v1/settlements/{id}/statements"""

    @describes(
        "List the statements of a run", tag="settlements", answers=NumberedStatementSerializer, pages=True
    )
    def get(self, request: Request, settlement_id: int) -> Response:
        asked(request, Query, paged=True)
        found = statements_of_run(run=run_or_404(request, settlement_id))
        return paged(
            request,
            found,
            order=("pk",),
            shown=NumberedStatementSerializer,
        )


class SiteStatementsView(AggregatorView):
    """GET /api/v1/sites/{id}/statements"""

    @describes(
        "List a site's statements", tag="settlements", answers=NumberedStatementSerializer, pages=True,
        description="Of each signal the newest version.",
    )  # fmt: skip
    def get(self, request: Request, site_id: int) -> Response:
        asked(request, Query, paged=True)
        found = statements_of_site(site=site_or_404(request, site_id)).prefetch_related("lines")
        return paged(
            request,
            found,
            order=("-pk",),
            shown=NumberedStatementSerializer,
        )


class SettlementsView(AggregatorView):
    """GET, POST /api/v1/signals/{id}/settlements"""

    @describes(
        "Show a signal's settlements whole", tag="settlements", answers=WholeRunSerializer(many=True),
        description="Every version with every statement, at once; page by page under `/settlements`.",
    )  # fmt: skip
    def get(self, request: Request, signal_id: UUID) -> Response:
        asked(request, Query)
        signal = signal_or_404(request, signal_id)
        runs = runs_of_organization(organization=organization_of(request)).filter(signal_id=signal.pk)
        held = runs.prefetch_related("statements__site", "statements__lines")
        return Response(WholeRunSerializer(held, many=True).data)

    @describes(
        "Settle a signal again", tag="settlements", sends=AgainSerializer, answers=JobSerializer, status=202,
        example={"reason": "late meter values have come in"},
        description="A new version from what is stored now; the earlier one stays as it was.",
    )  # fmt: skip
    def post(self, request: Request, signal_id: UUID) -> Response:
        signal, said = signal_or_404(request, signal_id), sent(request, AgainSerializer)
        job = settle_again_ask(signal=signal, reason=said["reason"], actor=actor_of(request), now=clock.now())
        return job_started(request, job)


class SettlementCsvView(AggregatorView):
    """GET /api/v1/signals/{id}/settlements/{version}/csv"""

    @describes(
        "Download a settlement run",
        tag="settlements",
        answers=None,
        csv=True,
        description="A line for each home.",
    )
    def get(self, request: Request, signal_id: UUID, version: int) -> HttpResponse:
        asked(request, Query)
        runs = runs_of_organization(organization=organization_of(request))
        run = runs.filter(signal_id=signal_id, version=version).first()
        if run is None:
            raise NotFoundError("no such settlement run")
        return HttpResponse(run_csv(run=run), content_type="text/csv; charset=utf-8")


class PaymentPreviewView(AggregatorView):
    """POST /api/v1/programs/{id}/payment-preview: what past events would have paid; nothing is stored"""

    @describes(
        "Preview a payment rule", tag="settlements", sends=OpenApiTypes.OBJECT, answers=PaymentPreviewSerializer,
        description="A payment rule, or fields of one; what past events would have paid. Nothing is stored.",
    )  # fmt: skip
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


def run_or_404(request: Request, settlement_id: int) -> SettlementRun:
    """Return the tenant's settlement run or raise NotFoundError."""
    found: SettlementRun | None = (
        runs_of_organization(organization=organization_of(request)).filter(pk=settlement_id).first()
    )
    if found is None:
        raise NotFoundError("no such settlement run")
    return found


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
