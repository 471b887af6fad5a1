"""Zones joined by links that lose a fixed share of what they carry.

The interconnector model of the Australian dispatch: losses are extra demand of the zones at both ends, by a stated
share: AEMO, "Treatment of loss factors in the National Electricity Market" (2012); nempy (UNSW-CEEM) states the same.
A zone's price is the dual of its balance, so a zone behind a loss pays for what is lost on the way. Buyers pay and
sellers get the price of their zone; the rest is the links' rent.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vpp.markets.errors import ClearingFailedError, NetworkError, UnsuitableOrdersError
from vpp.markets.linear_network import Floats
from vpp.markets.orders import Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.steps import MICRO_EACH, WH_EACH, Steps, fills_of, steps_of

PROPERTIES: Final = Properties(
    efficient=True,
    individually_rational=True,
    budget="weak",
    truthful=False,
    conditions="with the links' rent, to rounding; at negative prices a link carries one way only",
)
BOTH_WAYS_KWH: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Links:
    """L links between zones; every array has shape (L,).

    Attributes
    ----------
    sender, receiver
        Zones; a flow is positive from sender to receiver.
    most_wh, most_back_wh
        Most energy of the period from sender to receiver, and back [Wh], measured on the link.
    loss
        Share of the flow that is lost, at least 0 and below 1.
    sender_part
        Part of the loss that the sender's zone bears; the receiver's bears the rest.
    """

    sender: Ints
    receiver: Ints
    most_wh: Ints
    most_back_wh: Ints
    loss: Floats
    sender_part: Floats


@dataclass(frozen=True, slots=True)
class LinkClearing:
    """Result for N orders, Z zones, L links.

    Attributes
    ----------
    fill_wh, pay_nano
        Energy [Wh] and payment [1e-9 currency] of each order (N,).
    zone_price_micro
        Price of each zone (Z,) [1e-6 currency/kWh].
    flow_kwh
        Flow of each link (L,) [kWh], positive from sender to receiver.
    loss_kwh
        What each link loses (L,) [kWh].
    lost_wh
        Energy sold but not bought [Wh].
    volume_wh, welfare_nano
        Energy bought [Wh]; value less cost [1e-9 currency].
    rent_nano
        Sum of all payments: what the links earn [1e-9 currency].
    """

    fill_wh: Ints
    pay_nano: Ints
    zone_price_micro: Ints
    flow_kwh: Floats
    loss_kwh: Floats
    lost_wh: int
    volume_wh: int
    welfare_nano: int
    rent_nano: int


def clear_links(orders: Orders, links: Links, *, zones: int) -> LinkClearing:
    """Clear N orders of one period in zones joined by links.

    Parameters
    ----------
    orders
        `location` is the zone.
    links, zones
        L links between zones 0..Z-1.

    Raises
    ------
    NetworkError
        For links without sense.
    UnsuitableOrdersError
        For a location that is no zone.
    ClearingFailedError
        Where HiGHS ends without an answer.
    """
    _check(links, zones=zones)
    if len(orders) and (orders.location.min() < 0 or orders.location.max() >= zones):
        raise UnsuitableOrdersError(f"not every order stands in a zone from 0 to {zones - 1}")
    steps = steps_of(orders)
    most = np.concatenate([steps.most_kwh, links.most_wh / WH_EACH, links.most_back_wh / WH_EACH])
    count, joined = len(steps.side), len(links.sender)
    answer = _solve(steps, links, zones=zones, most=most)
    forth, back = answer.x[count : count + joined], answer.x[count + joined :]
    burning = np.minimum(forth, back) > BOTH_WAYS_KWH
    if burning.any():  # a negative price made it worth while to lose energy both ways
        shut = np.flatnonzero(burning)
        most[count + shut + np.where(forth[shut] >= back[shut], joined, 0)] = 0.0
        answer = _solve(steps, links, zones=zones, most=most)
        forth, back = answer.x[count : count + joined], answer.x[count + joined :]
    return _result(orders, steps, answer=answer, flows=(forth, back), loss=links.loss)


def _solve(steps: Steps, links: Links, *, zones: int, most: Floats) -> Any:
    from scipy.optimize import linprog

    count, joined = len(steps.side), len(links.sender)
    balance = np.zeros((zones, count + 2 * joined))
    balance[steps.location, np.arange(count)] = steps.side
    forth, back = count + np.arange(joined), count + joined + np.arange(joined)
    lost = links.loss * links.sender_part
    kept = links.loss * (1 - links.sender_part)
    np.add.at(balance, (links.sender, forth), 1 + lost)
    np.add.at(balance, (links.receiver, forth), -1 + kept)
    np.add.at(balance, (links.sender, back), -1 + lost)
    np.add.at(balance, (links.receiver, back), 1 + kept)
    answer = linprog(
        np.concatenate([-steps.value, np.zeros(2 * joined)]),
        A_eq=balance,
        b_eq=np.zeros(zones),
        bounds=np.column_stack([np.zeros(len(most)), most]),
        method="highs",
    )
    if answer.x is None:
        raise ClearingFailedError(f"HiGHS: {answer.message}")
    return answer


def _result(
    orders: Orders, steps: Steps, *, answer: Any, flows: tuple[Floats, Floats], loss: Floats
) -> LinkClearing:
    fill = fills_of(orders, steps, energy_kwh=answer.x[: len(steps.side)], balanced=False)
    price = np.rint(-answer.eqlin.marginals * MICRO_EACH).astype(np.int64)
    signed = orders.side * fill
    pay = signed * price[orders.location]
    return LinkClearing(
        fill_wh=fill,
        pay_nano=pay,
        zone_price_micro=price,
        flow_kwh=flows[0] - flows[1],
        loss_kwh=loss * (flows[0] + flows[1]),
        lost_wh=-int(signed.sum()),
        volume_wh=int(fill[orders.side > 0].sum()),
        welfare_nano=int((signed * orders.price_micro).sum()),
        rent_nano=int(pay.sum()),
    )


def _check(links: Links, *, zones: int) -> None:
    ends = np.concatenate([links.sender, links.receiver])
    if ((ends < 0) | (ends >= zones)).any():
        raise NetworkError("a link ends in a zone that is not there")
    if (links.most_wh < 0).any() or (links.most_back_wh < 0).any():
        raise NetworkError("a link's limit is below 0 Wh")
    if not ((links.loss >= 0) & (links.loss < 1)).all():
        raise NetworkError("a loss is not a share from 0 to below 1")
    if not ((links.sender_part >= 0) & (links.sender_part <= 1)).all():
        raise NetworkError("the sender's part of a loss is not between 0 and 1")
