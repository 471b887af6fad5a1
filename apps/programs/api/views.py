"""An aggregator's programs, who takes part, and the grid signals that came."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.programs import reports, selectors, services
from apps.programs.api.serializers import (
    BaselineReportSerializer,
    EnrollmentSerializer,
    ProgramSerializer,
    SignalSerializer,
)
from apps.programs.errors import AlreadyEnrolledError
from apps.programs.models import Program
from apps.sites.selectors import sites_of_organization


def program_or_404(request: Request, program_id: int) -> Program:
    """Return the tenant's program or raise NotFoundError."""
    found = (
        selectors.programs_of_organization(organization=partner(request).organization)
        .filter(pk=program_id)
        .first()
    )
    if found is None:
        raise NotFoundError("no such program")
    return found


class ProgramsView(AggregatorView):
    """GET /api/v1/programs"""

    def get(self, request: Request) -> Response:
        found = selectors.programs_of_organization(organization=partner(request).organization)
        return Response(ProgramSerializer(found, many=True).data)


class ProgramView(AggregatorView):
    """PATCH /api/v1/programs/{id}: what it pays, by which baseline, and how its homes are asked"""

    def patch(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        serializer = ProgramSerializer(program, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        sent: dict[str, Any] = serializer.validated_data
        actor, now = f"client {partner(request).name}", clock.now()
        program = services.program_set_payment(
            program=program,
            energy_price=sent.get("energy_price", program.energy_price),
            event_payment=sent.get("event_payment", program.event_payment),
            currency=sent.get("currency", program.currency),
            payment_rules=sent.get("payment_rules"),
            actor=actor,
            now=now,
        )
        if {"baseline_method", "holidays"} & set(sent):
            program = services.program_set_baseline(
                program=program,
                method=sent.get("baseline_method", program.baseline_method),
                holidays=sent.get("holidays", program.holidays),
                actor=actor,
                now=now,
            )
        if {"reserve_kw", "most_events", "most_events_days"} & set(sent):
            program = services.program_set_dispatch(
                program=program,
                reserve_kw=sent.get("reserve_kw", program.reserve_kw),
                most_events=sent.get("most_events", program.most_events),
                most_events_days=sent.get("most_events_days", program.most_events_days),
                actor=actor,
                now=now,
            )
        return Response(ProgramSerializer(program).data)


class EnrollmentsView(AggregatorView):
    """POST /api/v1/programs/{id}/enrollments: let homes take part; the answer has a result a home"""

    def post(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        serializer = EnrollmentSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data["site_ids"]
        sites = sites_of_organization(organization=partner(request).organization).in_bulk(wanted)
        results = []
        for site_id in wanted:
            outcome = "not_found"
            if site_id in sites:
                try:
                    services.enrollment_create(program=program, site=sites[site_id], now=clock.now())
                    outcome = "enrolled"
                except AlreadyEnrolledError:
                    outcome = "already_enrolled"
            results.append({"site_id": site_id, "result": outcome})
        return Response({"results": results}, status=201)


class BaselineReportsView(AggregatorView):
    """GET, POST /api/v1/programs/{id}/baseline-reports: which baseline method fits"""

    def get(self, request: Request, program_id: int) -> Response:
        found = reports.reports_of_program(program=program_or_404(request, program_id))
        return Response(BaselineReportSerializer(found, many=True).data)

    def post(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        serializer = BaselineReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent: dict[str, Any] = serializer.validated_data
        report = reports.baseline_report_request(
            program=program,
            starts=sent["starts"],
            minutes=sent["minutes"],
            day_type=sent.get("day_type", "weekday"),
            placebo_days=sent.get("placebo_days", 10),
            actor=f"client {partner(request).name}",
            now=clock.now(),
        )
        return Response(BaselineReportSerializer(report).data, status=202)


class SignalsView(AggregatorView):
    """GET /api/v1/signals"""

    def get(self, request: Request) -> Response:
        found = selectors.signals_of_organization(organization=partner(request).organization)[:200]
        return Response(SignalSerializer(found, many=True).data)
