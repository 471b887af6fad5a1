"""JSON of markets; prices in millionths per kWh, money in billionths, energy in Wh."""

from typing import Any

from rest_framework import serializers

from apps.markets.models import ClearingRun, Market, Order, Participant, Posting, Trade

RULES = (
    "name", "mechanism", "gate_closure_s", "opens_s", "least_price_micro", "most_price_micro", "most_order_wh",
    "buyer_fee_micro", "seller_fee_micro", "short_price_micro", "long_price_micro", "import_tariff_micro",
    "export_tariff_micro", "eligible_kinds", "terms", "carbon_g_per_kwh", "carbon_source",
)  # fmt: skip
LIMITS = (
    "position_limit_wh", "credit_limit_nano", "priority", "low_income", "automatic", "buy_limit_micro",
    "sell_limit_micro", "storage_value_micro", "prefers_green", "prefers_neighbors",
)  # fmt: skip


class MarketSerializer(serializers.ModelSerializer[Market]):
    grid_area_id = serializers.IntegerField()
    price_program_id = serializers.IntegerField(required=False, allow_null=True)

    class Meta:
        model = Market
        fields = (
            "id", "grid_area_id", "currency", "interval_s", "price_program_id", *RULES, "terms_version", "state", "state_reason",
        )  # fmt: skip
        read_only_fields = ("terms_version", "state", "state_reason")


class MarketChangeSerializer(serializers.ModelSerializer[Market]):
    price_program_id = serializers.IntegerField(required=False, allow_null=True)

    class Meta:
        model = Market
        fields = ("price_program_id", *RULES)


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)


class ParticipantSerializer(serializers.ModelSerializer[Participant]):
    site_ids = serializers.SerializerMethodField()
    balance_nano = serializers.IntegerField(source="account.balance_nano", read_only=True)

    class Meta:
        model = Participant
        fields = (
            "id",
            "market_id",
            "name",
            "kind",
            "state",
            "terms_version",
            "site_ids",
            "balance_nano",
            *LIMITS,
        )

    def get_site_ids(self, one: Participant) -> list[int]:
        return [home.site_id for home in one.homes.all()]


class JoinSerializer(serializers.ModelSerializer[Participant]):
    site_ids = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=10_000)

    class Meta:
        model = Participant
        fields = ("name", "kind", "site_ids", *LIMITS)


class ParticipantChangeSerializer(serializers.ModelSerializer[Participant]):
    class Meta:
        model = Participant
        fields = ("state", *LIMITS)


class TermsSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1)


class DepositSerializer(serializers.Serializer[Any]):
    amount = serializers.DecimalField(max_digits=16, decimal_places=9)


class OrderSendSerializer(serializers.Serializer[Any]):
    """Price and quantity are taken as they come: the market says what is wrong with them."""

    participant_id = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    side = serializers.ChoiceField(choices=["bid", "offer"])
    price_micro = serializers.JSONField()
    quantity_wh = serializers.JSONField()
    idempotency_key = serializers.CharField(max_length=64)
    green = serializers.BooleanField(default=False)
    firm = serializers.BooleanField(default=False)


class OrderSerializer(serializers.ModelSerializer[Order]):
    side = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (
            "id", "market_id", "participant_id", "starts_at", "side", "price_micro", "quantity_wh", "green", "firm",
            "automatic", "idempotency_key", "state", "state_reason", "placed_at",
        )  # fmt: skip

    def get_side(self, order: Order) -> str:
        return "bid" if order.side == Order.Side.BID else "offer"


class RunSerializer(serializers.ModelSerializer[ClearingRun]):
    class Meta:
        model = ClearingRun
        fields = (
            "id", "market_id", "starts_at", "ends_at", "version", "state", "mechanism", "reason", "created_at",
            "canceled_at", "cancel_reason", "orders_count", "buy_price_micro", "sell_price_micro", "volume_wh",
            "welfare_nano", "account_nano", "input_hash", "result_hash",
        )  # fmt: skip


class TradeSerializer(serializers.ModelSerializer[Trade]):
    starts_at = serializers.DateTimeField(source="run.starts_at")
    side = serializers.SerializerMethodField()

    class Meta:
        model = Trade
        fields = (
            "id", "run_id", "order_id", "participant_id", "starts_at", "side", "energy_wh", "price_micro", "pay_nano",
            "fee_nano", "green_wh",
        )  # fmt: skip

    def get_side(self, trade: Trade) -> str:
        return "bid" if trade.side == Order.Side.BID else "offer"


class PostingSerializer(serializers.ModelSerializer[Posting]):
    at = serializers.DateTimeField(source="transfer.at")
    kind = serializers.CharField(source="transfer.kind")
    starts_at = serializers.DateTimeField(source="transfer.run.starts_at", default=None)
    description = serializers.CharField(source="transfer.description")

    class Meta:
        model = Posting
        fields = ("id", "at", "kind", "line", "starts_at", "amount_nano", "energy_wh", "description")
