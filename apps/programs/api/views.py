"""An aggregator's programs and who takes part."""

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.programs import editing, reports, selectors
from apps.programs.api.lookups import program_or_404
from apps.programs.api.serializers import (
    BaselineReportSerializer,
    EnrolledQuery,
    EnrolledSerializer,
    EnrollmentResultsSerializer,
    EnrollmentSerializer,
    ProgramSerializer,
)
from apps.programs.enrollments import enrollment_end
from apps.sites.api.lookups import site_or_404
from apps.sites.selectors import sites_of_organization

__all__ = ["program_or_404"]


class ProgramsView(AggregatorView):
    """GET, POST /api/v1/programs"""

    @describes("List programs", tag="programs", answers=ProgramSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = selectors.programs_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=ProgramSerializer)

    @describes(
        "Create a program", tag="programs", sends=ProgramSerializer, answers=ProgramSerializer, status=201,
        example={"name": "Winter relief", "energy_price": "0.4500", "event_payment": "1.00", "currency": "EUR"},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        rules = sent(request, ProgramSerializer)
        made = editing.program_add(
            organization=organization_of(request), name=rules.pop("name"), rules=rules, actor=actor_of(request),
            now=clock.now(),
        )  # fmt: skip
        return tagged(request, ProgramSerializer(made).data, status=201)


class ProgramView(AggregatorView):
    """GET, PATCH, DELETE /api/v1/programs/{id}: what it pays, by which baseline, and how its homes are asked"""

    @describes("Show a program", tag="programs", answers=ProgramSerializer)
    def get(self, request: Request, program_id: int) -> Response:
        asked(request, Query)
        return tagged(request, ProgramSerializer(program_or_404(request, program_id)).data)

    @describes(
        "Change a program", tag="programs", sends=ProgramSerializer, answers=ProgramSerializer, tagged=True,
        example={"energy_price": "0.5000", "baseline_method": "high_5_of_10"},
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id, locked=True)
        check_if_match(request, ProgramSerializer(program).data)
        serializer = ProgramSerializer(program, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes: dict[str, Any] = serializer.validated_data
        changed = editing.program_change(
            program=program, changes=changes, actor=actor_of(request), now=clock.now()
        )
        return tagged(request, ProgramSerializer(changed).data)

    @describes(
        "End a program", tag="programs", status=204, tagged=True,
        description="No home takes part any more; its events and statements stay.",
    )  # fmt: skip
    @transaction.atomic
    def delete(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id, locked=True)
        check_if_match(request, ProgramSerializer(program).data)
        editing.program_close(program=program, actor=actor_of(request), now=clock.now())
        return Response(status=204)


class EnrollmentsView(AggregatorView):
    """GET, POST /api/v1/programs/{id}/enrollments"""

    @describes(
        "List who takes part", tag="enrollments", answers=EnrolledSerializer, pages=True, query=EnrolledQuery
    )
    def get(self, request: Request, program_id: int) -> Response:
        wanted = asked(request, EnrolledQuery, paged=True)
        found = selectors.enrollments_of_program(
            program=program_or_404(request, program_id), site_id=wanted.get("site"), is_open=wanted["open"]
        )
        return paged(request, found, order=("pk",), shown=EnrolledSerializer)

    @describes(
        "Let homes take part", tag="enrollments", sends=EnrollmentSerializer, answers=EnrollmentResultsSerializer,
        status=201, description="The answer has a result for each home.", example={"site_ids": [1, 2]},
    )  # fmt: skip
    def post(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        wanted = sent(request, EnrollmentSerializer)["site_ids"]
        sites = sites_of_organization(organization=organization_of(request)).in_bulk(wanted)
        found = editing.homes_enroll(
            program=program, site_ids=wanted, sites=sites, actor=actor_of(request), now=clock.now()
        )
        results = [{"site_id": site_id, "result": outcome} for site_id, outcome in found]
        return Response({"results": results}, status=201)


class EnrollmentView(AggregatorView):
    """DELETE /api/v1/programs/{id}/enrollments/{site_id}"""

    @describes(
        "End a home's part", tag="enrollments", status=204,
        description="What it was asked for is taken back, the fleet makes up for it.",
    )  # fmt: skip
    def delete(self, request: Request, program_id: int, site_id: int) -> Response:
        program, site = program_or_404(request, program_id), site_or_404(request, site_id)
        enrollment_end(program=program, site=site, actor=actor_of(request), now=clock.now())
        return Response(status=204)


class BaselineReportsView(AggregatorView):
    """GET, POST /api/v1/programs/{id}/baseline-reports: which baseline method fits"""

    @describes(
        "List baseline reports", tag="baselines", answers=BaselineReportSerializer, pages=True,
        description="Each with its state, its progress and, once it is done, its result.",
    )  # fmt: skip
    def get(self, request: Request, program_id: int) -> Response:
        asked(request, Query, paged=True)
        found = reports.reports_of_program(program=program_or_404(request, program_id))
        return paged(request, found, order=("-pk",), shown=BaselineReportSerializer)

    @describes(
        "Ask which baseline method fits", tag="baselines", sends=BaselineReportSerializer,
        answers=BaselineReportSerializer, status=202,
        example={"starts": "18:00:00", "minutes": 120, "day_type": "weekday", "placebo_days": 10},
    )  # fmt: skip
    def post(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        wanted = sent(request, BaselineReportSerializer)
        report = reports.baseline_report_request(
            program=program,
            starts=wanted["starts"],
            minutes=wanted["minutes"],
            day_type=wanted.get("day_type", "weekday"),
            placebo_days=wanted.get("placebo_days", 10),
            actor=actor_of(request),
            now=clock.now(),
        )
        return Response(BaselineReportSerializer(report).data, status=202)
