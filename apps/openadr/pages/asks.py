"""What an operator can ask for, in plain words, and the payload that says it in OpenADR 3.1."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vpp.translate.openadr3 import ALERT_LEVELS, ALERTS_HOLD


@dataclass(frozen=True)
class Ask:
    """One kind of wish; a typed value times `factor` goes over the wire.

    `is_text`: a text instead of values. `is_raw`: values for devices instead, the same in all intervals.
    """

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
    is_raw: bool = False

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


def _device(
    payload: str, label: str, *, hint: str, least: float | None = None, most: float | None = None
) -> Ask:
    says = f"Passed on to hubs as it is; devices that know {payload} act on it. {hint}"
    key = f"device_{payload.lower()}"
    return Ask(key, label, payload, "", says, group="Devices", least=least, most=most, is_raw=True)


_DEVICES: Final = (
    _device("CURVE", "Inverters: a curve", hint="Points x,y, e.g. 101,100 104,20"),
    _device("OLS", "Optimum load shape", hint="Shares from 0 to 1, e.g. 0.2 0.5 1", least=0, most=1),
    _device("DISPATCH_INSTRUCTION", "A dispatch instruction", hint="Words or numbers, as agreed."),
    _device("CONTROL_SETPOINT", "Load control: setpoint", hint="Words or numbers, as agreed."),
    _device(
        "CONTROL_LEVEL_OFFSET", "Load control: offset", hint="A level from -10 to 10.", least=-10, most=10
    ),
    _device(
        "CONTROL_LEVEL_OFFSET_PERCENT",
        "Load control: offset in percent",
        hint="From -1 to 1.",
        least=-1,
        most=1,
    ),
    _device("CTA2045_REBOOT", "CTA-2045: reboot", hint="0: soft, 1: hard.", least=0, most=1),
    _device(
        "CTA2045_SET_OVERRIDE_STATUS", "CTA-2045: override", hint="0: none, 1: override.", least=0, most=1
    ),
)


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
    for one in (
        *_POWER,
        *_PRICES,
        *_DEVICES,
        *map(_alert, [*ALERT_LEVELS, *sorted(ALERTS_HOLD), "ALERT_OTHER"]),
    )
}


def grouped() -> dict[str, list[Ask]]:
    """Return all kinds by their group, for the form."""
    found: dict[str, list[Ask]] = {}
    for one in ASKS.values():
        found.setdefault(one.group, []).append(one)
    return found
