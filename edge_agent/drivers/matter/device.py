"""An energy device that speaks Matter, through a running python-matter-server."""

from typing import Any

from edge_agent.drivers import numbers
from edge_agent.drivers.documents import device_table
from edge_agent.drivers.matter import clusters
from edge_agent.drivers.matter.client import Client
from edge_agent.drivers.matter.clusters import Endpoint
from edge_agent.drivers.matter.config import MatterConfig
from edge_agent.rm.device import REVERSION_S, Charger, DeviceError, Generator, Identity, Load, Meter, Shape
from vpp.energy_manager.reading import Reading

_OVER = 1.5
_HOUSE_KW = 1000.0
_GRID_OPTIMIZATION = 1
_VENDOR, _PRODUCT, _SOFTWARE, _SERIAL = 1, 3, 10, 15
_ACTIVE_POWER, _VOLTAGE, _FREQUENCY = 8, 4, 14
_IMPORTED, _EXPORTED = 1, 2


class MatterDevice:
    """One endpoint. An adjustment of its power has a duration: it ends by itself when the hub falls silent."""

    def __init__(self, config: MatterConfig) -> None:
        self.key, self.name = config.key, config.name or config.key
        self._config = config
        self._client = Client(config.url, config.node, timeout_s=config.timeout_s)
        self._shape: Shape | None = None

    @property
    def _endpoint(self) -> Endpoint:
        return Endpoint(self._client.attributes, self._config.endpoint)

    @property
    def _measured(self) -> Endpoint:
        number = self._config.measured_at
        return Endpoint(self._client.attributes, self._config.endpoint if number is None else number)

    async def open(self) -> Identity:
        """Connect and look what the endpoint has."""
        await self.close()
        await self._client.connected()
        self._shape = clusters.shape_of(self._endpoint, self._config)
        root = Endpoint(self._client.attributes, 0)
        vendor, product, serial, software = (
            str(root.value(clusters.BASIC, number) or "")
            for number in (_VENDOR, _PRODUCT, _SERIAL, _SOFTWARE)
        )
        return Identity(maker=vendor, model=product, serial=serial, firmware=software)

    def shape(self) -> Shape:
        """What the endpoint can do."""
        if self._shape is None:
            raise DeviceError("is not open")
        return self._shape

    async def read(self) -> Reading:
        """Read the power at the node; the rest is what it reported last."""
        shape = self.shape()
        await self._client.connected()
        measured = self._measured
        path = f"{measured.number}/{clusters.POWER}/{_ACTIVE_POWER}"
        power = clusters.of_milli(await self._client.refreshed(path))
        return Reading(
            power_kw=numbers.power_kw(power, _most_kw(shape, self._config)),
            soc=self._soc(),
            import_kwh=measured.register_kwh(_IMPORTED),
            export_kwh=measured.register_kwh(_EXPORTED),
            voltage_v=numbers.voltage_v(numbers.scaled(measured.value(clusters.POWER, _VOLTAGE), 0.001)),
            frequency_hz=numbers.frequency_hz(
                numbers.scaled(measured.value(clusters.POWER, _FREQUENCY), 0.001)
            ),
            is_ready=self._is_ready(shape),
            faults=self._faults(),
        )

    def _soc(self) -> float | None:
        said = numbers.scaled(self._endpoint.value(clusters.EVSE, clusters.SOC_PCT), 0.01)
        return numbers.soc(said)

    def _is_ready(self, shape: Shape) -> bool:
        endpoint = self._endpoint
        if isinstance(shape, Charger):
            state = endpoint.value(clusters.EVSE, clusters.EVSE_STATE)
            return state not in (None, clusters.NOT_PLUGGED_IN, clusters.EVSE_FAULT)
        state = endpoint.value(clusters.ENERGY_MANAGEMENT, clusters.ESA_STATE)
        opt_out = endpoint.value(clusters.ENERGY_MANAGEMENT, clusters.OPT_OUT)
        has_left = opt_out in (clusters.OPTED_OUT_OF_GRID, clusters.OPTED_OUT)
        return state not in (clusters.OFFLINE, clusters.FAULT) and not has_left

    def _faults(self) -> tuple[str, ...]:
        fault = self._endpoint.value(clusters.EVSE, clusters.FAULT_STATE)
        is_broken = self._endpoint.value(clusters.ENERGY_MANAGEMENT, clusters.ESA_STATE) == clusters.FAULT
        found = [f"EVSE fault {fault}"] if isinstance(fault, int) and fault else []
        return (*found, *["ESA fault"] * is_broken)

    async def write(self, power_kw: float | None) -> None:
        """Adjust the power for as long as a hub may be silent, or limit a charger's current."""
        shape = self.shape()
        if isinstance(shape, Meter | Load) or (isinstance(shape, Generator) and not shape.is_curtailable):
            raise DeviceError("takes no orders", permanent=True)
        await self._client.connected()
        if isinstance(shape, Charger):
            await self._charge(shape, power_kw)
        elif power_kw is None:
            await self._cancel()
        else:
            await self._adjust(power_kw)

    async def _cancel(self) -> None:
        """End an adjustment, if there is one: reports come up to seconds late, so the node is asked."""
        path = f"{self._config.endpoint}/{clusters.ENERGY_MANAGEMENT}/{clusters.ESA_STATE}"
        if await self._client.refreshed(path) == clusters.ADJUSTED:
            await self._command(clusters.ENERGY_MANAGEMENT, "CancelPowerAdjustRequest")

    async def _adjust(self, power_kw: float) -> None:
        """Ask for the allowed power and duration that are nearest."""
        power_mw, duration_s = allowed(
            self._endpoint.value(clusters.ENERGY_MANAGEMENT, clusters.ADJUSTMENT), round(power_kw * 1e6)
        )
        await self._command(
            clusters.ENERGY_MANAGEMENT,
            "PowerAdjustRequest",
            power=power_mw,
            duration=duration_s,
            cause=_GRID_OPTIMIZATION,
        )

    async def _charge(self, shape: Charger, power_kw: float | None) -> None:
        """A current between the least and the most, or none. Given back, the charger charges as it likes.

        No end is set: a car whose hub has died is charged rather than left standing.
        """
        wished = shape.charge_kw if power_kw is None else power_kw
        if wished < max(shape.least_kw, 1e-3):
            await self._command(clusters.EVSE, "Disable", timed=True)
            return
        config = self._config
        most = round(min(wished, shape.charge_kw) / (config.voltage_v * config.phases) * 1e6)
        least = numbers.number(self._endpoint.value(clusters.EVSE, clusters.LEAST_MA)) or 0.0
        await self._command(
            clusters.EVSE, "EnableCharging", timed=True, chargingEnabledUntil=None,
            minimumChargeCurrent=min(round(least), most), maximumChargeCurrent=most,
        )  # fmt: skip

    async def _command(self, cluster: int, name: str, *, timed: bool = False, **payload: Any) -> None:
        await self._client.command(self._config.endpoint, cluster, name=name, timed=timed, **payload)

    async def close(self) -> None:
        """Disconnect; an adjustment that was asked for ends by itself."""
        await self._client.close()


