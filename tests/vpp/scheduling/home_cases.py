"""Resources whose every parameter is drawn."""

from typing import Any

import numpy as np

from vpp.resources.appliance import Appliance
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon
from vpp.resources.load import Load
from vpp.resources.pv import Pv
from vpp.resources.store import Store
from vpp.resources.thermal import Building, Tank

Chance = np.random.Generator


def drawn_battery(horizon: Horizon, chance: Chance) -> Store:
    battery = Battery(
        capacity_kwh=float(chance.uniform(1, 12)),
        charge_kw=float(chance.uniform(0, 5)),
        discharge_kw=float(chance.uniform(0, 5)),
        charge_efficiency=float(chance.choice([0.85, 1.0])),
        discharge_efficiency=float(chance.choice([0.9, 1.0])),
        reserve_soc=float(chance.choice([0.0, 0.3])),
        leakage_per_h=float(chance.choice([0.0, 0.02])),
        cycle_cost_per_kwh=float(chance.choice([0.0, 0.03])),
    )
    return battery.store(horizon, soc=float(chance.uniform(0, 1)), end_soc=float(chance.choice([0.0, 0.05])))


def drawn_ev(horizon: Horizon, chance: Chance) -> Store:
    mode: Any = chance.choice(["V1G", "V1H", "V2G"])
    ev = Ev(
        max_kw=7.4,
        min_kw=float(chance.choice([0.0, 0.0, 1.4])),
        interruptible=bool(chance.random() < 0.8),
        mode=mode,
        capacity_kwh=50.0,
        discharge_kw=5.0,
        cycle_cost_per_kwh=0.05,
    )
    leaves = int(chance.integers(1, horizon.steps + 3))
    stays = [
        Stay(int(chance.integers(-1, leaves)), leaves, ready_kwh=float(chance.uniform(0, 26)), trip_kwh=4.0)
    ]
    house = chance.uniform(-2, 4, horizon.steps)
    return ev.store(horizon, start_kwh=20.0, stays=stays, house_kw=house)


def drawn_heating(horizon: Horizon, chance: Chance) -> Store:
    cooling = bool(chance.random() < 0.3)
    building = Building(
        capacity_kwh_per_k=float(chance.uniform(2, 8)),
        loss_kw_per_k=float(chance.uniform(0.05, 0.3)),
        max_kw=4.0,
        min_kw=float(chance.choice([0.0, 0.0, 1.0])),
        cooling=cooling,
    )
    outdoor = chance.uniform(26, 34, horizon.steps) if cooling else chance.uniform(-5, 12, horizon.steps)
    return building.store(
        horizon,
        start_c=float(chance.uniform(20, 23)),
        outdoor_c=outdoor,
        low_c=np.where(np.arange(horizon.steps) < 2, 15.0, 20.0),
        high_c=np.where(np.arange(horizon.steps) < 2, 30.0, 24.0),
        cop=chance.uniform(2, 4, horizon.steps),
        gains_kw=0.3,
    )


def drawn_tank(horizon: Horizon, chance: Chance) -> Store:
    tank = Tank(capacity_kwh=8.0, max_kw=2.0, loss_per_h=float(chance.choice([0.0, 0.05])))
    demand = chance.uniform(0, 3, horizon.steps)
    return tank.store(horizon, start_kwh=3.0, demand_kw=demand, cop=chance.uniform(2, 4, horizon.steps))


def drawn_appliance(horizon: Horizon, chance: Chance) -> Appliance:
    phases = int(chance.integers(1, 4))
    first = int(chance.integers(0, horizon.steps - phases + 1))
    return Appliance(
        "the washing machine",
        horizon,
        np.full(phases, 2.0) if chance.random() < 0.4 else chance.uniform(0.2, 2.5, phases),
        earliest=first,
        latest=int(chance.integers(first + phases, horizon.steps + 1)),
        interruptible=bool(chance.random() < 0.5),
    )


def drawn_pv(horizon: Horizon, chance: Chance) -> Any:
    return Pv(5.0, curtailable=bool(chance.random() < 0.5)).output(
        horizon, chance.uniform(0, 6, horizon.steps)
    )


def drawn_load(horizon: Horizon, chance: Chance) -> Load:
    return Load("the load", horizon, chance.uniform(0, 3, horizon.steps))


KINDS = (drawn_battery, drawn_ev, drawn_heating, drawn_tank, drawn_appliance, drawn_pv, drawn_load)
