"""JSON of programs, enrollments and signals."""

from typing import Any

from rest_framework import serializers

from apps.programs.models import GridSignal, Program


class ProgramSerializer(serializers.ModelSerializer[Program]):
    class Meta:
        model = Program
        fields = (
            "id", "name", "energy_price", "event_payment", "currency", "payment_rules",
            "baseline_method", "holidays", "created_at",
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
