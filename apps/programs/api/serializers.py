"""JSON of programs, enrollments and signals."""

from typing import Any

from rest_framework import serializers

from apps.programs.models import BaselineReport, GridSignal, Program


class ProgramSerializer(serializers.ModelSerializer[Program]):
    class Meta:
        model = Program
        fields = (
            "id", "name", "energy_price", "event_payment", "currency", "payment_rules",
            "baseline_method", "holidays", "reserve_kw", "most_events", "most_events_days", "created_at",
        )  # fmt: skip
        read_only_fields = ("id", "name", "created_at")


class EnrollmentSerializer(serializers.Serializer[Any]):
    site_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=10_000
    )


class SignalSerializer(serializers.ModelSerializer[GridSignal]):
    class Meta:
        model = GridSignal
        fields = (
            "id", "program", "kind", "name", "source", "revision", "state", "starts_at", "ends_at", "interval_s", "target_kw",
        )  # fmt: skip


class BaselineReportSerializer(serializers.ModelSerializer[BaselineReport]):
    class Meta:
        model = BaselineReport
        fields = (
            "id", "requested_at", "starts", "minutes", "day_type", "placebo_days", "state", "progress_pct", "finished_at",
            "error", "result",
        )  # fmt: skip
        read_only_fields = ("id", "requested_at", "state", "progress_pct", "finished_at", "error", "result")
