"""JSON of sites, their resources and their households."""

from typing import Any

from rest_framework import serializers

from apps.common.rest.queries import Query, Strict
from apps.sites.models import Resource, SiteMember

SITE = {
    "name": "Rose Street 1", "external_ref": "C-1001", "grid_area": None, "time_zone": "Europe/Berlin",
    "import_limit_kw": 17.0, "export_limit_kw": 10.0, "reserve_soc": 0.2, "latitude_deg": 52.52, "longitude_deg": 13.4,
}  # fmt: skip
RESOURCE = {
    "key": "battery", "kind": "battery", "name": "Battery in the cellar",
    "parameters": {"capacity_kwh": 10.0, "max_charge_kw": 5.0, "max_discharge_kw": 5.0},
}  # fmt: skip


class SiteSerializer(Strict):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=120)
    external_ref = serializers.CharField(
        max_length=120,
        required=False,
        allow_null=True,
        help_text="what your own books call it; once in a fleet",
    )
    grid_area = serializers.IntegerField(source="grid_area_id", required=False, allow_null=True)
    time_zone = serializers.CharField(max_length=64, required=False)
    import_limit_kw = serializers.FloatField(required=False, min_value=0)
    export_limit_kw = serializers.FloatField(required=False, min_value=0)
    reserve_soc = serializers.FloatField(required=False, min_value=0, max_value=1)
    latitude_deg = serializers.FloatField(required=False, allow_null=True, min_value=-90, max_value=90)
    longitude_deg = serializers.FloatField(required=False, allow_null=True, min_value=-180, max_value=180)
    created_at = serializers.DateTimeField(read_only=True)


class SiteQuery(Query):
    name = serializers.CharField(required=False, help_text="part of the name")
    external_ref = serializers.CharField(required=False)
    grid_area = serializers.IntegerField(required=False, min_value=0, max_value=2**62)
    resource = serializers.ChoiceField(
        choices=Resource.Kind.choices, required=False, help_text="has a resource of this kind"
    )


class ResourceSerializer(Strict):
    id = serializers.IntegerField(read_only=True)
    key = serializers.CharField(max_length=64)
    kind = serializers.ChoiceField(choices=Resource.Kind.choices)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    parameters = serializers.DictField(child=serializers.FloatField(), required=False)


class ResourceChangeSerializer(Strict):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    parameters = serializers.DictField(child=serializers.FloatField(), required=False)


class SiteMemberSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.first_name")
    role = serializers.ChoiceField(choices=SiteMember.Role.choices)
