"""JSON of markets; prices in millionths per kWh, money in billionths, energy in Wh."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.rest.queries import KnownFields, Query, Strict
from apps.markets.models import (
    AreaLine,
    ClearingRun,
    Market,
    NodePrice,
    Order,
    Participant,
    Posting,
    Trade,
)

RULES = (
    "name", "mechanism", "gate_closure_s", "opens_s", "least_price_micro", "most_price_micro", "most_order_wh",
    "buyer_fee_micro", "seller_fee_micro", "short_price_micro", "long_price_micro", "import_tariff_micro",
    "export_tariff_micro", "eligible_kinds", "terms", "carbon_g_per_kwh", "carbon_source", "nominal_v", "reserve_up_wh",
    "reserve_down_wh", "on_chain", "session_intervals", "loss_permille", "sacrifice_permille",
    "lifeline_wh", "lifeline_price_micro", "lifeline_levy_permille",
)  # fmt: skip
LIMITS = (
    "position_limit_wh", "credit_limit_nano", "priority", "low_income", "automatic", "buy_limit_micro",
    "sell_limit_micro", "storage_value_micro", "prefers_green", "prefers_neighbors",
)  # fmt: skip
LINE = ("resistance_ohm", "reactance_ohm", "load_kw", "load_kvar", "kvar_per_kw", "loss_permille")
GREATEST = 2**63 - 1


class MarketSerializer(serializers.ModelSerializer[Market]):
    grid_area_id = serializers.IntegerField()
    price_program_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Market
        fields = (
            "id", "grid_area_id", "currency", "interval_s", "price_program_id", *RULES, "terms_version", "state", "state_reason",
        )  # fmt: skip


class MarketSendSerializer(KnownFields, serializers.ModelSerializer[Market]):
    grid_area_id = serializers.IntegerField(min_value=0, max_value=GREATEST)
    price_program_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=GREATEST
    )
    eligible_kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=Participant.Kind.choices), required=False, max_length=4,
        help_text="empty: every kind",
    )  # fmt: skip

    class Meta:
        model = Market
        fields = ("grid_area_id", "currency", "interval_s", "price_program_id", *RULES)


class MarketChangeSerializer(MarketSendSerializer):
    """What is left out stays; new `terms` are a new version that everybody has to accept."""

    grid_area_id = None  # type: ignore[assignment]
    name = serializers.CharField(max_length=120, required=False)

    class Meta(MarketSendSerializer.Meta):
        fields = ("price_program_id", *RULES)  # type: ignore[assignment]


class ReasonSerializer(Strict):
    reason = serializers.CharField(max_length=200)


class ParticipantSerializer(serializers.ModelSerializer[Participant]):
    market_id = serializers.IntegerField()
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


class JoinSerializer(KnownFields, serializers.ModelSerializer[Participant]):
    site_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=GREATEST), min_length=1, max_length=10_000
    )

    class Meta:
        model = Participant
        fields = ("name", "kind", "site_ids", *LIMITS)


class ParticipantChangeSerializer(KnownFields, serializers.ModelSerializer[Participant]):
    """What is left out stays."""

    class Meta:
        model = Participant
        fields = ("state", *LIMITS)


class ParticipantQuery(Query):
    state = serializers.ChoiceField(choices=Participant.State.choices, required=False)
    kind = serializers.ChoiceField(choices=Participant.Kind.choices, required=False)
    site = serializers.IntegerField(required=False, min_value=1, max_value=GREATEST)


class TermsSerializer(Strict):
    version = serializers.IntegerField(min_value=1)


class DepositSerializer(Strict):
    amount = serializers.DecimalField(max_digits=16, decimal_places=9)


@extend_schema_field(OpenApiTypes.INT)
class AsItComes(serializers.JSONField):
    """A number that the market itself checks, so that one fault has one code by whatever door it comes."""


class OrderSendSerializer(Strict):
    """Price and quantity are taken as they come: the market says what is wrong with them."""

    participant_id = serializers.IntegerField(min_value=0, max_value=GREATEST)
    starts_at = serializers.DateTimeField(help_text="of the interval of delivery")
    side = serializers.ChoiceField(choices=["bid", "offer"], help_text="bid: buy; offer: sell")
    price_micro = AsItComes(help_text="millionths of the currency per kWh")
    quantity_wh = AsItComes(required=False, help_text="left out where `profile_wh` says it by interval")
    idempotency_key = serializers.CharField(
        max_length=64, help_text="kept for good: the same order sent again is the one that stands"
    )
    green = serializers.BooleanField(default=False)
    firm = serializers.BooleanField(default=False)
    service = serializers.ChoiceField(
        choices=["", "up", "down"], default="", help_text="reserve; empty: energy"
    )
    least_permille = serializers.IntegerField(default=0, min_value=0, max_value=1000)
    parent_id = serializers.IntegerField(default=None, allow_null=True, min_value=0, max_value=GREATEST)
    exclusive_group = serializers.CharField(default="", allow_blank=True, max_length=32)
    profile_wh = serializers.ListField(child=serializers.IntegerField(), default=list, max_length=96)


class OrderQuery(Query):
    starts_at = serializers.DateTimeField(required=False, help_text="of delivery")
    participant = serializers.IntegerField(required=False, min_value=1, max_value=GREATEST)
    state = serializers.ChoiceField(choices=Order.State.choices, required=False)


class OrderSerializer(serializers.ModelSerializer[Order]):
    participant_id = serializers.IntegerField()
    market_id = serializers.IntegerField()
    parent_id = serializers.IntegerField(allow_null=True)
    side = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (
            "id", "market_id", "participant_id", "starts_at", "side", "price_micro", "quantity_wh", "green", "firm",
            "automatic", "idempotency_key", "state", "state_reason", "placed_at", "service", "least_permille", "parent_id",
            "exclusive_group", "profile_wh",
        )  # fmt: skip

    def get_side(self, order: Order) -> str:
        return "bid" if order.side == Order.Side.BID else "offer"


class MarketRunSerializer(serializers.ModelSerializer[ClearingRun]):
    market_id = serializers.IntegerField()

    class Meta:
        model = ClearingRun
        fields = (
            "id", "market_id", "starts_at", "ends_at", "version", "state", "mechanism", "reason", "created_at",
            "canceled_at", "cancel_reason", "orders_count", "buy_price_micro", "sell_price_micro", "volume_wh",
            "welfare_nano", "account_nano", "input_hash", "result_hash",
        )  # fmt: skip


class MarketRunQuery(Query):
    starts_at = serializers.DateTimeField(required=False, help_text="of delivery")
    since = serializers.DateTimeField(required=False, help_text="delivery begins then or later")
    before = serializers.DateTimeField(required=False)
    state = serializers.ChoiceField(choices=ClearingRun.State.choices, required=False)


class TradeSerializer(serializers.ModelSerializer[Trade]):
    run_id = serializers.IntegerField()
    order_id = serializers.IntegerField()
    participant_id = serializers.IntegerField()
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


class TradeQuery(Query):
    since = serializers.DateTimeField(required=False, help_text="delivery begins then or later")
    before = serializers.DateTimeField(required=False)
    participant = serializers.IntegerField(required=False, min_value=1, max_value=GREATEST)
    run = serializers.IntegerField(required=False, min_value=1, max_value=GREATEST)


class CutSerializer(serializers.Serializer[Any]):
    """What of an order was left out before clearing, and why."""

    order_id = serializers.IntegerField()
    cut_wh = serializers.IntegerField()
    reason = serializers.CharField()


class AwardSerializer(serializers.Serializer[Any]):
    """Reserve that was bought of an order."""

    order_id = serializers.IntegerField()
    participant_id = serializers.IntegerField()
    service = serializers.ChoiceField(choices=Order.Service.choices)
    energy_wh = serializers.IntegerField()
    price_micro = serializers.IntegerField()
    pay_nano = serializers.IntegerField()


class WholeMarketRunSerializer(MarketRunSerializer):
    """A run with its trades, what was cut, and what reserve was bought."""

    trades = TradeSerializer(many=True)
    cuts = CutSerializer(many=True)
    awards = AwardSerializer(many=True)

    class Meta(MarketRunSerializer.Meta):
        fields = (*MarketRunSerializer.Meta.fields, "trades", "cuts", "awards")  # type: ignore[assignment]


class ReplaySerializer(serializers.Serializer[Any]):
    inputs_match = serializers.BooleanField()
    result_match = serializers.BooleanField()
    result_hash = serializers.CharField()


class EntrySerializer(serializers.Serializer[Any]):
    """A sealed entry as it is published; it names nobody."""

    index = serializers.IntegerField()
    body = serializers.CharField()
    entry_hash = serializers.CharField()
    signature = serializers.CharField()
    public_key = serializers.CharField()


class ProofSerializer(serializers.Serializer[Any]):
    """All that somebody needs to check one trade, and nothing of any other's."""

    leaf = serializers.CharField()
    position = serializers.IntegerField()
    path = serializers.ListField(child=serializers.CharField())
    entry = EntrySerializer()


