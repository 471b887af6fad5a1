"""What a device offers to an energy manager, by its shape: control types and descriptions, in S2's words and watts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from s2python.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    Duration,
    NumberRange,
    PowerForecastValue,
    PowerRange,
    ResourceManagerDetails,
    Role,
    RoleType,
    Timer,
    Transition,
)
from s2python.frbc import (
    FRBCActuatorDescription,
    FRBCOperationMode,
    FRBCOperationModeElement,
    FRBCStorageDescription,
    FRBCSystemDescription,
)
from s2python.generated.gen_s2 import PEBCPowerEnvelopeConsequenceType, PEBCPowerEnvelopeLimitType
from s2python.ombc import OMBCOperationMode, OMBCSystemDescription
from s2python.ppbc import (
    PPBCPowerProfileDefinition,
    PPBCPowerSequence,
    PPBCPowerSequenceContainer,
    PPBCPowerSequenceElement,
)

from edge_agent.rm.device import (
    Battery,
    Charger,
    Generator,
    Heater,
    Identity,
    Load,
    Meter,
    Program,
    Shape,
    Switch,
)
from vpp.energy_manager.reading import Reading
from vpp.protocols.s2.messages import AllowedLimitRange, PowerConstraints, made
from vpp.units import SECONDS_PER_HOUR, w_from_kw

QUANTITY: Final = CommodityQuantity.ELECTRIC_POWER_L1
# Until when a program that is ready has to be done.
PROGRAM_WINDOW: Final = timedelta(hours=12)
_DELAY_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """An operation mode: power [kW] and rate [fill/s] at factors 0 and 1."""

    name: str
    power_kw: tuple[float, float]
    rate: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Ids:
    """Identifiers that stay the same as long as the device has its key."""

    key: str

    def __call__(self, name: str) -> UUID:
        """The identifier of a part."""
        return uuid5(NAMESPACE_OID, f"{self.key}/{name}")


def control_types(shape: Shape, reading: Reading | None) -> list[ControlType]:
    """What a device offers now: nothing while it takes no orders."""
    if reading is not None and not reading.is_ready and not isinstance(shape, Program):
        return [ControlType.NOT_CONTROLABLE]
    has_level = reading is not None and reading.soc is not None
    match shape:
        case Battery():
            return [ControlType.FILL_RATE_BASED_CONTROL]
        case Generator(is_curtailable=True):
            return [ControlType.POWER_ENVELOPE_BASED_CONTROL]
        case Charger(battery_kwh=kwh):
            return _store_or(ControlType.POWER_ENVELOPE_BASED_CONTROL, kwh if has_level else None)
        case Heater(tank_kwh=kwh, is_modulating=modulating):
            is_store = has_level and modulating
            return _store_or(ControlType.OPERATION_MODE_BASED_CONTROL, kwh if is_store else None)
        case Switch():
            return [ControlType.OPERATION_MODE_BASED_CONTROL]
        case Program():
            return [ControlType.POWER_PROFILE_BASED_CONTROL]
        case _:
            return [ControlType.NOT_CONTROLABLE]


def _store_or(other: ControlType, kwh: float | None) -> list[ControlType]:
    return [ControlType.FILL_RATE_BASED_CONTROL if kwh else other]


def details(
    ids: Ids, name: str, *, shape: Shape, identity: Identity, offers: Sequence[ControlType], message_id: UUID
) -> ResourceManagerDetails:
    """Who the device is and which control types it offers."""
    role = RoleType.ENERGY_CONSUMER
    if isinstance(shape, Battery):
        role = RoleType.ENERGY_STORAGE
    elif isinstance(shape, Generator):
        role = RoleType.ENERGY_PRODUCER
    return made(
        ResourceManagerDetails,
        message_id=message_id,
        resource_id=ids("resource"),
        name=name or None,
        manufacturer=identity.maker or None,
        model=identity.model or None,
        serial_number=identity.serial or None,
        firmware_version=identity.firmware or None,
        roles=[Role(role=role, commodity=Commodity.ELECTRICITY)],
        instruction_processing_delay=Duration.from_milliseconds(_DELAY_MS),
        available_control_types=list(offers),
        provides_forecast=False,
        provides_power_measurement_types=[QUANTITY],
    )


def modes(shape: Shape) -> list[Mode]:
    """The operation modes of a device that has any."""
    match shape:
        case Battery():
            return _battery_modes(shape)
        case Charger(charge_kw=rated, least_kw=least, battery_kwh=kwh):
            per_kw = 1.0 / (kwh * SECONDS_PER_HOUR) if kwh else 0.0
            on = Mode(name="charge", power_kw=(least, rated), rate=(least * per_kw, rated * per_kw))
            return [Mode(name="pause", power_kw=(0.0, 0.0)), on]
        case Heater(rated_kw=rated, tank_kwh=kwh, is_modulating=modulating):
            # How much heat a kWh gives is the device's to know: at least as much as goes in.
            per_kw = 1.0 / (kwh * SECONDS_PER_HOUR) if kwh else 0.0
            least = 0.0 if modulating else rated
            on = Mode(name="heat", power_kw=(least, rated), rate=(least * per_kw, rated * per_kw))
            return [Mode(name="off", power_kw=(0.0, 0.0)), on]
        case Switch(rated_kw=rated):
            return [Mode(name="off", power_kw=(0.0, 0.0)), Mode(name="on", power_kw=(rated, rated))]
        case _:
            return []


def _battery_modes(battery: Battery) -> list[Mode]:
    per_kw = 1.0 / (battery.capacity_kwh * SECONDS_PER_HOUR)
    out = -battery.discharge_kw * per_kw / battery.discharge_efficiency
    into = battery.charge_kw * per_kw * battery.charge_efficiency
    return [
        Mode(name="discharge", power_kw=(-battery.discharge_kw, 0.0), rate=(out, 0.0)),
        Mode(name="charge", power_kw=(0.0, battery.charge_kw), rate=(0.0, into)),
    ]


def power_range(low_kw: float, high_kw: float) -> PowerRange:
    """A range of power, in S2's watts."""
    return PowerRange(
        start_of_range=w_from_kw(low_kw), end_of_range=w_from_kw(high_kw), commodity_quantity=QUANTITY
    )


