"""The methods' names and titles, for doors that let people choose without loading any arithmetic."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mean_10_of_10": "Mean 10 of 10, additive same-day adjustment",
        "caiso_10_of_10": "CAISO 10-of-10, same-day adjustment",
        "residential_5_of_10": "Residential 5-of-10, adjusted before and after",
        "weather_matching": "CAISO weather matching, 4 of 90 days",
        "weather_matching_weekend_3_of_5": "CAISO weather matching, weekend 3 of 5",
        "pjm_high_4_of_5": "PJM high 4 of 5, additive",
        "pjm_same_day": "PJM Same Day (3+2)",
        "pjm_match_day": "PJM Match Day (3-day average)",
        "iso_ne_10_of_10": "ISO-NE mean 10-of-10",
        "ercot_middle_8_of_10": "ERCOT middle 8-of-10",
        "ercot_matching_day_pair": "ERCOT matching day pair",
        "ercot_regression": "ERCOT regression on temperature",
        "nyiso_high_5_of_10": "NYISO high 5 of 10, 80 to 120 %",
        "aemo_all_days": "AEMO WDR, all days",
        "aemo_business_days": "AEMO WDR, business days",
        "aemo_non_business_days": "AEMO WDR, non-business days",
        "aemo_composite": "AEMO WDR, business and non-business days",
        "japan_high_4_of_5": "Japan High 4 of 5",
        "meter_before_after": "Meter before / meter after",
    }
)
DEFAULT_METHOD: Final = "mean_10_of_10"
NEED_TEMPERATURES: Final = frozenset(
    {"weather_matching", "weather_matching_weekend_3_of_5", "ercot_regression"}
)
# Telemetry holds no outdoor temperatures, so that a program cannot choose what needs them.
PROGRAM_METHODS: Final = tuple(name for name in TITLES if name not in NEED_TEMPERATURES)
