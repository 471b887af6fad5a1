"""Equal orders as one step of a linear program, and its answer as whole units of every order."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.markets.orders import Ints, Orders
from vpp.markets.rationing import fill_class_by_class

Floats = NDArray[np.float64]
# Within programs energy is in kWh and prices are in the currency, so that numbers are near 1.
WH_EACH: Final = 1000.0
MICRO_EACH: Final = 1e6
SNAP_WH: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Steps:
    """S steps: orders of one location, side, price and participant class that nothing tells apart.

    `step_of` is the step of each order (N,); the others have shape (S,): [Wh] and [1e-6 currency/kWh].
    """

    step_of: Ints
    location: Ints
    side: Ints
    price_micro: Ints
    quantity_wh: Ints

    @property
    def value(self) -> Floats:
        """Gain of a drawn kWh, as a cost where sold [currency/kWh], with the side's sign (S,)."""
        return self.side * self.price_micro / MICRO_EACH

    @property
    def most_kwh(self) -> Floats:
        """Most energy (S,) [kWh]."""
        return self.quantity_wh / WH_EACH


def steps_of(orders: Orders, *, apart: Ints | None = None) -> Steps:
    """Gather N orders into steps; `apart` (N,) keeps orders with different numbers in different steps."""
    columns = [orders.location, orders.side, orders.price_micro]
    table = np.stack([*columns, apart if apart is not None else np.zeros(len(orders), np.int64)])
    unique, step_of = np.unique(table, axis=1, return_inverse=True)
    step_of = step_of.reshape(-1)
    quantity = np.zeros(unique.shape[1], np.int64)
    np.add.at(quantity, step_of, orders.quantity_wh)
    return Steps(step_of, unique[0], unique[1], unique[2], quantity)


def fills_of(orders: Orders, steps: Steps, *, energy_kwh: Floats, balanced: bool) -> Ints:
    """Return fills (N,) [Wh] of a program's answer (S,) [kWh], by priority class and pro rata within a step.

    Steps are rounded to whole Wh, each by less than one; with `balanced` so that bought equals sold.
    """
    exact = np.clip(energy_kwh * WH_EACH, 0, steps.quantity_wh)
    near = np.rint(exact)
    exact = np.where(np.abs(exact - near) < SNAP_WH, near, exact)
    whole = _balanced(exact, steps.side) if balanced else np.rint(exact).astype(np.int64)
    fill = np.zeros(len(orders), np.int64)
    in_full = whole == steps.quantity_wh
    fill[in_full[steps.step_of]] = orders.quantity_wh[in_full[steps.step_of]]
    for step in np.flatnonzero((whole > 0) & ~in_full):
        members = np.flatnonzero(steps.step_of == step)
        fill[members] = fill_class_by_class(int(whole[step]), orders, index=members)
    return fill


def _balanced(exact: Floats, side: Ints) -> Ints:
    """Round down, then up where most is missing, until the signed sum is zero."""
    whole = np.floor(exact).astype(np.int64)
    rest = exact - whole
    gap = int((side * whole).sum())
    parts = {one: np.flatnonzero((side == one) & (rest > 0)) for one in (1, -1)}
    up_sold = round(float(rest[parts[-1]].sum()))
    up_sold = min(max(up_sold, gap, 0), len(parts[-1]))
    for one, count in ((-1, up_sold), (1, up_sold - gap)):
        first = parts[one][np.argsort(-rest[parts[one]], kind="stable")]
        whole[first[: max(0, count)]] += 1
    return _mended(whole, exact, side=side)


def _mended(whole: Ints, exact: Floats, *, side: Ints) -> Ints:
    """Give back single units of the side that still has more."""
    gap = int((side * whole).sum())
    if gap:
        long = np.flatnonzero((side == np.sign(gap)) & (whole > 0))
        by = long[np.argsort(exact[long] - whole[long], kind="stable")]
        for at in range(abs(gap)):
            whole[by[at % len(by)]] -= 1
    return whole