def allowed(capability: Any, power_mw: int) -> tuple[int, int]:
    """The nearest power [mW] that an adjustment may have, and its duration [s], at most REVERSION_S if it may be.

    `capability` is a PowerAdjustCapability struct: field 0 lists (0: least power, 1: most power, 2: least duration,
    3: most duration).
    """
    entries = capability.get("0") if isinstance(capability, dict) else None
    found: list[tuple[int, int, int]] = []
    for entry in entries if isinstance(entries, list) else []:
        said = [entry.get(str(index)) for index in range(4)] if isinstance(entry, dict) else []
        limits = [limit for limit in said if isinstance(limit, int)]
        if len(limits) == 4:
            low, high, shortest, longest = limits
            nearest = min(max(power_mw, low), high)
            found.append((abs(nearest - power_mw), nearest, min(max(REVERSION_S, shortest), longest)))
    if not found:
        raise DeviceError("allows no adjustment of its power now")
    _, nearest, duration = min(found)
    return nearest, duration


def _most_kw(shape: Shape, config: MatterConfig) -> float:
    sizes = [getattr(shape, name, None) for name in ("charge_kw", "discharge_kw", "rated_kw", "peak_kw")]
    known = [size for size in sizes if size is not None]
    return _OVER * max(known) if known else config.rated_kw or _HOUSE_KW


def device_from(document: dict[str, Any]) -> MatterDevice:
    """The device that a table describes."""
    return MatterDevice(device_table(document, MatterConfig))
