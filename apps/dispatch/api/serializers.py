"""JSON of plans and tracking."""

from rest_framework import serializers

from apps.dispatch.models import Plan, TrackingPoint


class PlanSerializer(serializers.ModelSerializer[Plan]):
    class Meta:
        model = Plan
        fields = (
            "revision", "reason", "status", "created_at", "starts_at", "interval_s", "target_kw", "planned_kw",
            "shortfall_kw", "price_per_kwh", "explanation", "solver", "seconds",
        )  # fmt: skip


class TrackingSerializer(serializers.ModelSerializer[TrackingPoint]):
    class Meta:
        model = TrackingPoint
        fields = (
            "at", "target_kw", "planned_kw", "delivered_kw", "sites_delivering", "sites_silent", "expected_kwh",
            "expected_low_kwh", "expected_high_kwh",
        )  # fmt: skip
