"""JSON of programs, enrollments, signals and opt-outs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.rest.queries import KnownFields, Query, Strict
from apps.programs.models import BaselineReport, EnrollmentJob, GridSignal, Program
from apps.programs.wishes import RANGES
from apps.sites.search import KINDS

WISH = {
    "program_id": 1, "kind": "shed", "name": "Evening peak",
    "intervals": [
        {"starts_at": "2030-01-15T17:00:00Z", "ends_at": "2030-01-15T18:00:00Z", "value": 40.0},
        {"starts_at": "2030-01-15T18:00:00Z", "ends_at": "2030-01-15T19:00:00Z", "value": 60.0},
    ],
}  # fmt: skip


class ProgramSerializer(KnownFields, serializers.ModelSerializer[Program]):
    class Meta:
        model = Program
        fields = (
            "id", "name", "energy_price", "event_payment", "currency", "payment_rules",
            "baseline_method", "holidays", "reserve_kw", "most_events", "most_events_days", "level_shares",
            "capacity_scope", "carbon_price", "created_at", "paused_at",
        )  # fmt: skip
        read_only_fields = ("id", "created_at", "paused_at")


class EnrollmentSerializer(Strict):
    site_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=10_000
    )


class EnrollmentResultSerializer(serializers.Serializer[Any]):
    site_id = serializers.IntegerField()
    result = serializers.ChoiceField(choices=["enrolled", "already_enrolled", "not_found"])


class EnrollmentResultsSerializer(serializers.Serializer[Any]):
    results = EnrollmentResultSerializer(many=True)


class EnrollmentJobSerializer(serializers.ModelSerializer[EnrollmentJob]):
    program_id = serializers.IntegerField()
    homes = serializers.IntegerField(
        source="total", help_text="that were to join or leave when it was asked for"
    )

    class Meta:
        model = EnrollmentJob
        fields = (
            "id", "program_id", "kind", "state", "homes", "done", "changed", "chosen", "requested_by", "requested_at",
            "finished_at",
        )  # fmt: skip


class EnrollmentJobSendSerializer(Strict):
    """All of the organization's sites where no filter is given."""

    kind = serializers.ChoiceField(choices=EnrollmentJob.Kind.choices)
    name = serializers.CharField(max_length=120, required=False, help_text="words of the site's name")
    grid_area = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="with the areas that it feeds"
    )
    resources = serializers.ListField(
        child=serializers.ChoiceField(choices=[*KINDS.items()]), max_length=4, required=False,
        help_text="kinds that the site has all of",
    )  # fmt: skip


class EnrolledSerializer(serializers.Serializer[Any]):
    """A home's part in a program."""

    id = serializers.IntegerField()
    site_id = serializers.IntegerField()
    name = serializers.CharField(source="site.name")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class EnrolledQuery(Query):
    site = serializers.IntegerField(required=False)
    open = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="takes part now")


class SignalSerializer(serializers.ModelSerializer[GridSignal]):
    program = serializers.IntegerField(source="program_id")

    class Meta:
        model = GridSignal
        fields = (
            "id", "program", "kind", "name", "source", "revision", "state", "starts_at", "ends_at", "interval_s",
            "target_kw", "values", "priority", "targets",
        )  # fmt: skip


class SignalQuery(Query):
    program = serializers.IntegerField(required=False)
    state = serializers.ChoiceField(choices=GridSignal.State.choices, required=False)
    kind = serializers.ChoiceField(choices=GridSignal.Kind.choices, required=False)
    starts_before = serializers.DateTimeField(required=False)
    ends_after = serializers.DateTimeField(required=False)


class AskedSerializer(Strict):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    value = serializers.FloatField(
        help_text="kW, currency per kWh, g per kWh, a level or a share, by the kind"
    )


class WishChangeSerializer(Strict):
    """What is asked, as it is to be from now on."""

    name = serializers.CharField(max_length=128, required=False, allow_blank=True)
    priority = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=1000)
    targets = serializers.ListField(
        child=serializers.CharField(max_length=128), required=False, max_length=500,
        help_text="names of homes or grid areas; all homes of the program if left out",
    )  # fmt: skip
    intervals = serializers.ListField(child=AskedSerializer(), min_length=1, max_length=700, required=False)


class WishSerializer(WishChangeSerializer):
    """A signal as it is asked for."""

    program_id = serializers.IntegerField(min_value=1)
    kind = serializers.ChoiceField(choices=sorted(RANGES))
    intervals = serializers.ListField(child=AskedSerializer(), min_length=1, max_length=700)


class OptOutSerializer(serializers.Serializer[Any]):
    site_id = serializers.IntegerField()
    name = serializers.CharField(source="site.name")
    reason = serializers.CharField()
    at = serializers.DateTimeField()


class OptOutRequestSerializer(Strict):
    site_id = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=200)


@extend_schema_field({"type": "string", "example": "18:00:00"})
class LocalTimeField(serializers.TimeField):
    """A time of the day without an offset, which JSON Schema's `time` would need."""


class BaselineReportSerializer(KnownFields, serializers.ModelSerializer[BaselineReport]):
    starts = LocalTimeField(help_text="local time at which events begin")

    class Meta:
        model = BaselineReport
        fields = (
            "id", "requested_at", "starts", "minutes", "day_type", "placebo_days", "state", "progress_pct", "finished_at",
            "error", "result",
        )  # fmt: skip
        read_only_fields = ("id", "requested_at", "state", "progress_pct", "finished_at", "error", "result")