def _transitions(ids: Ids, shape: Shape) -> tuple[list[Transition], list[Timer]]:
    """Every mode can follow every other, as soon as it has been on or off for long enough."""
    names = [mode.name for mode in modes(shape)]
    least_s = {"on": shape.least_on_s, "off": shape.least_off_s} if isinstance(shape, Switch) else {}
    timers = [
        Timer(id=ids(f"timer {name}"), diagnostic_label=f"least time {name}", duration=milliseconds(seconds))
        for name, seconds in least_s.items()
        if seconds > 0.0
    ]
    known = {timer.id for timer in timers}
    transitions = [
        made(
            Transition,
            id=ids(f"{came_from} to {to}"),
            **{"from": ids(came_from)},
            to=ids(to),
            start_timers=[one for one in [ids(f"timer {to}")] if one in known],
            blocking_timers=[one for one in [ids(f"timer {came_from}")] if one in known],
            abnormal_condition_only=False,
        )
        for came_from in names
        for to in names
        if came_from != to
    ]
    return transitions, timers


def milliseconds(seconds: float) -> Duration:
    """A duration of S2."""
    return Duration.from_milliseconds(round(seconds * 1000))


def store(ids: Ids, shape: Shape, *, now: datetime, message_id: UUID) -> FRBCSystemDescription:
    """A battery, a car or a tank; its fill level is 0 to 1."""
    transitions, timers = _transitions(ids, shape)
    whole = NumberRange(start_of_range=0.0, end_of_range=1.0)
    actuator = made(
        FRBCActuatorDescription,
        id=ids("actuator"),
        supported_commodities=[Commodity.ELECTRICITY],
        operation_modes=[
            FRBCOperationMode(
                id=ids(mode.name),
                diagnostic_label=mode.name,
                abnormal_condition_only=False,
                elements=[
                    FRBCOperationModeElement(
                        fill_level_range=whole,
                        fill_rate=NumberRange(start_of_range=mode.rate[0], end_of_range=mode.rate[1]),
                        power_ranges=[power_range(*mode.power_kw)],
                    )
                ],
            )
            for mode in modes(shape)
        ],
        transitions=transitions,
        timers=timers,
    )
    storage = made(
        FRBCStorageDescription,
        fill_level_label="0 to 1",
        provides_leakage_behaviour=False,
        provides_fill_level_target_profile=False,
        provides_usage_forecast=False,
        fill_level_range=whole,
    )
    return FRBCSystemDescription(message_id=message_id, valid_from=now, actuators=[actuator], storage=storage)


