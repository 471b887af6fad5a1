"""What is decided about a run: approve it, note that it is paid, and what each home is to get."""

from typing import Any

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.settlement.api.views import run_or_404


class ReviewSerializer(serializers.Serializer[Any]):
    """draft, approved, paid."""

    state = serializers.CharField()
    started_by = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    approved_by = serializers.CharField(allow_blank=True)
    approved_at = serializers.DateTimeField(allow_null=True)
    paid_by = serializers.CharField(allow_blank=True)
    paid_at = serializers.DateTimeField(allow_null=True)
    reference = serializers.CharField(allow_blank=True)


class PaySerializer(Strict):
    reference = serializers.CharField(
        max_length=120, allow_blank=True, help_text="of the payment, for the books"
    )


class ReviewRuleSerializer(Strict):
    four_eyes = serializers.BooleanField(help_text="whether who asked for a run may not approve it")


class ReviewRuleView(AggregatorView):
    """GET, PUT /api/v1/settlement-rule"""

    @describes("Show who may approve runs", tag="settlements", answers=ReviewRuleSerializer)
    def get(self, request: Request) -> Response:
        from apps.settlement.reviews import four_eyes

        asked(request, Query)
        return Response({"four_eyes": four_eyes(organization=organization_of(request))})

    @describes(
        "Say who may approve runs", tag="settlements", sends=ReviewRuleSerializer, answers=ReviewRuleSerializer,
        example={"four_eyes": True},
    )  # fmt: skip
    def put(self, request: Request) -> Response:
        from apps.settlement.reviews import four_eyes_set

        said = sent(request, ReviewRuleSerializer)
        four_eyes_set(
            organization=organization_of(request), wanted=said["four_eyes"], actor=actor_of(request), now=clock.now()
        )  # fmt: skip
        return Response(said)


class RunApproveView(AggregatorView):
    """POST /api/v1/settlements/{id}/approve"""

    @describes(
        "Approve a settlement run", tag="settlements", answers=ReviewSerializer,
        description="The newest version only; with four eyes, not by who asked for it.",
    )  # fmt: skip
    def post(self, request: Request, settlement_id: int) -> Response:
        from apps.settlement.reviews import run_approve

        run = run_or_404(request, settlement_id)
        review = run_approve(run=run, actor=actor_of(request), now=clock.now())
        return Response(ReviewSerializer(review).data)


class RunPayView(AggregatorView):
    """POST /api/v1/settlements/{id}/pay"""

    @describes(
        "Note that a settlement run is paid", tag="settlements", sends=PaySerializer, answers=ReviewSerializer,
        example={"reference": "SEPA 2030-01-31/1"},
    )  # fmt: skip
    def post(self, request: Request, settlement_id: int) -> Response:
        from apps.settlement.reviews import run_pay

        run, said = run_or_404(request, settlement_id), sent(request, PaySerializer)
        review = run_pay(run=run, reference=said["reference"], actor=actor_of(request), now=clock.now())
        return Response(ReviewSerializer(review).data)


class RunPayoutsView(AggregatorView):
    """GET /api/v1/settlements/{id}/payouts"""

    @describes(
        "Download what each home is to get",
        tag="settlements",
        csv=True,
        description="Of an approved run, as CSV.",
    )
    def get(self, request: Request, settlement_id: int) -> StreamingHttpResponse:
        from apps.settlement.reviews import payouts_csv

        asked(request, Query)
        lines = list(payouts_csv(run=run_or_404(request, settlement_id)))
        headers = {"Content-Disposition": f'attachment; filename="payouts-{settlement_id}.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)
