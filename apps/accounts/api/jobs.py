"""Long work: asked for with 202, followed here."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, organization_of
from apps.common.errors import NotFoundError
from apps.common.jobs import jobs_of_organization
from apps.common.models import Job
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked


class JobSerializer(serializers.ModelSerializer[Job]):
    result = serializers.JSONField(allow_null=True, help_text="once it is done; its fields by the kind")

    class Meta:
        model = Job
        fields = (
            "id", "kind", "state", "stage", "progress_pct", "result", "code", "error", "asked_by", "created_at",
            "finished_at",
        )  # fmt: skip


class JobQuery(Query):
    state = serializers.ChoiceField(choices=Job.State.choices, required=False)
    kind = serializers.CharField(required=False)


class JobsView(AggregatorView):
    """GET /api/v1/jobs"""

    @describes("List jobs", tag="jobs", answers=JobSerializer, pages=True, query=JobQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, JobQuery, paged=True)
        found = jobs_of_organization(organization=organization_of(request)).filter(**wanted)
        order = ("-created_at", "id")
        return paged(request, found, order=order, shown=JobSerializer)


class JobView(AggregatorView):
    """GET /api/v1/jobs/{id}"""

    @describes("Show a job", tag="jobs", answers=JobSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        asked(request, Query)
        job = jobs_of_organization(organization=organization_of(request)).filter(pk=job_id).first()
        if job is None:
            raise NotFoundError("no such job")
        return Response(JobSerializer(job).data)


def job_started(request: Request, job: Job) -> Response:
    """Answer 202 with a job and where to follow it."""
    location: Any = request.build_absolute_uri(reverse("api-job", args=[job.pk]))
    return Response(JobSerializer(job).data, status=202, headers={"Location": location})
