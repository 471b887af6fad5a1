"""Resources as S2 messages (EN 50491-12-2, JSON as of S2 0.0.2-beta): what a resource manager tells a CEM.

| resource | control type | messages after ResourceManagerDetails |
|---|---|---|
| store (battery, car, building, tank) | FRBC | SystemDescription(s), StorageStatus, targets, leakage, usage |
| appliance | PPBC | PowerProfileDefinition |
| curtailable solar output | PEBC | PowerConstraints, PowerForecast |
| load, other solar output | NOT_CONTROLABLE (S2's spelling) | PowerForecast |

Watts, watt-hours and seconds; signs are alike on both sides. Written after the field descriptions of the S2 JSON schema
(s2standard.org) as the package s2-python carries them. Not said exactly: leakage is proportional to the fill level and
goes out in ten levels; wear is a price per second within a range; a profile or forecast ends after 288 elements, where
neighbors alike count as one. A hybrid heat pump (DDBC) is not there. Ids are derived from the resource's id and the time,
so the same description has the same ids.
"""

from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Horizon
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.translate.s2_messages import (
    MOST_ELEMENTS,
    Message,
    S2Error,
    S2Manager,
    details_of,
    milliseconds,
    number_range,
    power_forecast,
    start_of,
    time_text,
)
from vpp.translate.s2_store import describe_store
from vpp.units import w_from_kw


def describe(resource: Store | Appliance | PvOutput | Load, manager: S2Manager) -> list[Message]:
    """All a resource manager says of a resource over its horizon, its details first.

    Parameters
    ----------
    resource
        With a horizon that has a start.
    manager
        Who speaks.

    Raises
    ------
    S2Error
        For a horizon without a start, a store of no size, or a profile of more than 288 phases.
    """
    if isinstance(resource, Store):
        return describe_store(resource, manager)
    if isinstance(resource, Appliance):
        return _appliance(resource, manager)
    if isinstance(resource, PvOutput):
        return _solar(resource, manager)
    return [
        details_of(resource, manager, control="NOT_CONTROLABLE", role="ENERGY_CONSUMER", forecast=True),
        power_forecast(resource.horizon, manager, power_kw=resource.power_kw),
    ]


def _solar(plant: PvOutput, manager: S2Manager) -> list[Message]:
    horizon, forecast = plant.horizon, power_forecast(plant.horizon, manager, power_kw=-plant.available_kw)
    control = "POWER_ENVELOPE_BASED_CONTROL" if plant.curtailable else "NOT_CONTROLABLE"
    details = details_of(plant, manager, control=control, role="ENERGY_PRODUCER", forecast=True)
    if not plant.curtailable:
        return [details, forecast]
    limits = {
        "UPPER_LIMIT": number_range(0.0, 0.0),
        "LOWER_LIMIT": number_range(-w_from_kw(plant.available_kw.max()), 0.0),
    }
    constraints = manager.message(
        "PEBC.PowerConstraints",
        at=start_of(horizon),
        id=manager.id("constraints", start_of(horizon).isoformat()),
        valid_from=time_text(start_of(horizon)),
        valid_until=time_text(start_of(horizon, horizon.steps)),
        consequence_type="VANISH",
        allowed_limit_ranges=[
            {
                "commodity_quantity": manager.quantity,
                "limit_type": kind,
                "range_boundary": bounds,
                "abnormal_condition_only": False,
            }
            for kind, bounds in limits.items()
        ],
    )
    return [details, constraints, forecast]


def _appliance(appliance: Appliance, manager: S2Manager) -> list[Message]:
    """A run that may pause is a container for each phase, with the window's slack as the longest pause before it."""
    horizon, window, profile = appliance.horizon, appliance.window, list(appliance.profile)
    if len(profile) > MOST_ELEMENTS:
        raise S2Error(f"{appliance.name} has {len(profile)} phases, S2 has room for {MOST_ELEMENTS}")
    slack = milliseconds(horizon, len(window) - len(profile))
    sequences = [[power] for power in profile] if appliance.interruptible else [profile]
    definition = manager.message(
        "PPBC.PowerProfileDefinition",
        at=start_of(horizon),
        id=manager.id("profile", start_of(horizon).isoformat()),
        start_time=time_text(start_of(horizon, window.start)),
        end_time=time_text(start_of(horizon, window.stop)),
        power_sequences_containers=[
            {
                "id": manager.id("container", place),
                "power_sequences": [
                    {
                        "id": manager.id("sequence", place),
                        "elements": [_phase(horizon, manager, power_kw=float(power)) for power in powers],
                        "is_interruptible": False,
                        "max_pause_before": slack if place else 0,
                        "abnormal_condition_only": False,
                    }
                ],
            }
            for place, powers in enumerate(sequences)
        ],
    )
    control = "POWER_PROFILE_BASED_CONTROL"
    return [
        details_of(appliance, manager, control=control, role="ENERGY_CONSUMER", forecast=False),
        definition,
    ]


def _phase(horizon: Horizon, manager: S2Manager, *, power_kw: float) -> Message:
    value = {"value_expected": w_from_kw(power_kw), "commodity_quantity": manager.quantity}
    return {"duration": milliseconds(horizon), "power_values": [value]}
