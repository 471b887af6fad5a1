"""Programs that stand still and go on, and many homes that join or leave at once."""

from typing import Any, Final

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.etags import tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.programs.api.lookups import program_or_404
from apps.programs.api.serializers import (
    EnrollmentJobSendSerializer,
    EnrollmentJobSerializer,
    ProgramSerializer,
)
from apps.programs.enrollments import homes_move, program_pause, program_resume
from apps.programs.selectors import enrollment_jobs_of_program
from apps.sites.models import GridArea
from apps.sites.search import sites_searched
from apps.sites.selectors import grid_areas_of_organization

TAG: Final = "programs"


class ProgramPauseView(AggregatorView):
    """POST /api/v1/programs/{id}/pause"""

    @describes(
        "Pause a program", tag=TAG, answers=ProgramSerializer,
        description="None of its homes is asked for anything until it goes on; who takes part stays.",
    )  # fmt: skip
    def post(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        changed = program_pause(program=program, actor=actor_of(request), now=clock.now())
        return tagged(request, ProgramSerializer(changed).data)


class ProgramResumeView(AggregatorView):
    """POST /api/v1/programs/{id}/resume"""

    @describes("Let a program go on", tag=TAG, answers=ProgramSerializer)
    def post(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        changed = program_resume(program=program, actor=actor_of(request), now=clock.now())
        return tagged(request, ProgramSerializer(changed).data)


class EnrollmentJobsView(AggregatorView):
    """GET, POST /api/v1/programs/{id}/enrollment-jobs"""

    @describes(
        "List when many homes joined or left", tag="enrollments", answers=EnrollmentJobSerializer, pages=True
    )  # fmt: skip
    def get(self, request: Request, program_id: int) -> Response:
        asked(request, Query, paged=True)
        found = enrollment_jobs_of_program(program=program_or_404(request, program_id))
        return paged(request, found, order=("-pk",), shown=EnrollmentJobSerializer)

    @describes(
        "Let all homes of a choice join or leave", tag="enrollments", sends=EnrollmentJobSendSerializer,
        answers=EnrollmentJobSerializer, status=202,
        example={"kind": "enroll", "grid_area": 1, "resources": ["battery"]},
        description="In the background, one such job at a time for a program; `done` and `changed` say how far it is.",
    )  # fmt: skip
    def post(self, request: Request, program_id: int) -> Response:
        program, said = program_or_404(request, program_id), sent(request, EnrollmentJobSendSerializer)
        sites = sites_searched(
            organization=program.organization, name=said.get("name", ""), area=_area(request, said),
            kinds=tuple(said.get("resources", ())),
        )  # fmt: skip
        chosen = " ".join(f"{name}={value}" for name, value in said.items() if name != "kind")
        job = homes_move(
            program=program, kind=said["kind"], sites=sites, chosen=chosen, actor=actor_of(request), now=clock.now()
        )  # fmt: skip
        return Response(EnrollmentJobSerializer(job).data, status=202)


class EnrollmentJobView(AggregatorView):
    """GET /api/v1/programs/{id}/enrollment-jobs/{id}"""

    @describes("Show how far it is", tag="enrollments", answers=EnrollmentJobSerializer)
    def get(self, request: Request, program_id: int, enrollment_job_id: int) -> Response:
        asked(request, Query)
        held = enrollment_jobs_of_program(program=program_or_404(request, program_id))
        job = held.filter(pk=enrollment_job_id).first()
        if job is None:
            raise NotFoundError("no such job")
        return Response(EnrollmentJobSerializer(job).data)


def _area(request: Request, said: dict[str, Any]) -> GridArea | None:
    if "grid_area" not in said:
        return None
    areas = grid_areas_of_organization(organization=organization_of(request))
    found: GridArea | None = areas.filter(pk=said["grid_area"]).first()
    if found is None:
        raise NotFoundError("no such grid area")
    return found