def switched(ids: Ids, shape: Shape, *, now: datetime, message_id: UUID) -> OMBCSystemDescription:
    """Something that is on or off, or between."""
    transitions, timers = _transitions(ids, shape)
    return OMBCSystemDescription(
        message_id=message_id,
        valid_from=now,
        operation_modes=[
            made(
                OMBCOperationMode,
                id=ids(mode.name),
                diagnostic_label=mode.name,
                power_ranges=[power_range(*mode.power_kw)],
                abnormal_condition_only=False,
            )
            for mode in modes(shape)
        ],
        transitions=transitions,
        timers=timers,
    )


def limited(ids: Ids, shape: Generator | Charger, *, now: datetime, message_id: UUID) -> PowerConstraints:
    """The sun, which can be curtailed, or a car whose battery nobody knows."""
    if isinstance(shape, Generator):
        lower, upper = (-shape.peak_kw, 0.0), (0.0, 0.0)
        consequence = PEBCPowerEnvelopeConsequenceType.VANISH
    else:
        lower, upper = (0.0, 0.0), (0.0, shape.charge_kw)
        consequence = PEBCPowerEnvelopeConsequenceType.DEFER
    kinds = {PEBCPowerEnvelopeLimitType.LOWER_LIMIT: lower, PEBCPowerEnvelopeLimitType.UPPER_LIMIT: upper}
    return made(
        PowerConstraints,
        message_id=message_id,
        id=ids("constraints"),
        valid_from=now,
        consequence_type=consequence,
        allowed_limit_ranges=[
            AllowedLimitRange(
                commodity_quantity=QUANTITY,
                limit_type=kind,
                range_boundary=NumberRange(start_of_range=w_from_kw(low), end_of_range=w_from_kw(high)),
                abnormal_condition_only=False,
            )
            for kind, (low, high) in kinds.items()
        ],
    )


def program(shape: Program, *, now: datetime, new_id: Callable[[], UUID]) -> PPBCPowerProfileDefinition:
    """A program that waits to be started: one container with one sequence."""
    sequence = PPBCPowerSequence(
        id=new_id(),
        elements=[
            PPBCPowerSequenceElement(
                duration=milliseconds(shape.phase_s),
                power_values=[
                    made(PowerForecastValue, commodity_quantity=QUANTITY, value_expected=w_from_kw(kw))
                ],
            )
            for kw in shape.phases_kw
        ],
        is_interruptible=shape.is_interruptible,
        max_pause_before=milliseconds(0.0),
        abnormal_condition_only=False,
    )
    return PPBCPowerProfileDefinition(
        message_id=new_id(),
        id=new_id(),
        start_time=now,
        end_time=now + PROGRAM_WINDOW,
        power_sequences_containers=[PPBCPowerSequenceContainer(id=new_id(), power_sequences=[sequence])],
    )


def is_load_only(shape: Shape) -> bool:
    """Whether there is nothing to be told to a device of this shape."""
    return isinstance(shape, Meter | Load) or (isinstance(shape, Generator) and not shape.is_curtailable)
