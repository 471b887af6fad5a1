"""What an operator can ask for, in plain words, and the payload that says it in OpenADR 3.1."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vpp.translate.openadr3 import ALERT_LEVELS, ALERTS_HOLD


@dataclass(frozen=True)
class Ask:
    """One kind of wish; a typed value times `factor` goes over the wire. `whole_text`: a text instead of values."""

    key: str
    label: str
    payload: str
    unit: str
    says: str
    group: str = "Power"
    units: str = ""
    factor: float = 1.0
    least: float | None = None
    most: float | None = None
    is_text: bool = False

    @property
    def is_money(self) -> bool:
        return self.payload in {"PRICE", "EXPORT_PRICE"}

    def descriptor(self, *, currency: str) -> dict[str, Any] | None:
        """Return the payload descriptor, where values have units."""
        if not self.units:
            return None
        described = {
            "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
            "payloadType": self.payload,
            "units": self.units,
        }
        return {**described, "currency": currency} if self.is_money else described


_POWER: Final = (
    Ask("shed", "Draw less than usual", "DISPATCH_SETPOINT_RELATIVE", "kW",
        "All homes together draw so many kW less than they usually would. Measured and paid.",
        units="KW", factor=-1.0, least=0.0),
    Ask("setpoint", "Draw this much in total", "DISPATCH_SETPOINT", "kW",
        "All homes of the program together draw no more than this. Measured and paid.", units="KW"),
    Ask("level", "A level from 0 to 3", "SIMPLE", "level",
        "1, 2 and 3 ask for the program's shares of what the homes can hold; 0 asks for nothing. Measured and paid.",
        least=0.0, most=3.0),
    Ask("import_limit", "Limit the import", "IMPORT_CAPACITY_LIMIT", "kW",
        "Homes draw no more than this; whether each or all together is a rule of the program.", units="KW", least=0.0),
    Ask("export_limit", "Limit the export", "EXPORT_CAPACITY_LIMIT", "kW",
        "Homes feed in no more than this; whether each or all together is a rule of the program.", units="KW", least=0.0),
    Ask("charge_state", "Keep batteries this full", "CHARGE_STATE_SETPOINT", "%",
        "Every battery holds at least this share of its energy.", units="PERCENT", factor=0.01, least=0.0, most=100.0),
)  # fmt: skip
_PRICES: Final = (
    Ask("price", "Price of drawing", "PRICE", "per kWh",
        "Batteries are planned by what a kWh from the grid costs.", group="Prices", units="KWH"),
    Ask("export_price", "Price of feeding in", "EXPORT_PRICE", "per kWh",
        "Batteries are planned by what a kWh into the grid earns.", group="Prices", units="KWH"),
    Ask("ghg", "Greenhouse gas", "GHG", "g/kWh",
        "Counts as a price: the program says what a kilogram costs.", group="Prices", least=0.0),
)  # fmt: skip


def _alert(name: str) -> Ask:
    if name in ALERT_LEVELS:
        does = f"Homes are asked for level {ALERT_LEVELS[name]}, and people are shown the text."
    elif name in ALERTS_HOLD:
        does = "Batteries are kept full, and people are shown the text."
    else:
        does = "People are shown the text; nothing else is done."
    label = name.removeprefix("ALERT_").replace("_", " ").capitalize()
    return Ask(name.lower(), f"Alert: {label.lower()}", name, "", does, group="Alerts", is_text=True)


ASKS: Final[Mapping[str, Ask]] = {
    one.key: one
    for one in (*_POWER, *_PRICES, *map(_alert, [*ALERT_LEVELS, *sorted(ALERTS_HOLD), "ALERT_OTHER"]))
}


def grouped() -> dict[str, list[Ask]]:
    """Return all kinds by their group, for the form."""
    found: dict[str, list[Ask]] = {}
    for one in ASKS.values():
        found.setdefault(one.group, []).append(one)
    return found
