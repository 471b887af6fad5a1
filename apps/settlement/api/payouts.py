"""What homes are owed for events, and what was paid to them."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.settlement.models import Payout
from apps.settlement.payouts import (
    Owed,
    owed_to_sites,
    payout_record,
    payouts_of_organization,
    sites_owed,
)
from apps.sites.api.lookups import site_or_404
from apps.sites.models import Site


class PaidLineSerializer(serializers.Serializer[Any]):
    """One statement and how much of it."""

    statement_id = serializers.IntegerField()
    signal_id = serializers.UUIDField(source="statement.run.signal_id")
    amount = serializers.CharField()


class PayoutSerializer(serializers.ModelSerializer[Payout]):
    site_id = serializers.IntegerField()
    site_name = serializers.CharField(source="site.name")
    settlement_id = serializers.IntegerField(
        source="run_id", allow_null=True, help_text="the run it was paid with; null: by hand"
    )
    amount = serializers.CharField()
    lines = PaidLineSerializer(many=True)

    class Meta:
        model = Payout
        fields = (
            "id", "site_id", "site_name", "settlement_id", "paid_at", "amount", "currency", "reference", "recorded_by",
            "recorded_at", "lines",
        )  # fmt: skip


class PayoutQuery(Query):
    site = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    settlement = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    currency = serializers.CharField(required=False, max_length=3)
    since = serializers.DateTimeField(required=False, help_text="paid then or later")
    before = serializers.DateTimeField(required=False)


class PayoutSendSerializer(Strict):
    site_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    currency = serializers.CharField(max_length=3)
    reference = serializers.CharField(max_length=140, help_text="what the bank's statement says")
    paid_at = serializers.DateTimeField(required=False, help_text="now if left out")


class OwedLineSerializer(serializers.Serializer[Any]):
    statement_id = serializers.IntegerField()
    signal_id = serializers.UUIDField()
    amount = serializers.CharField()


class OwedSerializer(serializers.Serializer[Any]):
    """What one home is owed in one currency; below zero where it was paid too much."""

    site_id = serializers.IntegerField()
    site_name = serializers.CharField()
    currency = serializers.CharField()
    amount = serializers.CharField()
    lines = OwedLineSerializer(many=True)


class OwedQuery(Query):
    site = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


NAMES = {
    "site": "site_id",
    "settlement": "run_id",
    "currency": "currency",
    "since": "paid_at__gte",
    "before": "paid_at__lt",
}


class PayoutsView(AggregatorView):
    """GET, POST /api/v1/payouts"""

    @describes(
        "List payouts", tag="settlements", answers=PayoutSerializer, pages=True, query=PayoutQuery,
        description="What was paid, by a run or by hand, the newest first.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        wanted = asked(request, PayoutQuery, paged=True)
        found = payouts_of_organization(organization=organization_of(request))
        chosen = found.filter(**{NAMES[name]: value for name, value in wanted.items()})
        held = chosen.prefetch_related("lines__statement__run")
        return paged(request, held, order=("-paid_at", "-pk"), shown=PayoutSerializer)

    @describes(
        "Record a payout", tag="settlements", sends=PayoutSendSerializer, answers=PayoutSerializer, status=201,
        example={"site_id": 1, "currency": "EUR", "reference": "SEPA 2030-01-31/1"},
        description="Says that a home was paid all that it is owed in a currency; see `/payouts-owed`.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said, now = sent(request, PayoutSendSerializer), clock.now()
        made = payout_record(
            site=site_or_404(request, said["site_id"]), currency=said["currency"], reference=said["reference"],
            actor=actor_of(request), paid_at=said.get("paid_at", now), now=now,
        )  # fmt: skip
        return Response(PayoutSerializer(_payout(request, made.pk)).data, status=201)


class PayoutView(AggregatorView):
    """GET /api/v1/payouts/{id}"""

    @describes("Show a payout", tag="settlements", answers=PayoutSerializer)
    def get(self, request: Request, payout_id: int) -> Response:
        asked(request, Query)
        return Response(PayoutSerializer(_payout(request, payout_id)).data)


class OwedView(AggregatorView):
    """GET /api/v1/payouts-owed"""

    @describes(
        "List what homes are owed", tag="settlements", answers=OwedSerializer, pages=True, query=OwedQuery,
        description="Of each event's newest approved statement, what has not been paid; by site and currency.\n"
        "`limit` counts sites: one that is owed in two currencies has two rows.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        wanted = asked(request, OwedQuery, paged=True)
        sites = sites_owed(organization=organization_of(request))
        if "site" in wanted:
            sites = sites.filter(pk=site_or_404(request, wanted["site"]).pk)
        return paged(request, sites, order=("pk",), shown=_owed_shown)


def _payout(request: Request, payout_id: int) -> Payout:
    found = payouts_of_organization(organization=organization_of(request)).filter(pk=payout_id).first()
    if found is None:
        raise NotFoundError("no such payout")
    return found


def _owed_shown(sites: Sequence[Site], **many: Any) -> BaseSerializer[Any]:
    found = owed_to_sites(site_ids=[one.pk for one in sites])
    return OwedSerializer([_owed(one) for one in found], **many)


def _owed(one: Owed) -> dict[str, Any]:
    lines = [
        {"statement_id": statement.pk, "signal_id": statement.run.signal_id, "amount": amount}
        for statement, amount in one.lines
    ]
    return {
        "site_id": one.site.pk, "site_name": one.site.name, "currency": one.currency, "amount": one.amount,
        "lines": lines,
    }  # fmt: skip