class LogSerializer(serializers.Serializer[Any]):
    entries = EntrySerializer(many=True)


class FaultSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    leaf = serializers.IntegerField(allow_null=True)
    what = serializers.CharField()


class FaultsSerializer(serializers.Serializer[Any]):
    faults = FaultSerializer(many=True)


class PostingSerializer(serializers.ModelSerializer[Posting]):
    at = serializers.DateTimeField(source="transfer.at")
    kind = serializers.CharField(source="transfer.kind")
    starts_at = serializers.DateTimeField(
        source="transfer.run.starts_at", default=None, allow_null=True, help_text="of delivery"
    )
    description = serializers.CharField(source="transfer.description")

    class Meta:
        model = Posting
        fields = ("id", "at", "kind", "line", "starts_at", "amount_nano", "energy_wh", "description")


class AccountQuery(Query):
    """`from` and `to`: the last 30 days if left out."""

    to = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Add what is a word of the language."""
        return {**super().get_fields(), "from": serializers.DateTimeField(required=False)}


class AccountSerializer(serializers.Serializer[Any]):
    """What was booked on a participant's account, at most 500 lines, and what it holds now."""

    participant_id = serializers.IntegerField()
    currency = serializers.CharField()
    balance_nano = serializers.IntegerField()
    lines = PostingSerializer(many=True)


class AreaLineSerializer(serializers.ModelSerializer[AreaLine]):
    grid_area_id = serializers.IntegerField()

    class Meta:
        model = AreaLine
        fields = ("grid_area_id", *LINE)


class AreaLineSetSerializer(KnownFields, serializers.ModelSerializer[AreaLine]):
    """What is left out stays."""

    class Meta:
        model = AreaLine
        fields = LINE


class NodePriceSerializer(serializers.ModelSerializer[NodePrice]):
    grid_area_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = NodePrice
        fields = (
            "place", "parent_place", "grid_area_id", "name", "price_micro", "traded_wh", "flow_kw", "import_limit_kw",
            "export_limit_kw", "voltage_pu", "line_price_micro", "voltage_binds",
        )  # fmt: skip
