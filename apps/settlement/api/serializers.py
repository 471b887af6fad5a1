"""JSON of settlement runs, statements and objections; money is text, so that no digit is lost."""

from typing import Any

from rest_framework import serializers

from apps.common.rest.queries import Query, Strict
from apps.settlement.models import Dispute, SettlementRun, Statement, StatementLine


class RunSerializer(serializers.ModelSerializer[SettlementRun]):
    signal_id = serializers.UUIDField()
    signal_name = serializers.CharField(source="signal.name", allow_blank=True)
    program_id = serializers.IntegerField(source="signal.program_id")
    rule = serializers.DictField()

    class Meta:
        model = SettlementRun
        fields = (
            "id", "signal_id", "signal_name", "program_id", "version", "kind", "created_at", "rule", "input_hash",
            "delivered_kwh", "amount", "adjustment", "currency",
        )  # fmt: skip


class RunQuery(Query):
    signal = serializers.UUIDField(required=False)
    program = serializers.IntegerField(required=False)
    kind = serializers.ChoiceField(choices=SettlementRun.Kind.choices, required=False)


class PartSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    amount = serializers.CharField()


class LineSerializer(serializers.ModelSerializer[StatementLine]):
    class Meta:
        model = StatementLine
        fields = ("starts_at", "baseline_kwh", "metered_kwh", "delivered_kwh", "status", "note")


class StatementSerializer(serializers.ModelSerializer[Statement]):
    site_id = serializers.IntegerField()
    name = serializers.CharField(source="site.name")
    parts = serializers.SerializerMethodField()
    lines = LineSerializer(many=True)

    class Meta:
        model = Statement
        fields = (
            "site_id",
            "name",
            "delivered_kwh",
            "committed_kwh",
            "amount",
            "adjustment",
            "parts",
            "lines",
        )

    def get_parts(self, statement: Statement) -> list[dict[str, str]]:
        return [{"kind": kind, "amount": amount} for kind, amount in statement.parts]


class NumberedStatementSerializer(StatementSerializer):
    """A statement with its number and its run."""

    run_id = serializers.IntegerField()
    signal_id = serializers.UUIDField(source="run.signal_id")
    version = serializers.IntegerField(source="run.version")
    currency = serializers.CharField(source="run.currency")

    class Meta(StatementSerializer.Meta):
        fields = ("id", "run_id", "signal_id", "version", "currency", *StatementSerializer.Meta.fields)  # type: ignore[assignment]


class WholeRunSerializer(serializers.ModelSerializer[SettlementRun]):
    """A run with all its statements, as one signal's settlements are shown."""

    rule = serializers.DictField()
    statements = StatementSerializer(many=True)

    class Meta:
        model = SettlementRun
        fields = (
            "version", "kind", "created_at", "rule", "input_hash", "delivered_kwh", "amount", "adjustment", "currency",
            "statements",
        )  # fmt: skip


class AgainSerializer(Strict):
    reason = serializers.CharField(max_length=300)


class DisputeSerializer(serializers.ModelSerializer[Dispute]):
    statement_id = serializers.IntegerField()
    site_id = serializers.IntegerField(source="statement.site_id")
    signal_id = serializers.UUIDField(source="statement.run.signal_id")
    answer_version = serializers.IntegerField(source="answer.version", default=None, allow_null=True)

    class Meta:
        model = Dispute
        fields = (
            "id", "statement_id", "site_id", "signal_id", "opened_at", "reason", "state", "resolution", "resolved_at",
            "answer_version",
        )  # fmt: skip


class DisputeQuery(Query):
    state = serializers.ChoiceField(choices=Dispute.State.choices, required=False)


class CorrectedSerializer(Strict):
    starts_at = serializers.DateTimeField()
    metered_kwh = serializers.FloatField(
        allow_null=True, help_text="net energy; null leaves the interval out"
    )
    reason = serializers.CharField(max_length=160)


class AcceptSerializer(Strict):
    note = serializers.CharField(max_length=1000)
    corrections = serializers.ListField(child=CorrectedSerializer(), required=False, max_length=700)


class RejectSerializer(Strict):
    note = serializers.CharField(max_length=1000)


class SpreadSerializer(serializers.Serializer[Any]):
    """What the least, the middle and the most paid home gets."""

    min = serializers.CharField(allow_null=True)
    median = serializers.CharField(allow_null=True)
    max = serializers.CharField(allow_null=True)


class SideSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField()
    currency = serializers.CharField()
    per_home = SpreadSerializer()


class PreviewedSerializer(serializers.Serializer[Any]):
    signal_id = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    starts_at = serializers.DateTimeField()
    homes = serializers.IntegerField()
    before = SideSerializer()
    after = SideSerializer()


class PaymentPreviewSerializer(serializers.Serializer[Any]):
    rule = serializers.DictField()
    events = PreviewedSerializer(many=True)
    left_out = serializers.JSONField()
