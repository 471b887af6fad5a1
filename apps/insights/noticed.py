"""What a detector says of a home, and the values that are drawn beside it."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from apps.insights.data import DAYS, QUARTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.insights.data import Floats

CENT = Decimal("0.01")


@dataclasses.dataclass(frozen=True)
class Noticed:
    """One thing noticed; `series` are drawn values by label, `name` what the household calls a single resource."""

    kind: str
    resource: str
    confidence: float
    evidence: dict[str, float]
    series: dict[str, Any]
    severity: str = "info"
    amount_per_week: Decimal | None = None
    name: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.resource}"


def money(amount: float) -> Decimal:
    """Return an amount to the cent."""
    return Decimal(str(amount)).quantize(CENT)


def by_day(values: dict[str, Floats], *, unit: str) -> dict[str, Any]:
    """One value a day."""
    return _drawn("day", values, unit=unit)


def by_week(values: dict[str, Floats], *, unit: str) -> dict[str, Any]:
    """One value a week."""
    return _drawn("week", values, unit=unit)


def by_quarter(values: dict[str, Floats], *, unit: str) -> dict[str, Any]:
    """One value for each quarter-hour of the local day."""
    return _drawn("quarter", values, unit=unit)


def mean_day(values: dict[str, Floats], *, unit: str = "kW") -> dict[str, Any]:
    """The mean of all days, by quarter-hour of the local day."""
    means = {name: row.reshape(DAYS, QUARTERS).mean(axis=0) for name, row in values.items()}
    return by_quarter(means, unit=unit)


def _drawn(step: str, values: dict[str, Floats], *, unit: str) -> dict[str, Any]:
    return {"unit": unit, "step": step, "values": {name: _known(row) for name, row in values.items()}}


def _known(row: Iterable[float]) -> list[float | None]:
    return [round(float(one), 3) if math.isfinite(one) else None for one in row]
