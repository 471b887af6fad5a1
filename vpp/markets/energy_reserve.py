"""Energy and reserves bought together, so that each price holds what the other forgoes.

T. Zheng and E. Litvinov, "Ex post pricing in the co-optimized energy and reserve market", IEEE Trans. Power Systems
21/4 (2006) 1528; with the capacity shared as in the upper slope of AEMO's "FCAS model in NEMDE" (2017). Prices are
the duals of the balance and of the requirements; buyers of energy pay its price to sellers, the operator pays for
reserve.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from vpp.markets.errors import (
    ClearingFailedError,
    ClearingInfeasibleError,
    OrderNotPositiveError,
    UnsuitableOrdersError,
)
from vpp.markets.linear_network import Floats
from vpp.markets.orders import Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.rationing import share_pro_rata
from vpp.markets.steps import MICRO_EACH, WH_EACH, Steps, fills_of, steps_of

PROPERTIES: Final = Properties(
    efficient=True,
    individually_rational=True,
    budget="strong",
    truthful=False,
    conditions="energy alone; the operator pays for reserve. A provider as a whole, energy and reserve, to rounding",
)
INFEASIBLE: Final = 2


@dataclass(frozen=True, slots=True)
class Service:
    """A reserve: upward (more output) or downward, with the energy required [Wh] if called all period."""

    name: str
    direction: Literal["up", "down"]
    required_wh: int


@dataclass(frozen=True, slots=True)
class ReserveOffer:
    """A participant's offer of a service: price [1e-6 currency/kWh], most [Wh], capacity used by each unit of it."""

    key: int
    participant: int
    service: str
    price_micro: int
    quantity_wh: int
    uses: float = 1.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """Least and most energy output of a participant [Wh], reserve included; below zero it draws."""

    participant: int
    least_wh: int
    most_wh: int


@dataclass(frozen=True, slots=True)
class ReserveClearing:
    """Result for N energy orders, R reserve offers and S services.

    `fill_wh`, `pay_nano` (N,) and `reserve_wh`, `reserve_pay_nano` (R,): energy [Wh] and payments [1e-9 currency],
    negative = received; `price_micro` and `reserve_price_micro` (S,) [1e-6 currency/kWh]; `welfare_nano` is after the
    cost of reserve; `operator_nano` is what reserve costs the operator [1e-9 currency].
    """

    fill_wh: Ints
    pay_nano: Ints
    reserve_wh: Ints
    reserve_pay_nano: Ints
    price_micro: int
    reserve_price_micro: Ints
    volume_wh: int
    welfare_nano: int
    operator_nano: int


def clear_with_reserve(
    orders: Orders,
    offers: Sequence[ReserveOffer],
    *,
    services: Sequence[Service],
    capacities: Sequence[Capacity],
) -> ReserveClearing:
    """Clear N energy orders of one period and place together with reserve offers.

    Parameters
    ----------
    orders
        Bids and offers of energy.
    offers, services
        Offers of the services that are required.
    capacities
        Limits that a participant's energy and reserves share; who has none is limited by its orders alone.

    Raises
    ------
    UnsuitableOrdersError
        For an offer of an unknown service, or a participant with two capacities.
    OrderNotPositiveError
        For a reserve offer of no energy, or that uses no capacity.
    ClearingInfeasibleError
        Where a requirement or a capacity cannot be met.
    ClearingFailedError
        Where HiGHS ends without an answer.
    """
    names = [service.name for service in services]
    _check(offers, names=names, capacities=capacities)
    ranked = sorted(offers, key=lambda offer: offer.key)
    steps = steps_of(orders, apart=_groups(orders, capacities))
    answer = _Program(orders, steps, offers=ranked).solve(services, capacities)
    fill = fills_of(orders, steps, energy_kwh=answer.x[: len(steps.side)], balanced=True)
    reserve = _whole_reserve(ranked, answer.x[len(steps.side) :], services=services)
    price = round(-float(answer.eqlin.marginals[0]) * MICRO_EACH)
    reserve_price = np.rint(-answer.ineqlin.marginals[: len(services)] * MICRO_EACH).astype(np.int64)
    served = np.array([names.index(offer.service) for offer in ranked], np.int64)
    back = np.argsort(np.argsort([offer.key for offer in offers])) if offers else np.zeros(0, np.int64)
    cost = sum(offer.price_micro * int(energy) for offer, energy in zip(ranked, reserve, strict=True))
    signed = orders.side * fill
    reserve_pay = -reserve * reserve_price[served]
    return ReserveClearing(
        fill_wh=fill,
        pay_nano=signed * price,
        reserve_wh=reserve[back],
        reserve_pay_nano=reserve_pay[back],
        price_micro=price,
        reserve_price_micro=reserve_price,
        volume_wh=int(fill[orders.side > 0].sum()),
        welfare_nano=int((signed * orders.price_micro).sum()) - cost,
        operator_nano=-int(reserve_pay.sum()),
    )


