"""Times in which a household takes part in nothing, said for it by its aggregator."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.programs.models import OptOutPeriod
from apps.programs.opt_out_periods import opt_out_period_create, opt_out_period_end
from apps.programs.selectors import opt_out_periods_found
from apps.sites.api.lookups import site_or_404


class PeriodSerializer(serializers.ModelSerializer[OptOutPeriod]):
    site_id = serializers.IntegerField()

    class Meta:
        model = OptOutPeriod
        fields = ("id", "site_id", "starts_at", "ends_at", "reason", "created_at", "ended_at")


class PeriodQuery(Query):
    open = serializers.BooleanField(
        required=False,
        help_text="true: those that still count; false: those that are over or were taken back",
    )


class PeriodSendSerializer(Strict):
    starts_at = serializers.DateTimeField(required=False, help_text="now if left out, or if it is past")
    ends_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="left out: out of all events until it is taken back"
    )
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)


class PeriodsView(AggregatorView):
    """GET, POST /api/v1/sites/{id}/opt-out-periods"""

    @describes(
        "List times that a home is out for", tag="sites", answers=PeriodSerializer, pages=True, query=PeriodQuery
    )  # fmt: skip
    def get(self, request: Request, site_id: int) -> Response:
        wanted = asked(request, PeriodQuery, paged=True)
        found = opt_out_periods_found(site=site_or_404(request, site_id), is_open=wanted.get("open"))
        return paged(request, found, order=("-starts_at", "-pk"), shown=PeriodSerializer)

    @describes(
        "Say no for a home to all events of a time", tag="sites", sends=PeriodSendSerializer, answers=PeriodSerializer,
        status=201,
        example={"starts_at": "2030-07-01T00:00:00Z", "ends_at": "2030-07-15T00:00:00Z", "reason": "holidays, by telephone"},
        description="Counts for events that come in later, too. Without `ends_at` it counts until it is taken back.",
    )  # fmt: skip
    def post(self, request: Request, site_id: int) -> Response:
        site, said, now = site_or_404(request, site_id), sent(request, PeriodSendSerializer), clock.now()
        made = opt_out_period_create(
            site=site, starts_at=said.get("starts_at", now), ends_at=said.get("ends_at"), user=None,
            actor=actor_of(request), now=now, reason=said.get("reason", ""),
        )  # fmt: skip
        return Response(PeriodSerializer(made).data, status=201)


class PeriodView(AggregatorView):
    """DELETE /api/v1/sites/{id}/opt-out-periods/{id}"""

    @describes(
        "Take a time back", tag="sites", answers=PeriodSerializer,
        description="The home takes part again in what is still running.",
    )  # fmt: skip
    def delete(self, request: Request, site_id: int, period_id: int) -> Response:
        site = site_or_404(request, site_id)
        ended = opt_out_period_end(site=site, period_id=period_id, actor=actor_of(request), now=clock.now())
        return Response(PeriodSerializer(ended).data)
