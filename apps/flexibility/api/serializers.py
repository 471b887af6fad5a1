"""JSON of forecasts."""

from typing import Any

from rest_framework import serializers

from apps.flexibility.models import ForecastValues


class ForecastQuerySerializer(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField(required=False)


def forecast_json(values: ForecastValues) -> dict[str, Any]:
    """Return a forecast with its run: when it was issued is part of what it says."""
    run = values.run
    return {
        "quantity": run.quantity,
        "site_id": values.site_id,
        "issued_at": run.issued_at,
        "starts_at": run.starts_at,
        "interval_s": run.step_s,
        "method": values.method,
        "homes": values.homes,
        "note": values.note,
        "mean_kw": values.mean_kw,
        "levels": run.levels,
        "quantiles_kw": values.quantiles_kw,
    }
