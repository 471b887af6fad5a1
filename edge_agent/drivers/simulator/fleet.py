"""The reference fleet: 24 homes, no two alike, the same on every machine.

Six households play four disjoint stretches of three weeks each. Sun and heat demand follow the weather, so
all homes take them from the same weeks; a car's weeks are its own.
"""

import random
from dataclasses import dataclass

from edge_agent.drivers.simulator.config import Battery, Ev, Heat, Home, Household, Pv

HOUSEHOLDS = ("H0-A", "H0-B", "H0-C", "H0-G", "H0-H", "H0-L")
STRETCHES = 4
STRETCH_WEEKS = 3
HOMES = len(HOUSEHOLDS) * STRETCHES
_WEATHER_FIRST_WEEK = 3
_SEED = 20260423

# capacity [kWh], charge and discharge power [kW]
_BATTERIES = ((5.0, 2.5), (6.5, 3.0), (7.7, 3.3), (9.6, 4.0), (10.2, 4.6), (11.5, 4.6), (13.5, 5.0))
# home: charger's profile, its first week, car's battery [kWh]. The weeks are chosen so that some of the
# cars come home in the evening of the fleet's third Thursday, and most do not.
_CARS = {
    1: ("HLS_B_3.7", 10, 42.0),
    4: ("HLS_A_11.0", 0, 58.0),
    7: ("HLS_B_11.0", 9, 77.0),
    10: ("HLS_C_3.7", 3, 40.0),
    13: ("HLS_A_3.7", 4, 38.0),
    16: ("HLS_A_22.0", 3, 82.0),
    19: ("HLS_B_11.0", 3, 60.0),
    22: ("HLS_C_3.7", 8, 52.0),
}
# home: profile, rated electric power [kW], thermal store [kWh]
_HEAT_PUMPS = {
    2: ("Air_Parallel_1", 3.0, 9.0),
    6: ("Soil_Alternative_1", 2.4, 12.0),
    9: ("Air_Alternative_2", 3.5, 8.0),
    13: ("Soil_Alternative_2", 2.8, 10.0),
    18: ("Air_Semi-Parallel_1", 4.0, 12.0),
    21: ("Air_Alternative_1", 3.2, 7.0),
}


@dataclass(frozen=True, slots=True)
class FleetHome:
    """A home of the fleet."""

    key: str
    name: str
    home: Home
    reserve_soc: float


def fleet(count: int = HOMES) -> list[FleetHome]:
    """The first `count` homes of the reference fleet."""
    if not 0 < count <= HOMES:
        raise ValueError(f"the reference fleet has 1 to {HOMES} homes, not {count}")
    return [_home(number) for number in range(1, count + 1)]


def _home(number: int) -> FleetHome:
    dice = random.Random(_SEED + number)
    place = number - 1
    capacity_kwh, power_kw = _BATTERIES[place % len(_BATTERIES)]
    home = Home(
        seed=_SEED + number,
        household=Household(
            profile=HOUSEHOLDS[place % len(HOUSEHOLDS)],
            annual_kwh=float(dice.randrange(2500, 5501, 50)),
            first_week=STRETCH_WEEKS * (place // len(HOUSEHOLDS)),
        ),
        pv=Pv(f"PV{place % 8 + 1}", round(dice.uniform(4.0, 10.0), 1), _WEATHER_FIRST_WEEK),
        battery=Battery(
            capacity_kwh=capacity_kwh,
            charge_kw=power_kw,
            discharge_kw=power_kw,
            charge_efficiency=round(dice.uniform(0.94, 0.97), 3),
            discharge_efficiency=round(dice.uniform(0.94, 0.97), 3),
        ),
        ev=_car(number),
        heat=_heat_pump(number),
        weeks=STRETCH_WEEKS,
    )
    reserve_soc = dice.choice((0.05, 0.1, 0.1, 0.15, 0.2))
    return FleetHome(f"home-{number:02d}", f"Home {number:02d}", home, reserve_soc)


def _car(number: int) -> Ev | None:
    if number not in _CARS:
        return None
    profile, first_week, battery_kwh = _CARS[number]
    return Ev(profile, float(profile.rpartition("_")[2]), battery_kwh, first_week)


def _heat_pump(number: int) -> Heat | None:
    if number not in _HEAT_PUMPS:
        return None
    profile, rated_kw, tank_kwh = _HEAT_PUMPS[number]
    return Heat(profile, rated_kw, tank_kwh, first_week=_WEATHER_FIRST_WEEK)
