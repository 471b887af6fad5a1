"""The methods' names and titles, for doors that let people choose without loading any arithmetic."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mean_10_of_10": "Mean 10 of 10, additive same-day adjustment",
        "caiso_10_of_10": "CAISO 10-of-10, same-day adjustment",
        "residential_5_of_10": "Residential 5-of-10, adjusted before and after",
        "pjm_high_4_of_5": "PJM high 4 of 5, additive",
        "pjm_same_day": "PJM Same Day (3+2)",
        "pjm_match_day": "PJM Match Day (3-day average)",
        "iso_ne_10_of_10": "ISO-NE mean 10-of-10",
        "ercot_middle_8_of_10": "ERCOT middle 8-of-10",
        "nyiso_high_5_of_10": "NYISO high 5 of 10, 80 to 120 %",
        "japan_high_4_of_5": "Japan High 4 of 5",
        "meter_before_after": "Meter before / meter after",
    }
)
DEFAULT_METHOD: Final = "mean_10_of_10"
PROGRAM_METHODS: Final = tuple(TITLES)
