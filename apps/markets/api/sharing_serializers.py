"""JSON of energy sharing; energy in Wh."""

from rest_framework import serializers

from apps.common.rest.queries import KnownFields, Query, Strict
from apps.markets.models import SharingCommunity, SharingCredit, SharingMember, SharingRun

GREATEST = 2**63 - 1


class CommunitySerializer(serializers.ModelSerializer[SharingCommunity]):
    grid_area_id = serializers.IntegerField()

    class Meta:
        model = SharingCommunity
        fields = ("id", "grid_area_id", "name", "key", "interval_s", "time_zone")


class CommunitySendSerializer(KnownFields, serializers.ModelSerializer[SharingCommunity]):
    grid_area_id = serializers.IntegerField(min_value=0, max_value=GREATEST)

    class Meta:
        model = SharingCommunity
        fields = ("grid_area_id", "name", "key", "interval_s", "time_zone")


class KeySerializer(Strict):
    key = serializers.ChoiceField(choices=SharingCommunity.Key.choices)


class SharingMemberSerializer(serializers.ModelSerializer[SharingMember]):
    site_id = serializers.IntegerField()

    class Meta:
        model = SharingMember
        fields = ("site_id", "part", "joined_at")


class WholeCommunitySerializer(CommunitySerializer):
    """A community with its members."""

    members = SharingMemberSerializer(many=True)

    class Meta(CommunitySerializer.Meta):
        fields = (*CommunitySerializer.Meta.fields, "members")  # type: ignore[assignment]


class MemberSetSerializer(Strict):
    part = serializers.IntegerField(required=False, min_value=0, max_value=1_000_000_000)


class SharingRunSerializer(serializers.ModelSerializer[SharingRun]):
    class Meta:
        model = SharingRun
        fields = (
            "id", "date", "version", "key", "starts_at", "ends_at", "created_at", "generated_wh", "drawn_wh", "shared_wh",
            "missing", "input_hash",
        )  # fmt: skip


class SharingRunQuery(Query):
    since = serializers.DateField(required=False)
    before = serializers.DateField(required=False)


class CreditSerializer(serializers.ModelSerializer[SharingCredit]):
    """One home's day; the lists have a value for each interval."""

    site_id = serializers.IntegerField()

    class Meta:
        model = SharingCredit
        fields = (
            "site_id", "part", "drawn_sum_wh", "fed_sum_wh", "credited_sum_wh", "given_sum_wh", "net_wh", "credited_wh",
            "given_wh",
        )  # fmt: skip


class WholeSharingRunSerializer(SharingRunSerializer):
    """A settlement with every home's credits."""

    credits = CreditSerializer(many=True)

    class Meta(SharingRunSerializer.Meta):
        fields = (*SharingRunSerializer.Meta.fields, "credits")  # type: ignore[assignment]


class DaySerializer(Strict):
    date = serializers.DateField()
