"""The greedy of `support`, device by device, in the part of Python that numba compiles."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Planes(NamedTuple):
    """Energy [kWh] of N devices: least and most (N, T) in each interval, and since the start."""

    low: Floats
    high: Floats
    least: Floats
    most: Floats


class Order(NamedTuple):
    """Intervals from the cheapest on, the place of each, and how many have a price below 0."""

    order: NDArray[np.int64]
    rank: NDArray[np.int64]
    wanted: int


def fill_all(planes: Planes, prices: Order) -> Floats:
    """Energy (N, T) [kWh] of the cheapest profiles."""
    devices, steps = planes.low.shape
    energy = planes.low.copy()
    room = np.empty(steps)
    for device in range(devices):
        room[:] = 0.0
        sure, left = 0.0, 0.0
        for step in range(steps):
            sure += planes.low[device, step]
            room[prices.rank[step]] = planes.high[device, step] - planes.low[device, step]
            left += room[prices.rank[step]]
            lacking = planes.least[device, step] - sure
            place = 0
            while lacking > 0.0 and place < steps:
                used = min(lacking, room[place])
                room[place] -= used
                energy[device, prices.order[place]] += used
                lacking -= used
                sure += used
                left -= used
                place += 1
            over = sure + left - planes.most[device, step]
            place = steps - 1
            while over > 0.0 and place >= 0:
                used = min(over, room[place])
                room[place] -= used
                over -= used
                left -= used
                place -= 1
        for place in range(prices.wanted):
            energy[device, prices.order[place]] += room[place]
    return energy
