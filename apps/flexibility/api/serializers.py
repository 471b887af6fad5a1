"""JSON of forecasts and prices."""

from datetime import datetime, timedelta
from typing import Any, Final

from rest_framework import serializers

from apps.common.rest.queries import Query
from apps.flexibility.models import ForecastRun, ForecastValues
from apps.flexibility.price_selectors import LONGEST_PERIOD, QUARTER

MOST_PRICES: Final = LONGEST_PERIOD // QUARTER
YEARS: Final = range(2000, 3000)


class ForecastQuerySerializer(Query):
    as_of = serializers.DateTimeField(required=False)


class ForecastSerializer(serializers.Serializer[Any]):
    """A forecast: of power in kW (`mean_kw`, `quantiles_kw`), of a price with `currency` and `…_per_kwh` instead."""

    quantity = serializers.CharField()
    site_id = serializers.IntegerField(allow_null=True)
    issued_at = serializers.DateTimeField()
    starts_at = serializers.DateTimeField()
    interval_s = serializers.IntegerField()
    method = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    levels = serializers.ListField(child=serializers.FloatField())
    homes = serializers.IntegerField(required=False)
    mean_kw = serializers.ListField(child=serializers.FloatField(allow_null=True), required=False)
    quantiles_kw = serializers.JSONField(required=False)
    currency = serializers.CharField(required=False)
    mean_per_kwh = serializers.ListField(child=serializers.FloatField(allow_null=True), required=False)
    quantiles_per_kwh = serializers.JSONField(required=False)


def forecast_json(values: ForecastValues) -> dict[str, Any]:
    """Return a forecast with its run: when it was issued is part of what it says."""
    run = values.run
    shared = {
        "quantity": run.quantity,
        "site_id": values.site_id,
        "issued_at": run.issued_at,
        "starts_at": run.starts_at,
        "interval_s": run.step_s,
        "method": values.method,
        "note": values.note,
        "levels": run.levels,
    }
    if run.quantity == ForecastRun.Quantity.PRICE:
        own: dict[str, Any] = {
            "currency": run.currency,
            "mean_per_kwh": values.mean_kw,
            "quantiles_per_kwh": values.quantiles_kw,
        }
    else:
        own = {"homes": values.homes, "mean_kw": values.mean_kw, "quantiles_kw": values.quantiles_kw}
    return shared | own


class InstantField(serializers.DateTimeField):
    """A time with its offset: without one it would mean two instants on the day clocks are set back."""

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise serializers.ValidationError("an instant needs its offset, such as +01:00 or Z")
        return super().enforce_timezone(value)


class PriceSerializer(serializers.Serializer[Any]):
    """A price in a period, as sent and as shown."""

    starts_at = InstantField()
    ends_at = InstantField()
    price_per_kwh = serializers.DecimalField(max_digits=11, decimal_places=6)
    export_price_per_kwh = serializers.DecimalField(
        max_digits=11, decimal_places=6, required=False, allow_null=True
    )


class KnownPriceSerializer(PriceSerializer):
    currency = serializers.CharField()
    published_at = serializers.DateTimeField()


class PublicationSerializer(serializers.Serializer[Any]):
    currency = serializers.RegexField(r"\A[A-Z]{3}\Z")
    prices = serializers.ListField(child=PriceSerializer(), min_length=1, max_length=MOST_PRICES)


class PriceQuerySerializer(Query):
    """The query: `from`, `to`, `as_of`; `from` is a word of Python."""

    to = InstantField()
    as_of = InstantField(required=False)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": InstantField()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        starts_at, ends_at = attrs["from"], attrs["to"]
        if starts_at.year not in YEARS or ends_at.year not in YEARS:
            raise serializers.ValidationError("there are no prices of such years")
        if not timedelta(0) < ends_at - starts_at <= LONGEST_PERIOD:
            raise serializers.ValidationError(
                f"from must be before to, by at most {LONGEST_PERIOD.days} days"
            )
        return attrs


class PricesSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField()
    prices = KnownPriceSerializer(many=True)


class PublishedSerializer(serializers.Serializer[Any]):
    published_at = serializers.DateTimeField(allow_null=True)
    new = serializers.IntegerField()
    known = serializers.IntegerField()
