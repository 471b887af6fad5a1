"""Random devices, and what HiGHS says of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from vpp.flexibility.bounds import FlexibilityBounds
from vpp.flexibility.ev_groups import EvFleet

Floats = NDArray[np.float64]


def random_bounds(seed: int, *, devices: int = 3, most_steps: int = 8, **extras: Any) -> FlexibilityBounds:
    """Devices whose every bound differs from step to step; each is made round a profile that is possible."""
    chance = np.random.default_rng(seed)
    shape = (devices, int(chance.integers(1, most_steps + 1)))
    least = chance.uniform(-3, 1, shape)
    most = least + chance.uniform(0, 4, shape)
    energy = np.cumsum(chance.uniform(least, most), axis=1) * 0.5
    below, above = (chance.uniform(0, 2, shape) * chance.integers(0, 2, shape) for _ in range(2))
    return FlexibilityBounds(0.5, least, most, energy - below, energy + above, **extras)


def random_cars(seed: int, *, cars: int = 4, most_steps: int = 7) -> EvFleet:
    """Cars with windows, powers and needs of their own."""
    chance = np.random.default_rng(seed)
    steps = int(chance.integers(1, most_steps + 1))
    arrival = chance.integers(0, steps, cars)
    departure = chance.integers(arrival + 1, steps + 1)
    charge = chance.uniform(0, 11, cars)
    most = chance.uniform(0, 12, cars)
    room = (departure - arrival) * charge * 0.25
    return EvFleet(
        steps, 0.25, arrival, departure, charge, np.minimum(most, room) * chance.random(cars), most
    )


def bounds_of_cars(fleet: EvFleet) -> FlexibilityBounds:
    """The same cars as plain bounds."""
    step = np.arange(fleet.steps)
    inside = (step >= fleet.arrival[:, None]) & (step < fleet.departure[:, None])
    least = np.zeros(inside.shape)
    least[:, -1] = fleet.least_kwh
    return FlexibilityBounds(
        step_h=fleet.step_h,
        least_kw=np.zeros(inside.shape),
        most_kw=inside * fleet.charge_kw[:, None],
        least_kwh=least,
        most_kwh=np.repeat(fleet.most_kwh[:, None], fleet.steps, axis=1),
    )


def highs_cheapest(
    bounds: FlexibilityBounds, prices: Floats, *, base_kw: Floats | None = None, peak_price: float = 0.0
) -> float:
    """Least cost over all devices at once: sum of price times power, and the peak's price times the peak."""
    from scipy import sparse

    devices, steps = bounds.least_kw.shape
    base = np.zeros(steps) if base_kw is None else base_kw
    prefix = sparse.kron(sparse.identity(devices), np.tril(np.ones((steps, steps))) * bounds.step_h)
    sums = sparse.kron(np.ones((1, devices)), sparse.identity(steps))
    column = sparse.csr_matrix((devices * steps, 1))
    rows = sparse.vstack(
        [
            sparse.hstack([prefix, column]),
            sparse.hstack([-prefix, column]),
            sparse.hstack([sums, -np.ones((steps, 1))]),
        ]
    )
    limits = np.concatenate([bounds.most_kwh.ravel(), -bounds.least_kwh.ravel(), -base])
    finite = np.isfinite(limits)
    answer = linprog(
        np.append(np.tile(prices, devices), peak_price),
        A_ub=rows.tocsr()[finite],
        b_ub=limits[finite],
        bounds=[*zip(bounds.least_kw.ravel(), bounds.most_kw.ravel(), strict=True), (None, None)]
        if peak_price
        else [*zip(bounds.least_kw.ravel(), bounds.most_kw.ravel(), strict=True), (1e6, 1e6)],
        method="highs",
    )
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return float(answer.fun)