def _check(offers: Sequence[ReserveOffer], *, names: list[str], capacities: Sequence[Capacity]) -> None:
    if len({one.participant for one in capacities}) != len(capacities):
        raise UnsuitableOrdersError("a participant has two capacities")
    for offer in offers:
        if offer.service not in names:
            raise UnsuitableOrdersError(f"reserve offer {offer.key}: there is no service {offer.service}")
        if offer.quantity_wh <= 0 or not offer.uses > 0:
            raise OrderNotPositiveError(
                f"reserve offer {offer.key}: quantity and use of capacity must be above 0"
            )


def _groups(orders: Orders, capacities: Sequence[Capacity]) -> Ints:
    """Participants with a capacity are kept apart; all others are one group."""
    limited = np.array([one.participant for one in capacities], np.int64)
    return np.where(np.isin(orders.participant, limited), orders.participant + 1, -1)


class _Program:
    def __init__(self, orders: Orders, steps: Steps, *, offers: Sequence[ReserveOffer]) -> None:
        self._steps, self._offers = steps, offers
        self._owner = np.zeros(len(steps.side), np.int64)
        self._owner[steps.step_of] = orders.participant

    def solve(self, services: Sequence[Service], capacities: Sequence[Capacity]) -> Any:
        from scipy.optimize import linprog

        steps, offers = self._steps, self._offers
        reserve_cost = np.array([offer.price_micro / MICRO_EACH for offer in offers])
        matrix, most = self._rows(services, capacities)
        most_energy = np.concatenate(
            [steps.most_kwh, np.array([one.quantity_wh / WH_EACH for one in offers])]
        )
        answer = linprog(
            np.concatenate([-steps.value, reserve_cost]),
            A_ub=matrix,
            b_ub=most,
            A_eq=np.concatenate([steps.side, np.zeros(len(offers))])[None, :],
            b_eq=np.zeros(1),
            bounds=np.column_stack([np.zeros(len(most_energy)), most_energy]),
            method="highs",
        )
        if answer.status == INFEASIBLE:
            raise ClearingInfeasibleError("a requirement or a capacity cannot be met")
        if answer.x is None:
            raise ClearingFailedError(f"HiGHS: {answer.message}")
        return answer

    def _rows(self, services: Sequence[Service], capacities: Sequence[Capacity]) -> tuple[Floats, Floats]:
        """Requirements first, then the most and the least output of each capacity."""
        steps, offers = self._steps, self._offers
        rows, most = [], []
        for service in services:
            given = [-1.0 if offer.service == service.name else 0.0 for offer in offers]
            rows.append([0.0] * len(steps.side) + given)
            most.append(-service.required_wh / WH_EACH)
        up = {service.name for service in services if service.direction == "up"}
        for capacity in capacities:
            output = np.where(self._owner == capacity.participant, -steps.side, 0).tolist()
            own = [offer.uses if offer.participant == capacity.participant else 0.0 for offer in offers]
            upward = [use if offer.service in up else 0.0 for use, offer in zip(own, offers, strict=True)]
            downward = [use - rise for use, rise in zip(own, upward, strict=True)]
            rows += [output + upward, [-one for one in output] + downward]
            most += [capacity.most_wh / WH_EACH, -capacity.least_wh / WH_EACH]
        width = len(steps.side) + len(offers)
        return np.array(rows, np.float64).reshape(-1, width), np.array(most)


def _whole_reserve(
    offers: Sequence[ReserveOffer], energy_kwh: Floats, *, services: Sequence[Service]
) -> Ints:
    """Whole Wh of each offer, which sum to the nearest whole of each service."""
    exact = np.clip(energy_kwh * WH_EACH, 0, [offer.quantity_wh for offer in offers])
    whole = np.zeros(len(offers), np.int64)
    for service in services:
        members = np.array([at for at, offer in enumerate(offers) if offer.service == service.name], np.int64)
        if len(members):
            # In thousandths of a Wh, so that the shares of a whole sum are those of the program.
            fine = np.rint(exact[members] * 1000).astype(np.int64)
            whole[members] = share_pro_rata(round(float(exact[members].sum())), fine, key=members)
    return whole
