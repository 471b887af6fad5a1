"""Homes as Google Home's devices: types, traits, states (https://developers.home.google.com/cloud-to-cloud/traits)."""

from typing import Any, Final

from django.utils.translation import gettext as _

from apps.assistants.makers import is_told
from apps.assistants.models import Maker
from apps.assistants.selectors import HomeNow, Thing
from apps.assistants.services import MODES

TYPE: Final = "action.devices.types."
TRAIT: Final = "action.devices.traits."
# Upper ends of the bands that the sun's production is told in [kW]; the last one is open.
BANDS: Final = (
    (0.02, "none"),
    (1.0, "under_1_kw"),
    (2.0, "1_to_2_kw"),
    (5.0, "2_to_5_kw"),
    (10.0, "5_to_10_kw"),
)
ABOVE: Final = "over_10_kw"
RESERVES: Final = tuple(str(one) for one in range(0, 101, 10))
_LEVELS: Final = ((5, "CRITICALLY_LOW"), (25, "LOW"), (70, "MEDIUM"), (95, "HIGH"))


def described(thing: Thing) -> dict[str, Any]:
    """Return a device of the answer to SYNC."""
    kind, traits, attributes = _shape(thing)
    return {
        "id": thing.key,
        "type": TYPE + kind,
        "traits": [TRAIT + one for one in traits],
        "name": {
            "name": name_of(thing),
            "defaultNames": ["ORES " + thing.kind],
            "nicknames": [name_of(thing)],
        },
        "willReportState": is_told(Maker.GOOGLE),
        "attributes": attributes,
        "deviceInfo": {"manufacturer": "ORES", "model": thing.kind},
    }


def state(thing: Thing) -> dict[str, Any]:
    """Return a device's state; what nobody measured lately is left out."""
    home = thing.home
    common: dict[str, Any] = {"online": home.is_online, "status": "SUCCESS" if home.is_online else "OFFLINE"}
    if thing.kind == "home":
        reserve = str(min(100, max(0, round(home.reserve_pct / 10) * 10)))
        return common | {
            "on": home.is_online,
            "currentModeSettings": {"mode": home.site.mode, "reserve": reserve},
        }
    if not home.is_online:
        return common
    return common | (_battery_state(home) if thing.kind == "battery" else _sun_state(home))


def name_of(thing: Thing) -> str:
    """Return what people call it."""
    names = {
        "home": "%(home)s",
        "battery": _("%(home)s battery"),
        "sun": _("%(home)s solar"),
    }
    return names[thing.kind] % {"home": thing.home.site.name}


def _shape(thing: Thing) -> tuple[str, list[str], dict[str, Any]]:
    if thing.kind == "battery":
        attributes = {"isRechargeable": True, "queryOnlyEnergyStorage": not thing.home.may_control}
        return "CHARGER", ["EnergyStorage"], attributes
    if thing.kind == "sun":
        bands = [name for _most, name in BANDS] + [ABOVE]
        modes = [_mode("production", bands, ordered=True)]
        return (
            "SWITCH",
            ["OnOff", "Modes"],
            {"queryOnlyOnOff": True, "queryOnlyModes": True, "availableModes": modes},
        )
    modes = [_mode("mode", list(MODES), ordered=False), _mode("reserve", list(RESERVES), ordered=True)]
    return "SWITCH", ["OnOff", "Modes"], {
        "queryOnlyOnOff": True, "queryOnlyModes": not thing.home.may_control, "availableModes": modes,
    }  # fmt: skip


def _mode(name: str, settings: list[str], *, ordered: bool) -> dict[str, Any]:
    return {
        "name": name,
        "name_values": [{"name_synonym": [name], "lang": "en"}],
        "settings": [
            {
                "setting_name": one,
                "setting_values": [{"setting_synonym": [one.replace("_", " ")], "lang": "en"}],
            }
            for one in settings
        ],
        "ordered": ordered,
    }


def _battery_state(home: HomeNow) -> dict[str, Any]:
    percent = home.soc_pct
    if percent is None:
        return {"descriptiveCapacityRemaining": "MEDIUM", "isCharging": home.is_charging}
    level = next((name for most, name in _LEVELS if percent < most), "FULL")
    return {
        "descriptiveCapacityRemaining": level,
        "capacityRemaining": [{"rawValue": percent, "unit": "PERCENTAGE"}],
        "capacityUntilFull": [{"rawValue": 100 - percent, "unit": "PERCENTAGE"}],
        "isCharging": home.is_charging,
        "isPluggedIn": True,
    }


def _sun_state(home: HomeNow) -> dict[str, Any]:
    kw = home.production_kw or 0.0
    band = next((name for most, name in BANDS if kw < most), ABOVE)
    return {"on": band != "none", "currentModeSettings": {"production": band}}
