"""A store in S2's FRBC: modes with fill rates, leakage, usage and targets, in watts, watt-hours and seconds."""

from itertools import pairwise, permutations
from math import log
from typing import Final

import numpy as np

from vpp.resources.store import Store
from vpp.translate.s2_messages import (
    Message,
    S2Error,
    S2Manager,
    details_of,
    merged,
    milliseconds,
    number_range,
    start_of,
    time_text,
)
from vpp.units import MS_PER_SECOND, SECONDS_PER_HOUR, w_from_kw

LEAK_LEVELS: Final = 10


def describe_store(store: Store, manager: S2Manager) -> list[Message]:
    """A store's messages, its details first; S2Error where it can store nothing."""
    if not store.most_kwh.max() > 0:
        raise S2Error(f"{store.name} can store nothing")
    role = "ENERGY_STORAGE" if store.discharges else "ENERGY_CONSUMER"
    details = details_of(store, manager, control="FILL_RATE_BASED_CONTROL", role=role, forecast=False)
    status = manager.message(
        "FRBC.StorageStatus", at=start_of(store.horizon), present_fill_level=1000.0 * store.start_kwh
    )
    messages = [details, *_systems(store, manager), status, _targets(store, manager)]
    if store.retention < 1:
        messages.append(_leakage(store, manager))
    if store.drain_kwh.any():
        messages.append(_usage(store, manager))
    return messages


def _systems(store: Store, manager: S2Manager) -> list[Message]:
    """A description from each step on in which powers or efficiency are others than before."""
    systems, before = [], None
    for step in range(store.horizon.steps):
        now = (store.charge_kw[step], store.discharge_kw[step], store.charge_efficiency[step])
        if now != before:
            systems.append(_system(store, manager, step=step))
        before = now
    return systems


def _system(store: Store, manager: S2Manager, *, step: int) -> Message:
    at = start_of(store.horizon, step)
    modes = _modes(store, manager, step=step)
    names = [mode["diagnostic_label"] for mode in modes]
    allowed = [pair for pair in permutations(names, 2) if not (store.uninterrupted and pair[1] == "charge")]
    return manager.message(
        "FRBC.SystemDescription",
        at=at,
        valid_from=time_text(at),
        actuators=[
            {
                "id": manager.id("actuator"),
                "supported_commodities": ["ELECTRICITY"],
                "operation_modes": modes,
                "transitions": [
                    {
                        "id": manager.id("transition", *pair),
                        "from": manager.id("mode", pair[0]),
                        "to": manager.id("mode", pair[1]),
                        "start_timers": [],
                        "blocking_timers": [],
                        "abnormal_condition_only": False,
                    }
                    for pair in allowed
                ],
                "timers": [],
            }
        ],
        storage={
            "fill_level_label": "Wh",
            "provides_leakage_behaviour": store.retention < 1,
            "provides_fill_level_target_profile": True,
            "provides_usage_forecast": bool(store.drain_kwh.any()),
            "fill_level_range": number_range(0.0, _largest_wh(store)),
        },
    )


def _modes(store: Store, manager: S2Manager, *, step: int) -> list[Message]:
    """Charging, discharging and rest; a power's fill rate is proportional to it."""
    charge_kw, discharge_kw = float(store.charge_kw[step]), float(store.discharge_kw[step])
    modes = [_mode(store, manager, label="idle", power_kw=(0.0, 0.0), per_drawn=1.0)]
    if charge_kw > 0 and charge_kw >= store.min_charge_kw:
        into = float(store.charge_efficiency[step])
        powers = (store.min_charge_kw, charge_kw)
        modes.append(_mode(store, manager, label="charge", power_kw=powers, per_drawn=into))
    if discharge_kw > 0:
        out, powers = 1.0 / store.discharge_efficiency, (-discharge_kw, 0.0)
        worn = store.wear_per_kwh * discharge_kw / SECONDS_PER_HOUR
        modes.append(_mode(store, manager, label="discharge", power_kw=powers, per_drawn=out, worn=worn))
    return modes


def _mode(
    store: Store,
    manager: S2Manager,
    *,
    label: str,
    power_kw: tuple[float, float],
    per_drawn: float,
    worn: float = 0.0,
) -> Message:
    watts = [w_from_kw(power) for power in power_kw]
    element = {
        "fill_level_range": number_range(0.0, _largest_wh(store)),
        "fill_rate": number_range(*(value * per_drawn / SECONDS_PER_HOUR for value in watts)),
        "power_ranges": [{**number_range(*watts), "commodity_quantity": manager.quantity}],
    }
    if worn:
        element["running_costs"] = number_range(0.0, worn)
    return {
        "id": manager.id("mode", label),
        "diagnostic_label": label,
        "elements": [element],
        "abnormal_condition_only": False,
    }


def _largest_wh(store: Store) -> float:
    return 1000.0 * max(float(store.most_kwh.max()), store.start_kwh)


def _targets(store: Store, manager: S2Manager) -> Message:
    """Between two steps' ends either end's bounds; in the last second of a step those of its end."""
    least, most = 1000.0 * store.least_kwh, 1000.0 * store.most_kwh
    begins_least = np.concatenate([[min(1000.0 * store.start_kwh, least[0])], least[:-1]])
    begins_most = np.concatenate([[max(1000.0 * store.start_kwh, most[0])], most[:-1]])
    parts = []
    step_ms = milliseconds(store.horizon)
    last_ms = min(MS_PER_SECOND, step_ms)
    for step in range(store.horizon.steps):
        between = (min(begins_least[step], least[step]), max(begins_most[step], most[step]))
        parts += [(step_ms - last_ms, between), (last_ms, (least[step], most[step]))]
    return manager.message(
        "FRBC.FillLevelTargetProfile",
        at=start_of(store.horizon),
        start_time=time_text(start_of(store.horizon)),
        elements=[
            {"duration": length, "fill_level_range": number_range(*bounds)}
            for length, bounds in merged(parts)
        ],
    )


def _leakage(store: Store, manager: S2Manager) -> Message:
    share_per_s = -log(store.retention) / (store.horizon.step_h * SECONDS_PER_HOUR)
    levels = np.linspace(0.0, _largest_wh(store), LEAK_LEVELS + 1)
    return manager.message(
        "FRBC.LeakageBehaviour",
        at=start_of(store.horizon),
        valid_from=time_text(start_of(store.horizon)),
        elements=[
            {
                "fill_level_range": number_range(low, high),
                "leakage_rate": float(share_per_s * (low + high) / 2),
            }
            for low, high in pairwise(levels)
        ],
    )


def _usage(store: Store, manager: S2Manager) -> Message:
    step_s = store.horizon.step_h * SECONDS_PER_HOUR
    parts = merged((milliseconds(store.horizon), 1000.0 * float(drain) / step_s) for drain in store.drain_kwh)
    return manager.message(
        "FRBC.UsageForecast",
        at=start_of(store.horizon),
        start_time=time_text(start_of(store.horizon)),
        elements=[{"duration": length, "usage_rate_expected": rate} for length, rate in parts],
    )
