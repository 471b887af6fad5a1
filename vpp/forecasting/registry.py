"""Forecasting methods by name, so that configuration can choose one."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from vpp.forecasting.backtest import Calculate
from vpp.forecasting.clear_sky import clear_sky
from vpp.forecasting.learned import learned
from vpp.forecasting.persistence import persistence
from vpp.forecasting.price import price_by_time
from vpp.forecasting.question import ForecastError
from vpp.forecasting.seasonal_mean import seasonal_mean, seasonal_mean_by_day_type

QUANTITIES: Final = ("load", "pv", "net", "price")


@dataclass(frozen=True, slots=True)
class Method:
    """A named way to forecast; `history_days` is how far back it looks [d]."""

    name: str
    title: str
    calculate: Calculate
    history_days: int = 28


_ALL = (
    Method("seasonal_mean", "Mean of the latest 7 days", seasonal_mean),
    Method(
        "seasonal_mean_by_day_type",
        "Mean of 5 days of the same type",
        seasonal_mean_by_day_type,
        history_days=42,
    ),
    Method("persistence", "The latest day", persistence),
    Method("clear_sky", "Clear sky times the latest days' clearness", clear_sky),
    Method("learned", "Gradient-boosted trees", learned, history_days=49),
    Method("price_by_time", "Mean price of 5 days of the same type", price_by_time, history_days=42),
)
METHODS: Final[Mapping[str, Method]] = MappingProxyType({method.name: method for method in _ALL})


def method_named(name: str) -> Method:
    """Look a method up; an unknown name is refused with the known ones."""
    if name not in METHODS:
        raise ForecastError(f"no forecasting method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]


def default_method(quantity: str, *, has_place: bool) -> Method:
    """The method where nobody chose, by quantity: load, pv, net or price.

    The sun for PV where the place is known, the time of day for prices, else the seasonal mean.
    """
    if quantity not in QUANTITIES:
        raise ForecastError(f"no quantity {quantity!r}; there are {', '.join(QUANTITIES)}")
    if quantity == "price":
        return METHODS["price_by_time"]
    return METHODS["clear_sky" if quantity == "pv" and has_place else "seasonal_mean"]
