"""JSON of plans, tracking and what homes do."""

from typing import Any

from rest_framework import serializers

from apps.common.rest.queries import Query, Strict
from apps.dispatch.models import Plan, Schedule, TrackingPoint
from apps.flexibility.models import SiteFlexibility
from apps.programs.api.serializers import SignalSerializer


class PlanSerializer(serializers.ModelSerializer[Plan]):
    class Meta:
        model = Plan
        fields = (
            "revision", "reason", "status", "created_at", "starts_at", "interval_s", "target_kw", "planned_kw",
            "shortfall_kw", "price_per_kwh", "explanation", "solver", "seconds",
        )  # fmt: skip


class PlanDetailSerializer(PlanSerializer):
    """With what a limit costs: duals per kWh, of the target and of grid areas' limits by name."""

    limit_prices = serializers.DictField()
    objective = serializers.FloatField(allow_null=True)
    gap = serializers.FloatField(allow_null=True)
    steers = serializers.ListField(child=serializers.UUIDField())

    class Meta(PlanSerializer.Meta):
        fields = (*PlanSerializer.Meta.fields, "limit_prices", "objective", "gap", "steers")  # type: ignore[assignment]


class ScheduleSerializer(serializers.ModelSerializer[Schedule]):
    site_id = serializers.IntegerField()

    class Meta:
        model = Schedule
        fields = ("id", "site_id", "shed_kw", "site_kw", "resources", "counted")


class BaselineSerializer(serializers.ModelSerializer[SiteFlexibility]):
    """What a home would draw without the event [kW], by the signal's intervals."""

    site_id = serializers.IntegerField()

    class Meta:
        model = SiteFlexibility
        fields = ("id", "site_id", "starts_at", "interval_s", "baseline_kw", "note")


class TrackingSerializer(serializers.ModelSerializer[TrackingPoint]):
    class Meta:
        model = TrackingPoint
        fields = (
            "at", "target_kw", "planned_kw", "delivered_kw", "sites_delivering", "sites_silent", "expected_kwh",
            "expected_low_kwh", "expected_high_kwh",
        )  # fmt: skip


class HomeSerializer(serializers.Serializer[Any]):
    site_id = serializers.IntegerField(source="site.pk")
    name = serializers.CharField(source="site.name")
    shed_kw = serializers.FloatField()
    delivered_kw = serializers.FloatField(allow_null=True)
    state = serializers.CharField()
    instruction_state = serializers.CharField()


class HomeShownSerializer(serializers.Serializer[Any]):
    """A home of a signal now; the reason is of one that gives less than it is asked."""

    site_id = serializers.IntegerField(source="home.site.pk")
    name = serializers.CharField(source="home.site.name")
    shed_kw = serializers.FloatField(source="home.shed_kw")
    delivered_kw = serializers.FloatField(source="home.delivered_kw", allow_null=True)
    state = serializers.CharField(source="home.state")
    instruction_state = serializers.CharField(source="home.instruction_state")
    reason_code = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class HomesQuery(Query):
    short = serializers.BooleanField(
        required=False, help_text="only those that give less than they are asked"
    )


class SignalViewSerializer(serializers.Serializer[Any]):
    signal = SignalSerializer()
    plans = PlanSerializer(many=True)
    tracking = TrackingSerializer(many=True)
    homes = HomeSerializer(many=True, source="homes_most_asked", help_text="at most 200, those asked most")
    homes_count = serializers.IntegerField(help_text="how many there are in all; by pages at /homes")
    target_kwh = serializers.FloatField()
    delivered_kwh = serializers.FloatField()


class ShortHomeSerializer(serializers.Serializer[Any]):
    site_id = serializers.IntegerField()
    name = serializers.CharField()
    asked_kw = serializers.FloatField()
    delivered_kw = serializers.FloatField(allow_null=True)
    reason_code = serializers.CharField()
    reason = serializers.CharField()


class LiveSerializer(serializers.Serializer[Any]):
    """A signal at this minute."""

    signal = SignalSerializer()
    phase = serializers.ChoiceField(choices=["coming", "running", "past", "canceled"])
    interval_starts_at = serializers.DateTimeField(allow_null=True)
    target_kw = serializers.FloatField(allow_null=True)
    planned_kw = serializers.FloatField(allow_null=True)
    delivered_kw = serializers.FloatField(allow_null=True)
    target_kwh = serializers.FloatField()
    delivered_kwh = serializers.FloatField()
    latest = TrackingSerializer(allow_null=True, help_text="the last look, with what is expected at the end")
    plan_revision = serializers.IntegerField()
    plan_reason = serializers.CharField(allow_blank=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="homes by state")
    short = ShortHomeSerializer(
        many=True, source="short.homes", help_text="at most 100, those that miss most"
    )
    short_count = serializers.IntegerField(source="short.count", help_text="how many are short in all")
    short_missing_kw = serializers.FloatField(source="short.missing_kw", help_text="and by how much together")


class WhatIfSerializer(Strict):
    """What else might have been asked; nothing: the same once more, to see that it comes out the same."""

    target_kw = serializers.ListField(
        child=serializers.FloatField(min_value=0), required=False, max_length=700, min_length=1
    )
    without = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, max_length=10_000
    )
    weights = serializers.DictField(child=serializers.FloatField(min_value=0), required=False)


class WhySerializer(serializers.Serializer[Any]):
    """An order that a home's hub held; `battery_kw` charges above 0."""

    reason = serializers.CharField(source="order.reason")
    priority = serializers.IntegerField(source="order.priority")
    state = serializers.CharField(source="order.state")
    not_before = serializers.DateTimeField(source="order.not_before")
    expires_at = serializers.DateTimeField(source="order.expires_at")
    battery_kw = serializers.FloatField(allow_null=True)
    plan_revision = serializers.IntegerField(source="plan.revision", default=None, allow_null=True)
    signals = SignalSerializer(many=True)
