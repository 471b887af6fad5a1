"""Homes as Alexa's endpoints: capabilities and properties (https://developer.amazon.com/docs/alexa/device-apis)."""

import re
from datetime import datetime
from typing import Any, Final

from apps.assistants.google_things import name_of
from apps.assistants.makers import is_told
from apps.assistants.models import Maker
from apps.assistants.selectors import HomeNow, Thing
from apps.assistants.services import MODES

MODE, RESERVE, CHARGE, CHARGING, POWER = (
    "Home.Mode",
    "Battery.Reserve",
    "Battery.Charge",
    "Battery.Charging",
    "Sun.Power",
)
MOST_KW: Final = 100.0
UNCERTAINTY_MS: Final = 60_000
_PERCENT: Final = (0, 100, 1)


def endpoint(thing: Thing) -> dict[str, Any]:
    """Return an endpoint of the answer to Discover."""
    return {
        "endpointId": thing.key,
        "manufacturerName": "ORES",
        "friendlyName": re.sub(r"[^\w ]+", " ", name_of(thing))[:128].strip() or thing.key,
        "description": f"ORES Cloud: {thing.kind}",
        "displayCategories": ["OTHER"],
        "cookie": {},
        "capabilities": [
            {"type": "AlexaInterface", "interface": "Alexa", "version": "3"},
            _capability("EndpointHealth", "connectivity"),
            *_own(thing),
        ],
    }


def properties(thing: Thing, *, now: datetime) -> list[dict[str, Any]]:
    """Return what is known of an endpoint; what nobody measured lately is left out."""
    home = thing.home
    found = _values(thing.kind, home)
    health = {"value": "OK" if home.is_online else "UNREACHABLE"}
    rows = [("EndpointHealth", "", "connectivity", health), *found]
    return [
        {
            "namespace": f"Alexa.{interface}", **({"instance": instance} if instance else {}), "name": name,
            "value": value, "timeOfSample": f"{now:%Y-%m-%dT%H:%M:%SZ}", "uncertaintyInMilliseconds": UNCERTAINTY_MS,
        }
        for interface, instance, name, value in rows if value is not None
    ]  # fmt: skip


def _values(kind: str, home: HomeNow) -> list[tuple[str, str, str, Any]]:
    if kind == "home":
        return [("ModeController", MODE, "mode", f"Mode.{home.site.mode}")]
    if kind == "sun":
        kw = None if home.production_kw is None else round(min(home.production_kw, MOST_KW), 1)
        return [("RangeController", POWER, "rangeValue", kw)]
    return [
        ("RangeController", CHARGE, "rangeValue", home.soc_pct),
        ("RangeController", RESERVE, "rangeValue", home.reserve_pct),
        ("ToggleController", CHARGING, "toggleState", "ON" if home.charge_asked else "OFF"),
    ]


def _own(thing: Thing) -> list[dict[str, Any]]:
    fixed = not thing.home.may_control
    if thing.kind == "home":
        modes = [{"value": f"Mode.{one}", "modeResources": _called(one.replace("_", " "))} for one in MODES]
        how = {"ordered": False, "supportedModes": modes}
        return [
            _capability(
                "ModeController", "mode", instance=MODE, called="mode", fixed=fixed, configuration=how
            )
        ]
    if thing.kind == "sun":
        return [_range(POWER, "production", bounds=(0, 100, 0.1), fixed=True)]
    return [
        _range(CHARGE, "charge level", bounds=_PERCENT, fixed=True, unit="Alexa.Unit.Percent"),
        _range(RESERVE, "reserve", bounds=_PERCENT, fixed=fixed, unit="Alexa.Unit.Percent"),
        _capability("ToggleController", "toggleState", instance=CHARGING, called="charging", fixed=fixed),
    ]


def _range(
    instance: str, called: str, *, bounds: tuple[float, float, float], fixed: bool, unit: str = ""
) -> dict[str, Any]:
    least, most, step = bounds
    how: dict[str, Any] = {"supportedRange": {"minimumValue": least, "maximumValue": most, "precision": step}}
    how |= {"unitOfMeasure": unit} if unit else {}
    return _capability(
        "RangeController", "rangeValue", instance=instance, called=called, fixed=fixed, configuration=how
    )


def _capability(
    interface: str,
    name: str,
    *,
    instance: str = "",
    called: str = "",
    fixed: bool = False,
    configuration: dict[str, Any] | None = None,
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "supported": [{"name": name}],
        "proactivelyReported": is_told(Maker.ALEXA),
        "retrievable": True,
    }
    found: dict[str, Any] = {"type": "AlexaInterface", "interface": f"Alexa.{interface}", "version": "3"}
    if instance:
        told["nonControllable"] = fixed
        found |= {"instance": instance, "capabilityResources": _called(called)}
    return found | {"properties": told} | ({"configuration": configuration} if configuration else {})


def _called(text: str) -> dict[str, Any]:
    return {"friendlyNames": [{"@type": "text", "value": {"text": text, "locale": "en-US"}}]}
