"""What hubs send before they have a token."""

from typing import Any

from rest_framework import serializers


class RegisterSerializer(serializers.Serializer[Any]):
    public_key = serializers.CharField(max_length=64)
    claim_digest = serializers.RegexField(r"^[0-9a-f]{64}$")
    signature = serializers.CharField(max_length=120)
    model = serializers.CharField(max_length=80, default="", allow_blank=True)
    serial = serializers.CharField(max_length=80, default="", allow_blank=True)
    agent_version = serializers.CharField(max_length=40, default="", allow_blank=True)


class AuthenticateSerializer(serializers.Serializer[Any]):
    hub_id = serializers.UUIDField()
    challenge = serializers.CharField(max_length=400, required=False)
    signature = serializers.CharField(max_length=120, required=False)


class ClaimSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40)
    replace = serializers.BooleanField(default=False, help_text="shut out the hub that the site has")


class ClaimedSerializer(serializers.Serializer[Any]):
    hub_id = serializers.UUIDField()
    site_id = serializers.IntegerField()
    status = serializers.CharField()
