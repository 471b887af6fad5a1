"""Ties of a network, contracts between participants, and who is paid on a chain, as JSON."""

from typing import Any

from rest_framework import serializers

from apps.common.rest.queries import KnownFields, Strict
from apps.markets.api.serializers import GREATEST
from apps.markets.models import AreaTie, Contract


class TieSerializer(serializers.ModelSerializer[AreaTie]):
    sender_id = serializers.IntegerField()
    receiver_id = serializers.IntegerField()

    class Meta:
        model = AreaTie
        fields = ("id", "sender_id", "receiver_id", "reactance_ohm", "limit_kw")


class TieSetSerializer(KnownFields, serializers.ModelSerializer[AreaTie]):
    sender_id = serializers.IntegerField(min_value=0, max_value=GREATEST)
    receiver_id = serializers.IntegerField(min_value=0, max_value=GREATEST)

    class Meta:
        model = AreaTie
        fields = ("sender_id", "receiver_id", "reactance_ohm", "limit_kw")


class ContractSendSerializer(Strict):
    """So much energy in every interval of a period, at a price that both agree to."""

    participant_id = serializers.IntegerField(min_value=0, max_value=GREATEST, help_text="who proposes it")
    side = serializers.ChoiceField(choices=["bid", "offer"], help_text="what the proposer does")
    with_id = serializers.IntegerField(min_value=0, max_value=GREATEST, help_text="the other side")
    price_micro = serializers.IntegerField(
        min_value=-GREATEST, max_value=GREATEST, help_text="millionths of the currency per kWh"
    )
    energy_wh = serializers.IntegerField(min_value=0, max_value=GREATEST)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class ContractSerializer(serializers.ModelSerializer[Contract]):
    market_id = serializers.IntegerField()
    buyer_id = serializers.IntegerField()
    seller_id = serializers.IntegerField()
    proposed_by_id = serializers.IntegerField()

    class Meta:
        model = Contract
        fields = (
            "id", "market_id", "buyer_id", "seller_id", "price_micro", "energy_wh", "starts_at", "ends_at", "state",
            "proposed_by_id", "created_at", "agreed_at", "ended_at",
        )  # fmt: skip


class PartySetSerializer(Strict):
    address = serializers.RegexField(r"\A0x[0-9a-fA-F]{40}\Z")


class DepositAskSerializer(Strict):
    """The bid that is to be paid from it."""

    idempotency_key = serializers.CharField(max_length=64, help_text="of the bid")
    price_micro = serializers.IntegerField(min_value=1, max_value=10**9)
    quantity_wh = serializers.IntegerField(min_value=1, max_value=10**9)


class PartySerializer(serializers.Serializer[Any]):
    participant_id = serializers.IntegerField()
    address = serializers.CharField()
    since = serializers.DateTimeField()


class EscrowSerializer(serializers.Serializer[Any]):
    """What the bid's owner calls `deposit` with; large numbers are text."""

    chain_id = serializers.IntegerField()
    contract = serializers.CharField()
    order = serializers.CharField()
    price_limit = serializers.CharField()
    value = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        """Add what is a word of the language."""
        return {**super().get_fields(), "from": serializers.CharField()}
