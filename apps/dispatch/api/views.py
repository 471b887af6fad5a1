"""A grid signal with its plans, what is delivered, and why."""

from uuid import UUID

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import cursor_of, limit_of, next_of, number_in, paged
from apps.common.rest.queries import Query, asked, sent
from apps.dispatch.api.serializers import (
    BaselineSerializer,
    HomeShownSerializer,
    HomesQuery,
    LiveSerializer,
    PlanDetailSerializer,
    PlanSerializer,
    ScheduleSerializer,
    SignalViewSerializer,
)
from apps.dispatch.live import homes_page, signal_live
from apps.dispatch.models import Plan
from apps.dispatch.selectors import plan_of_signal, plans_of_signal, schedules_of_plan, signal_view
from apps.flexibility.selectors import flexibility_rows_of_signal
from apps.programs import wishes
from apps.programs.api.lookups import signal_or_404
from apps.programs.api.serializers import SignalSerializer, WishChangeSerializer
from apps.programs.api.signals import wish_from

__all__ = ["signal_or_404"]


class SignalView(AggregatorView):
    """GET, PATCH /api/v1/signals/{id}"""

    @describes(
        "Show a signal with its plans, tracking and homes", tag="signals", answers=SignalViewSerializer
    )
    def get(self, request: Request, signal_id: UUID) -> Response:
        asked(request, Query)
        view = signal_view(signal=signal_or_404(request, signal_id), now=clock.now())
        answer = Response(SignalViewSerializer(view).data)
        answer.headers["ETag"] = tagged(request, SignalSerializer(view.signal).data).headers["ETag"]
        return answer

    @describes(
        "Change what a signal asks", tag="signals", sends=WishChangeSerializer, answers=SignalSerializer, tagged=True,
        example={"name": "Evening peak, shorter"},
        description="Before or during the event; what is not named stays. Hubs get it as the next revision.",
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, signal_id: UUID) -> Response:
        signal = signal_or_404(request, signal_id, locked=True)
        check_if_match(request, SignalSerializer(signal).data)
        said = sent(request, WishChangeSerializer)
        wish = wish_from(said, before=wishes.wish_of(signal))
        changed = wishes.wish_change(signal=signal, wish=wish, actor=actor_of(request), now=clock.now())
        return tagged(request, SignalSerializer(changed).data)


class SignalLiveView(AggregatorView):
    """GET /api/v1/signals/{id}/live"""

    @describes(
        "Follow a signal", tag="signals", answers=LiveSerializer,
        description="Target, plan and delivery now, what to expect at the end, and which homes are short and why:\n"
        "the 100 that miss most, with how many there are; all by pages at `/signals/{signal_id}/homes?short=true`.",
    )  # fmt: skip
    def get(self, request: Request, signal_id: UUID) -> Response:
        asked(request, Query)
        live = signal_live(signal=signal_or_404(request, signal_id), now=clock.now())
        return Response(LiveSerializer(live).data)


class SignalHomesView(AggregatorView):
    """GET /api/v1/signals/{id}/homes"""

    @describes(
        "List the homes of a signal", tag="signals", answers=HomeShownSerializer, pages=True, query=HomesQuery,
        description="What each is asked and gives at this minute, by site; of one that is short the likeliest reason.",
    )  # fmt: skip
    def get(self, request: Request, signal_id: UUID) -> Response:
        wanted = asked(request, HomesQuery, paged=True)
        homes, last = homes_page(
            signal=signal_or_404(request, signal_id), only_short=wanted.get("short", False),
            after=number_in(request.query_params.get("cursor", "")), limit=limit_of(request), now=clock.now(),
        )  # fmt: skip
        shown = HomeShownSerializer(homes, many=True).data
        return Response(
            {"results": shown, "next": next_of(request, None if last is None else cursor_of(last))}
        )


class SignalBaselinesView(AggregatorView):
    """GET /api/v1/signals/{id}/baselines"""

    @describes("List homes' baselines for a signal", tag="baselines", answers=BaselineSerializer, pages=True)
    def get(self, request: Request, signal_id: UUID) -> Response:
        asked(request, Query, paged=True)
        found = flexibility_rows_of_signal(signal_id=signal_or_404(request, signal_id).pk)
        return paged(request, found, order=("pk",), shown=BaselineSerializer)


class PlansView(AggregatorView):
    """GET /api/v1/signals/{id}/plans"""

    @describes("List a signal's plans", tag="plans", answers=PlanSerializer, pages=True)
    def get(self, request: Request, signal_id: UUID) -> Response:
        asked(request, Query, paged=True)
        found = plans_of_signal(signal=signal_or_404(request, signal_id))
        order = ("-revision",)
        return paged(request, found, order=order, shown=PlanSerializer)


class PlanView(AggregatorView):
    """GET /api/v1/signals/{id}/plans/{revision}"""

    @describes(
        "Show a plan with its duals", tag="plans", answers=PlanDetailSerializer,
        description="`price_per_kwh` is what one more kWh of the target would cost, `limit_prices` the same for limits.",
    )  # fmt: skip
    def get(self, request: Request, signal_id: UUID, revision: int) -> Response:
        asked(request, Query)
        return Response(PlanDetailSerializer(plan_or_404(request, signal_id, revision=revision)).data)


class SchedulesView(AggregatorView):
    """GET /api/v1/signals/{id}/plans/{revision}/schedules"""

    @describes("List the schedules of a plan", tag="plans", answers=ScheduleSerializer, pages=True)
    def get(self, request: Request, signal_id: UUID, revision: int) -> Response:
        asked(request, Query, paged=True)
        found = schedules_of_plan(plan=plan_or_404(request, signal_id, revision=revision))
        order = ("site_id",)
        return paged(request, found, order=order, shown=ScheduleSerializer)


def plan_or_404(request: Request, signal_id: UUID, *, revision: int) -> Plan:
    """Return a revision of the plan of the tenant's signal or raise NotFoundError."""
    found = None
    if revision < 2**31:
        found = plan_of_signal(signal=signal_or_404(request, signal_id), revision=revision)
    if found is None:
        raise NotFoundError("no such plan")
    return found
