"""Which entities of a Home Assistant make up a device of the hub."""

from typing import Annotated, Literal

import msgspec

from edge_agent.drivers.documents import Key, KilowattHours, Kilowatts, Seconds

Entity = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+\.[a-z0-9_]+$", max_length=255)]
Url = Annotated[str, msgspec.Meta(pattern=r"^(http|https|ws|wss)://[^\s/]+", max_length=300)]
Celsius = Annotated[float, msgspec.Meta(ge=5, le=80)]
Degrees = Annotated[float, msgspec.Meta(ge=0, le=20)]


class Common(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where Home Assistant is, a long-lived access token, and the sensors of the device. `power` is load convention."""

    kind: Literal["home_assistant"]
    key: Key
    name: str = ""
    url: Url
    token: Annotated[str, msgspec.Meta(min_length=1)]
    power: Entity | None = None
    power_is_reversed: bool = False
    import_energy: Entity | None = None
    export_energy: Entity | None = None
    voltage: Entity | None = None
    temperature: Entity | None = None
    timeout_s: Seconds = 10.0


class SwitchConfig(Common, frozen=True):
    """A switch, with a sensor of its power or the power it draws when it is on."""

    role: Literal["switch"]
    switch: Entity
    rated_kw: Kilowatts
    least_on_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 0.0
    least_off_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 0.0


class BatteryConfig(Common, frozen=True):
    """A battery by a number (its power), a selection (its mode), or both: then the mode lets the number count.

    With a selection alone the battery charges and discharges at its full power.
    """

    role: Literal["battery"]
    soc: Entity
    power: Entity
    capacity_kwh: KilowattHours
    charge_kw: Kilowatts
    discharge_kw: Kilowatts
    number: Entity | None = None
    charge_is_positive: bool = True
    select: Entity | None = None
    mode_own: str | None = None
    mode_ordered: str | None = None
    mode_charge: str | None = None
    mode_discharge: str | None = None
    mode_idle: str | None = None

    def __post_init__(self) -> None:
        if self.number is None and None in self._modes:
            raise ValueError(
                "needs a number, or a select with mode_own, mode_charge, mode_discharge and mode_idle"
            )
        if self.number is not None and self.select is not None and None in {self.mode_own, self.mode_ordered}:
            raise ValueError("number and select together need mode_own and mode_ordered")

    @property
    def _modes(self) -> set[str | None]:
        return {self.select, self.mode_own, self.mode_charge, self.mode_discharge, self.mode_idle}


class HeaterConfig(Common, frozen=True):
    """Heating by its target temperature: more than the comfort to draw power, less to wait."""

    role: Literal["heater"]
    climate: Entity
    rated_kw: Kilowatts
    comfort_c: Celsius
    boost_c: Degrees = 1.0
    setback_c: Degrees = 1.5


class SensorConfig(Common, frozen=True):
    """A meter at the connection point, a metered load, or panels that nobody curtails."""

    role: Literal["meter", "load", "generator"]
    power: Entity
    peak_kw: Kilowatts = 10.0


ROLES: dict[str, type[Common]] = {
    "switch": SwitchConfig,
    "battery": BatteryConfig,
    "heater": HeaterConfig,
    "meter": SensorConfig,
    "load": SensorConfig,
    "generator": SensorConfig,
}
