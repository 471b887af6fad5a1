"""Small homes of any kind whose every parameter is drawn."""

from typing import Any

import numpy as np

from tests.vpp.scheduling import home_cases as cases
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon
from vpp.resources.pv import Pv
from vpp.resources.store import Store
from vpp.scheduling.home_problem import HomeProblem
from vpp.scheduling.prices import Prices


def drawn_street(seed: int, *, homes: int = 5, switching: int = 0) -> list[HomeProblem]:
    """Homes with a battery, some with a car, a tank or a sun beside it, of which the first few run an appliance."""
    chance = np.random.default_rng(seed)
    horizon = Horizon(6, 1.0)
    buy = np.round(chance.uniform(0.1, 0.5, 6), 2)
    street = []
    for number in range(homes):
        resources: list[Any] = [cases.drawn_load(horizon, chance), drawn_battery(horizon, chance)]
        if chance.random() < 0.5:
            resources.append(drawn_car(horizon, chance))
        if chance.random() < 0.4:
            resources.append(Pv(5.0, curtailable=True).output(horizon, chance.uniform(0, 6, 6)))
        if number < switching:
            resources.append(cases.drawn_appliance(horizon, chance))
        demand = float(chance.choice([0.0, 0.0, 0.3]))
        street.append(
            HomeProblem(f"home {number}", tuple(resources), Prices(buy, 0.4 * buy, demand), 25.0, 15.0)
        )
    return street


def drawn_battery(horizon: Horizon, chance: np.random.Generator) -> Store:
    battery = Battery(float(chance.uniform(3, 10)), float(chance.uniform(1, 4)), float(chance.uniform(1, 4)))
    return battery.store(horizon, soc=float(chance.uniform(0.2, 0.9)))


def drawn_car(horizon: Horizon, chance: np.random.Generator) -> Store:
    leaves = int(chance.integers(3, horizon.steps + 1))
    car = Ev(7.0, capacity_kwh=40.0)
    return car.store(
        horizon, start_kwh=10.0, stays=[Stay(0, leaves, ready_kwh=float(chance.uniform(10, 22)))]
    )
