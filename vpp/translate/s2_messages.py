"""What all S2 messages of this package have in common."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID, uuid5

from vpp.errors import VppError
from vpp.resources.horizon import Floats, Horizon
from vpp.units import MS_PER_SECOND, SECONDS_PER_HOUR, w_from_kw

Message = dict[str, Any]
MOST_ELEMENTS: Final = 288


class S2Error(VppError):
    """A resource that S2 has no words for as it is."""

    code = "not_expressible_in_s2"


@dataclass(frozen=True, slots=True)
class S2Manager:
    """Who speaks: the resource manager's id, the currency of its costs, and the quantity it is connected by."""

    resource_id: UUID
    currency: str = "EUR"
    quantity: str = "ELECTRIC.POWER.L1"
    delay_s: float = 1.0

    def id(self, *parts: object) -> str:
        """An id within this resource manager."""
        return str(uuid5(self.resource_id, "/".join(map(str, parts))))

    def message(self, kind: str, *, at: datetime, **fields: Any) -> Message:
        """A message of a kind, with its id."""
        return {"message_type": kind, "message_id": self.id(kind, at.isoformat()), **fields}


def start_of(horizon: Horizon, step: int = 0) -> datetime:
    """The instant a step begins; S2Error for a horizon without a start."""
    if horizon.starts_at is None:
        raise S2Error("S2 speaks of instants: the horizon needs a start")
    return horizon.starts_at + timedelta(hours=horizon.step_h * step)


def time_text(at: datetime) -> str:
    """An instant as S2 writes it."""
    return at.isoformat(timespec="milliseconds")


def milliseconds(horizon: Horizon, steps: float = 1) -> int:
    """The length of steps [ms]."""
    return round(steps * horizon.step_h * SECONDS_PER_HOUR * MS_PER_SECOND)


def number_range(start: float, end: float) -> Message:
    """S2's NumberRange."""
    return {"start_of_range": float(start), "end_of_range": float(end)}


def details_of(resource: Any, manager: S2Manager, *, control: str, role: str, forecast: bool) -> Message:
    """What a resource manager says of itself first."""
    return manager.message(
        "ResourceManagerDetails",
        at=start_of(resource.horizon),
        resource_id=str(manager.resource_id),
        name=resource.name,
        roles=[{"role": role, "commodity": "ELECTRICITY"}],
        instruction_processing_delay=round(manager.delay_s * MS_PER_SECOND),
        available_control_types=[control],
        currency=manager.currency,
        provides_forecast=forecast,
        provides_power_measurement_types=[manager.quantity],
    )


def merged(parts: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Neighbors (milliseconds, value) of one value made one, cut off at what a message may hold."""
    joined = [
        (sum(length for length, _ in group), value)
        for value, group in ((value, list(same)) for value, same in groupby(parts, key=lambda part: part[1]))
    ]
    return joined[:MOST_ELEMENTS]


def power_forecast(horizon: Horizon, manager: S2Manager, *, power_kw: Floats) -> Message:
    """The power that is expected, as far as a message reaches."""
    parts = merged((milliseconds(horizon), w_from_kw(float(power))) for power in power_kw)
    return manager.message(
        "PowerForecast",
        at=start_of(horizon),
        start_time=time_text(start_of(horizon)),
        elements=[
            {
                "duration": length,
                "power_values": [{"value_expected": watts, "commodity_quantity": manager.quantity}],
            }
            for length, watts in parts
        ],
    )
