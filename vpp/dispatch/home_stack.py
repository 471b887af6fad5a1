"""Homes whose only choice is one store, as rows of the fast oracle."""

from collections.abc import Sequence

import numpy as np

from vpp.dispatch.coupling import Floats
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.scheduling.battery_problem import BatteryPowers, BatteryProblem
from vpp.scheduling.home_answer import Behavior, behave
from vpp.scheduling.home_battery import fits
from vpp.scheduling.home_problem import HomeProblem


def is_row(home: HomeProblem) -> bool:
    """Whether the slope trick fits at any price: one store, and nothing else to choose, curtailing included."""
    stores = [one for one in home.resources if isinstance(one, Store)]
    fixed = [
        one
        for one in home.resources
        if isinstance(one, Load) or (isinstance(one, PvOutput) and not one.curtailable)
    ]
    prices = home.prices
    plain = bool((prices.sell_per_kwh <= prices.buy_per_kwh).all() and prices.sell_per_kwh.min() >= 0)
    return plain and len(stores) == 1 and len(fixed) == len(home.resources) - 1 and fits(home, stores[0])


def stack(homes: Sequence[HomeProblem]) -> BatteryProblem:
    """One problem of homes that are rows, of one horizon; at least one."""
    rows = [_row(home) for home in homes]
    joined = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return BatteryProblem(
        step_h=homes[0].horizon.step_h,
        names=tuple(home.name for home in homes),
        **joined,
    )


def _row(home: HomeProblem) -> dict[str, Floats]:
    store = _store_of(home)
    net = np.zeros(home.horizon.steps)
    for power in _others(home).values():
        net = net + power
    limits = (home.import_limit_kw, home.export_limit_kw)
    into, out = (np.float64(np.inf if limit is None else limit) for limit in limits)
    return {
        "net_kw": net,
        "buy_per_kwh": home.prices.buy_per_kwh,
        "sell_per_kwh": home.prices.sell_per_kwh,
        "start_kwh": np.float64(store.start_kwh),
        "least_kwh": store.least_kwh,
        "most_kwh": store.most_kwh,
        "charge_kw": store.charge_kw,
        "discharge_kw": store.discharge_kw,
        "charge_efficiency": store.charge_efficiency[0],
        "discharge_efficiency": np.float64(store.discharge_efficiency),
        "wear_per_kwh": np.float64(store.wear_per_kwh),
        "retention": np.float64(store.retention),
        "drain_kwh": store.drain_kwh,
        "end_kwh": np.float64(0.0),
        "import_kw": into,
        "export_kw": out,
    }


def unstack(homes: Sequence[HomeProblem], powers: BatteryPowers) -> list[Behavior]:
    """What each home does, from the rows' answer."""
    return [
        behave(home, {_store_of(home).name: stored}, others_kw=_others(home))
        for home, stored in zip(homes, powers.stored_kwh, strict=True)
    ]


def _store_of(home: HomeProblem) -> Store:
    return next(one for one in home.resources if isinstance(one, Store))


def _others(home: HomeProblem) -> dict[str, Floats]:
    others = {one.name: one.power_kw for one in home.resources if isinstance(one, Load)}
    return others | {one.name: -one.available_kw for one in home.resources if isinstance(one, PvOutput)}
