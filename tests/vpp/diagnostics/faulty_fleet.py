"""Fleets with faults put into them. Solar power is SimBench's eight measured-like places, mixed by neighborhood."""

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpp.diagnostics.checks import Floats

PROFILES = Path("edge_agent/drivers/simulator/profile_data/simbench-spring.csv.gz")
INTERVALS = 96
WESTERN, EASTERN = (0, 2, 3, 6), (1, 4, 5, 7)  # places whose days are alike (correlation above 0.85)
YEARS = 2
STEP_H = 0.5


@cache
def solar_places() -> Floats:
    """(8, 84, 96) power per peak power [1]."""
    with gzip.open(PROFILES, "rt") as lines:
        lines.readline()
        header, *rows = csv.reader(lines)
    first = header.index("PV1")
    return np.array([row[first:] for row in rows], dtype=np.float64).T.reshape(8, -1, INTERVALS)


def solar_fleet(seed: int, *, homes: int = 120, around: int = 12) -> Floats:
    """(N, 84, 96) generation per peak power [1]: each home is its neighborhood's mix and a seventh of its own."""
    chance = np.random.default_rng(seed)
    places = solar_places()
    fleet = np.empty((homes, *places.shape[1:]))
    for start in range(0, homes, around):
        region = chance.permutation(WESTERN if chance.random() < 0.5 else EASTERN)
        shared = chance.dirichlet(np.full(4, 1.0))
        for home in range(start, min(start + around, homes)):
            mix = 0.85 * shared + 0.15 * chance.dirichlet(np.full(4, 1.0))
            fleet[home] = np.tensordot(mix, places[region], axes=1)
    fleet *= chance.uniform(0.8, 1.1, (homes, 1, 1))  # tilt and losses
    fleet *= chance.normal(1.0, 0.02, (homes, fleet.shape[1], 1))  # what one day differs by
    return fleet * chance.normal(1.0, 0.01, fleet.shape)


@dataclass(frozen=True)
class PlantFaults:
    """Yields (N, 84) [kWh/kWp] and the day each fault began, by position."""

    yields: Floats
    soiling: dict[int, float]
    string: dict[int, float]
    outage: dict[int, float]


def plants_with_faults(seed: int, *, homes: int = 120) -> PlantFaults:
    """A tenth of the homes gets dirty, a tenth loses strings, a twentieth stands still."""
    chance = np.random.default_rng(seed + 1000)
    yields = solar_fleet(seed, homes=homes).sum(axis=2) / 4
    days = yields.shape[1]
    chosen = chance.permutation(homes)
    tenth = homes // 10
    soiling, string, outage = (
        chosen[:tenth],
        chosen[tenth : 2 * tenth],
        chosen[2 * tenth : 2 * tenth + tenth // 2],
    )
    began = chance.integers(35, 56, homes)
    for home in soiling:
        gone = np.maximum(0, np.arange(days) - began[home] + 1) * chance.uniform(0.004, 0.01)
        if chance.random() < 0.5:
            rain = began[home] + chance.integers(24, 29)
            gone[rain:] = np.maximum(0, np.arange(days)[rain:] - rain) * 0.004
        yields[home] *= 1 - np.minimum(gone, 0.4)
    for home in string:
        yields[home, began[home] :] *= 1 - chance.uniform(0.15, 0.5)
    for home in outage:
        yields[home, began[home] :] *= 0.0
    yields[chance.random(yields.shape) < 0.01] = np.nan
    return PlantFaults(
        yields, *({int(home): float(began[home]) for home in part} for part in (soiling, string, outage))
    )


@dataclass(frozen=True)
class BatteryFleet:
    """Half-hours of batteries over two years: (N, T) power [kW] and state of charge; true yearly fade (N,) [1]."""

    power_kw: Floats
    soc: Floats
    fade: Floats
    capacity_kwh: Floats


def battery_fleet(seed: int, *, fade: Floats, years: float = YEARS) -> BatteryFleet:
    """Batteries that are charged by day and emptied at night, not on all days as far."""
    chance = np.random.default_rng(seed)
    count, days = len(fade), int(365 * years)
    capacity = chance.uniform(6, 15, count)
    at = np.arange(days) / 365
    alive = capacity[:, None] * (1 - fade[:, None] * at)
    top, bottom = chance.uniform(0.55, 1.0, (count, days)), chance.uniform(0.05, 0.25, (count, days))
    soc = np.empty((count, days, 48))
    start = np.concatenate([bottom[:, :1], bottom[:, :-1]], axis=1)
    rise, fall = np.linspace(0, 1, 13)[1:], np.linspace(0, 1, 11)[1:]
    soc[:, :, :16] = start[..., None]
    soc[:, :, 16:28] = start[..., None] + (top - start)[..., None] * rise
    soc[:, :, 28:36] = top[..., None]
    soc[:, :, 36:46] = top[..., None] + (bottom - top)[..., None] * fall
    soc[:, :, 46:] = bottom[..., None]
    flat = soc.reshape(count, -1)
    stored = np.diff(flat, prepend=flat[:, :1], axis=1) * np.repeat(alive, 48, axis=1)
    power = np.where(stored > 0, stored / 0.95, stored * 0.95) / STEP_H
    power = power * chance.normal(1, 0.02, power.shape) + chance.normal(0.008, 0.003, power.shape)
    reported = np.clip(np.round(flat + chance.normal(0, 0.005, flat.shape), 2), 0, 1)
    return BatteryFleet(power, reported, fade, capacity)


def performance_index(seed: int, rates_pct: Floats, *, years: int = 4, noise: float = 0.04) -> Floats:
    """(N, D) daily performance with a season, weather that lasts some days, and a loss of `rates_pct` a year."""
    chance = np.random.default_rng(seed)
    day = np.arange(365 * years)
    season = 1 + 0.05 * np.cos(2 * np.pi * day / 365)
    weather = np.empty((len(rates_pct), len(day)))
    shocks = chance.normal(0, noise, weather.shape)
    weather[:, 0] = shocks[:, 0]
    for at in range(1, len(day)):
        weather[:, at] = 0.5 * weather[:, at - 1] + np.sqrt(0.75) * shocks[:, at]
    index = 0.85 * season * (1 + np.asarray(rates_pct)[:, None] / 100 * day / 365) * (1 + weather)
    index[chance.random(index.shape) < 0.05] = np.nan
    return np.asarray(index)


def setpoints(seed: int, *, homes: int) -> NDArray[np.float64]:
    """(N, 96) hourly setpoints [kW] of a battery of 5 kW."""
    return np.repeat(np.random.default_rng(seed).uniform(-5, 5, (homes, 24)), 4, axis=1)
