"""What a home's single resources do beside its canonical quantities: appliances, and strings of panels."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from vpp.energy_manager.member import ROLES
from vpp.energy_manager.units import Unit

POWER: Final = "power_kw"
# What a string gives [kW], never negative; its name follows the slash. One without a name is all of its inverter.
STRING: Final = "string_kw/"
MOST_STRINGS: Final = 32


def string_quantity(name: str) -> str:
    """The quantity of a string of panels."""
    return f"{STRING}{name}"


def details(units: Iterable[Unit], now: datetime) -> dict[tuple[str, str], float]:
    """Powers [kW] by resource and quantity: of every metered load, and of strings where there are several."""
    found: dict[tuple[str, str], float] = {}
    strings: dict[tuple[str, str], float] = {}
    for unit in units:
        reading = unit.reading(now)
        if reading is None or reading.power_kw is None:
            continue
        if unit.role == "load" and unit.key not in ROLES:
            found[unit.key, POWER] = max(0.0, reading.power_kw)
        elif unit.role == "pv":
            told = reading.strings or (("", -reading.power_kw),)
            strings |= {(unit.key, string_quantity(name)): max(0.0, kw) for name, kw in told}
    return found | (strings if 1 < len(strings) <= MOST_STRINGS else {})
