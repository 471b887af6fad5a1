"""Parts of homes with faults and habits put into them: strings of one roof, and appliances behind plugs."""

from dataclasses import dataclass

import numpy as np

from tests.vpp.diagnostics.faulty_fleet import INTERVALS, solar_fleet
from vpp.diagnostics.checks import Floats

DAYS = 28
HOURS = np.arange(INTERVALS) / 4


def string_roofs(seed: int, *, homes: int, strings: int, lost: dict[int, float]) -> tuple[Floats, Floats]:
    """Daily yields (homes, strings, 28) now and a year before [kWh], of other weeks' weather.

    Strings lean from east to west; the first string of each home in `lost` gives that share less now.
    """
    chance = np.random.default_rng(seed + 8000)
    sun = solar_fleet(seed, homes=homes)
    lean = np.linspace(-0.7, 0.7, strings)[:, None]
    tilt = np.maximum(0.05, 1 + lean * (HOURS - 13) / 6)
    daily = np.einsum("hdq,sq->hsd", sun, tilt) / 4 * chance.uniform(0.5, 3.0, (homes, strings, 1))
    daily *= chance.normal(1, 0.02, daily.shape)
    before, now = daily[:, :, 14 : 14 + DAYS], daily[:, :, 50 : 50 + DAYS].copy()
    for home, share in lost.items():
        now[home, 0] *= 1 - share
    return now, before


@dataclass(frozen=True)
class Plugged:
    """Quarter-hours of one home: appliance and meter (T,) [kW], price of what is bought (T,) [currency/kWh]."""

    power_kw: Floats
    grid_kw: Floats
    buy: Floats
    starts: list[int]


def plugged_home(
    seed: int, *, hour: float, runs: int = 18, band: tuple[float, float] = (0.0, 0.0)
) -> Plugged:
    """A home with sun at noon whose appliance begins about `hour` on most days; `band` is the hours of a lower price."""
    chance = np.random.default_rng(seed + 9000)
    sun = solar_fleet(seed, homes=1)[0, :DAYS].ravel() * 4.0
    rest = 0.25 + 0.6 * np.tile(np.exp(-(((HOURS - 19.5) / 2) ** 2)), DAYS)
    rest *= chance.normal(1, 0.15, len(rest))
    power = np.zeros(DAYS * INTERVALS)
    starts = []
    for day in sorted(chance.permutation(np.arange(1, DAYS - 1))[:runs].tolist()):
        at = day * INTERVALS + int(np.clip(hour + chance.normal(0, 0.4), 0, 20) * 4)
        power[at : at + 6] = np.array([1.8, 0.15, 0.0, 0.1, 1.8, 0.6]) * chance.uniform(0.9, 1.1)
        starts.append(at)
    in_band = np.tile((band[0] <= HOURS) & (band[1] > HOURS), DAYS)
    return Plugged(power, rest - sun + power, np.where(in_band, 0.18, 0.36), starts)
