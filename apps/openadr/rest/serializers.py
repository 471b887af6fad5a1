"""JSON of connections to utilities' VTNs; secrets go in and never come out."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.rest.queries import KnownFields
from apps.openadr.models import VenConnection2b, VenConnection3

LONGEST_PEM: Final = 20_000
SECRET: Final[dict[str, Any]] = {"write_only": True, "required": False, "allow_blank": True}
FIELDS: Final = (
    "remote_program", "name", "url", "version", "token_url", "token_auth", "client_id", "scopes", "ca_pem", "transport",
    "poll_s", "lost_after_s", "has_resource_per_home",
)  # fmt: skip
FIELDS_2B: Final = (
    "name", "url", "certificate_pem", "ca_pem", "vtn_fingerprint", "poll_s", "check_hostname", "signs", "level_kw",
)  # fmt: skip
STATE: Final = ("enabled", "ven_id", "last_answer_at", "last_error", "created_at")


class ConnectionSerializer(serializers.ModelSerializer[VenConnection3]):
    program_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = VenConnection3
        fields = ("id", "program_id", *FIELDS, *STATE, "targets", "failing_since", "lost_since")


class ConnectionSendSerializer(KnownFields, serializers.ModelSerializer[VenConnection3]):
    program_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**63 - 1,
        help_text="whose homes answer; null: one program for each that the VTN shows",
    )  # fmt: skip
    ca_pem = serializers.CharField(max_length=LONGEST_PEM, required=False, allow_blank=True)
    client_secret = serializers.CharField(max_length=400, **SECRET)

    class Meta:
        model = VenConnection3
        fields = ("program_id", *FIELDS, "client_secret")
        extra_kwargs = {"poll_s": {"max_value": 86_400}, "lost_after_s": {"max_value": 31_536_000}}


class ConnectionChangeSerializer(ConnectionSendSerializer):
    """What is left out stays, the secret too."""

    program_id = None  # type: ignore[assignment]

    class Meta(ConnectionSendSerializer.Meta):
        fields = (*FIELDS, "client_secret", "enabled")
        extra_kwargs = {
            **ConnectionSendSerializer.Meta.extra_kwargs,
            "name": {"required": False},
            "url": {"required": False},
        }


class Connection2bSerializer(serializers.ModelSerializer[VenConnection2b]):
    program_id = serializers.IntegerField()

    class Meta:
        model = VenConnection2b
        fields = ("id", "program_id", *FIELDS_2B, *STATE, "vtn_id", "registration_id", "asked_poll_s")


class Connection2bSendSerializer(KnownFields, serializers.ModelSerializer[VenConnection2b]):
    program_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="whose homes answer the events"
    )
    certificate_pem = serializers.CharField(max_length=LONGEST_PEM, required=False, allow_blank=True)
    ca_pem = serializers.CharField(max_length=LONGEST_PEM, required=False, allow_blank=True)
    key_pem = serializers.CharField(max_length=LONGEST_PEM, **SECRET)
    level_kw = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1e9), max_length=3, required=False,
        help_text="what levels 1, 2 and 3 ask for; empty: they ask for nothing",
    )  # fmt: skip

    class Meta:
        model = VenConnection2b
        fields = ("program_id", *FIELDS_2B, "key_pem")
        extra_kwargs = {"poll_s": {"max_value": 86_400}}

    def validate_level_kw(self, value: list[float]) -> list[float]:
        """All three levels, or none."""
        if len(value) not in {0, 3}:
            raise serializers.ValidationError("say what each of the three levels asks for, or none")
        return value

    def validate_vtn_fingerprint(self, value: str) -> str:
        return value.upper()


class Connection2bChangeSerializer(Connection2bSendSerializer):
    """What is left out stays, the key too."""

    program_id = None  # type: ignore[assignment]

    class Meta(Connection2bSendSerializer.Meta):
        fields = (*FIELDS_2B, "key_pem", "enabled")
        extra_kwargs = {
            **Connection2bSendSerializer.Meta.extra_kwargs,
            "name": {"required": False},
            "url": {"required": False},
        }


class ProbeSerializer(serializers.Serializer[Any]):
    is_good = serializers.BooleanField()
    text = serializers.CharField(help_text="what came of it, in a sentence")
