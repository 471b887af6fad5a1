"""What a resource manager has said so far: its details, its power, and what its control type holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from s2python.common import CommodityQuantity, ControlType, PowerForecast, PowerMeasurement

from vpp.protocols.s2.ddbc import DemandDriven
from vpp.protocols.s2.frbc import FillRate
from vpp.protocols.s2.ombc import OperationModes
from vpp.protocols.s2.pebc import PowerEnvelopes
from vpp.protocols.s2.ppbc import PowerProfiles
from vpp.protocols.s2.times import after

Held = PowerEnvelopes | PowerProfiles | OperationModes | FillRate | DemandDriven

HOLDERS: Final[dict[ControlType, type[Held]]] = {
    ControlType.POWER_ENVELOPE_BASED_CONTROL: PowerEnvelopes,
    ControlType.POWER_PROFILE_BASED_CONTROL: PowerProfiles,
    ControlType.OPERATION_MODE_BASED_CONTROL: OperationModes,
    ControlType.FILL_RATE_BASED_CONTROL: FillRate,
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: DemandDriven,
}
# The part in front of the dot in a message type.
PREFIX: Final[dict[ControlType, str]] = {
    ControlType.POWER_ENVELOPE_BASED_CONTROL: "PEBC",
    ControlType.POWER_PROFILE_BASED_CONTROL: "PPBC",
    ControlType.OPERATION_MODE_BASED_CONTROL: "OMBC",
    ControlType.FILL_RATE_BASED_CONTROL: "FRBC",
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: "DDBC",
    ControlType.NOT_CONTROLABLE: "NOT_CONTROLABLE",
}
ELECTRIC: Final = frozenset(
    {
        CommodityQuantity.ELECTRIC_POWER_L1,
        CommodityQuantity.ELECTRIC_POWER_L2,
        CommodityQuantity.ELECTRIC_POWER_L3,
        CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC,
    }
)


@dataclass(slots=True)
class Power:
    """What a resource measures and forecasts."""

    measured: PowerMeasurement | None = None
    forecast: PowerForecast | None = None
    # When the measurement came, by our clock.
    heard_at: datetime | None = None

    def watts(self) -> float | None:
        """The electric power measured last [W], all phases together."""
        values = self.measured.values if self.measured else []
        electric = [one.value for one in values if one.commodity_quantity in ELECTRIC]
        return sum(electric) if electric else None

    def expected_watts(self, now: datetime) -> float | None:
        """The electric power forecast for now [W]; None where nothing is said."""
        at = self.forecast.start_time if self.forecast else now
        for element in self.forecast.elements if self.forecast else []:
            until = after(at, element.duration)
            if at <= now < until:
                values = [one for one in element.power_values if one.commodity_quantity in ELECTRIC]
                return sum(one.value_expected for one in values) if values else None
            at = until
        return None
