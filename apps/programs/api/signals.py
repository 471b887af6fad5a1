"""Grid signals: those that came, those that the organization asks for itself, and who said no."""

import dataclasses
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.etags import tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.programs import selectors, services, wishes
from apps.programs.api.lookups import program_or_404, signal_or_404
from apps.programs.api.serializers import (
    WISH,
    OptOutRequestSerializer,
    OptOutSerializer,
    SignalQuery,
    SignalSerializer,
    WishSerializer,
)
from apps.programs.models import Program
from apps.programs.wishes import Asked, Wish
from apps.sites.api.lookups import site_or_404


def wish_from(said: dict[str, Any], *, before: Wish | None = None) -> Wish:
    """Return a wish as it was sent; what a change does not name stays."""
    fields: dict[str, Any] = {
        name: said[name] for name in ("kind", "name", "priority", "targets") if name in said
    }
    if "intervals" in said:
        fields["intervals"] = [Asked(**one) for one in said["intervals"]]
    return Wish(**fields) if before is None else dataclasses.replace(before, **fields)


def wished(request: Request) -> tuple[Program, Wish]:
    """Return what a request asks of which program."""
    said = sent(request, WishSerializer)
    return program_or_404(request, said["program_id"]), wish_from(said)


class SignalsView(AggregatorView):
    """GET, POST /api/v1/signals"""

    @describes("List grid signals", tag="signals", answers=SignalSerializer, pages=True, query=SignalQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, SignalQuery, paged=True)
        found = selectors.signals_found(organization=organization_of(request), **wanted)
        order = ("-starts_at", "pk")
        return paged(request, found, order=order, shown=SignalSerializer)

    @describes(
        "Ask homes for something", tag="signals", sends=WishSerializer, answers=SignalSerializer, status=201,
        example=WISH, description="The plan follows within seconds; see `/signals/{signal_id}/live`.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        program, wish = wished(request)
        made = wishes.wish_create(program=program, wish=wish, actor=actor_of(request), now=clock.now())
        return tagged(request, SignalSerializer(made).data, status=201)


class SignalCancelView(AggregatorView):
    """POST /api/v1/signals/{id}/cancel"""

    @describes(
        "Cancel a signal", tag="signals", answers=SignalSerializer,
        description="Hubs are told at once; what was delivered until then is settled.",
    )  # fmt: skip
    def post(self, request: Request, signal_id: UUID) -> Response:
        signal = signal_or_404(request, signal_id)
        canceled = wishes.wish_cancel(signal=signal, actor=actor_of(request), now=clock.now())
        return tagged(request, SignalSerializer(canceled).data)


class OptOutsView(AggregatorView):
    """GET, POST /api/v1/signals/{id}/opt-outs"""

    @describes("List who said no", tag="signals", answers=OptOutSerializer, pages=True)
    def get(self, request: Request, signal_id: UUID) -> Response:
        asked(request, Query, paged=True)
        found = selectors.opt_outs_of_signal(signal=signal_or_404(request, signal_id))
        return paged(request, found, order=("pk",), shown=OptOutSerializer)

    @describes(
        "Say no for a home", tag="signals", sends=OptOutRequestSerializer, answers=OptOutSerializer, status=201,
        example={"site_id": 1, "reason": "asked for by telephone"},
        description="Counts at once: its hub is released, the fleet makes up for it.",
    )  # fmt: skip
    def post(self, request: Request, signal_id: UUID) -> Response:
        signal, said = signal_or_404(request, signal_id), sent(request, OptOutRequestSerializer)
        site = site_or_404(request, said["site_id"])
        made = services.opt_out_create(
            signal_id=signal.pk, site=site, user=None, reason=said["reason"], now=clock.now(), actor=actor_of(request)
        )  # fmt: skip
        return Response(OptOutSerializer(made).data, status=201)


class OptOutView(AggregatorView):
    """DELETE /api/v1/signals/{id}/opt-outs/{site_id}"""

    @describes("Take part after all", tag="signals", status=204)
    def delete(self, request: Request, signal_id: UUID, site_id: int) -> Response:
        signal, site = signal_or_404(request, signal_id), site_or_404(request, site_id)
        services.opt_out_withdraw(signal_id=signal.pk, site=site, actor=actor_of(request), now=clock.now())
        return Response(status=204)
