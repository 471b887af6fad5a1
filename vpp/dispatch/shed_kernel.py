"""What one home gives at given prices for its shed, home by home, in the part of Python that numba compiles.

Within an interval devices are filled in the order of their cost while one more kW is worth it; the energy of battery
and heat pump over the whole event is rationed by a price of its own each, found by chords and halving, and the two
answers on either side of it are mixed so that the energy is met exactly. Both are optimal at that price, so the mix is optimal.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BATTERY: Final = 0
EV: Final = 1
HEAT: Final = 2
HALVINGS: Final = 60
CLOSE: Final = 1e-10  # [kWh]
CLOSE_PRICE: Final = 1e-7  # [currency/kWh]
BESIDE: Final = 2e-8


class ShedPart(NamedTuple):
    """Some homes of an `AllocationProblem`: (n, T) [kW], (n,) [kWh] and [currency/kWh], and the weights."""

    idle: Floats
    battery: Floats
    ev: Floats
    heat: Floats
    headroom: Floats
    share: Floats
    battery_kwh: Floats
    heat_kwh: Floats
    ev_cost: Floats
    heat_cost: Floats
    cycle: float
    behind: float
    fairness: float
    hours: float


PER_HOME: Final = (
    "idle", "battery", "ev", "heat", "headroom", "share", "battery_kwh", "heat_kwh", "ev_cost", "heat_cost",
)  # fmt: skip


class Offer(NamedTuple):
    """(T,) what a kWh of shed is worth [currency/kWh], and the prices of a kWh from battery and heat store."""

    value: Floats
    battery_price: float
    heat_price: float


class ShedTotals(NamedTuple):
    """Sums over homes: lower bound with the priced shed, cost without [currency], (T,) shed [kW]."""

    bound: float
    cost: float
    shed: Floats


def fill(part: ShedPart, given: tuple[int, int, Offer, Floats]) -> None:
    """Write into `cuts` (T, 3) what home and interval give at an offer."""
    home, step, offer, cuts = given
    value, idle, slope = (
        offer.value[step],
        part.idle[home, step],
        2.0 * part.fairness / part.share[home, step],
    )
    room, shed, on_purpose = part.headroom[home, step], part.idle[home, step], 0.0
    costs = (part.cycle + offer.battery_price, part.ev_cost[home], part.heat_cost[home] + offer.heat_price)
    powers = (part.battery[home, step], part.ev[home, step], part.heat[home, step])
    order = (BATTERY, EV, HEAT)
    if costs[1] < costs[0]:
        order = (EV, BATTERY, HEAT)
    if costs[2] < costs[order[0]]:
        order = (HEAT, order[0], order[1])
    elif costs[2] < costs[order[1]]:
        order = (order[0], HEAT, order[1])
    for device in order:
        taken, limit = 0.0, min(powers[device], room)
        if shed < 0.0 and value + part.behind > costs[device]:
            taken = min(limit, -shed)
        gain = value - costs[device] - slope * on_purpose
        if shed + taken >= 0.0 and gain > 0.0:
            more = limit - taken
            if slope > 0.0:
                more = min(more, gain / slope)
            taken += more
        shed += taken
        on_purpose = max(0.0, shed - max(0.0, idle))
        room -= taken
        cuts[step, device] = taken


def respond_to(part: ShedPart, given: tuple[int, Offer, Floats]) -> tuple[float, float]:
    """Fill all intervals of a home; return the energy of battery and of heat [kWh]."""
    home, offer, cuts = given
    battery, heat = 0.0, 0.0
    for step in range(len(offer.value)):
        fill(part, (home, step, offer, cuts))
        battery += cuts[step, BATTERY]
        heat += cuts[step, HEAT]
    return battery * part.hours, heat * part.hours


def blend(much: Floats, given: tuple[Floats, float, float, float]) -> None:
    """Mix `much` into `little` so that an energy between `more` and `less` [kWh] becomes `wanted`."""
    little, more, less, wanted = given
    if more > less:
        weight = (wanted - less) / (more - less)
        little += weight * (much - little)


def guess(number: int, bracket: tuple[float, float, float, float, float]) -> float:
    """The next price to try between `low` and `high`: along the chord, for answers are piecewise linear, or the middle."""
    low, high, more, less, wanted = bracket
    if number % 2 == 0:
        price = low + (high - low) * (more - wanted) / (more - less)
        if low < price < high:
            return price
    return 0.5 * (low + high)


def ration_battery(part: ShedPart, given: tuple[int, Offer, Floats, Floats]) -> tuple[float, float]:
    """Answer in `cuts` with no more than the battery has; return the price it takes, and the bound it proves."""
    home, offer, cuts, spare = given
    has = part.battery_kwh[home]
    low, high = 0.0, max(0.0, float(offer.value.max())) + part.behind
    used, heat = respond_to(part, (home, Offer(offer.value, 0.0, offer.heat_price), cuts))
    if used <= has:
        return 0.0, spend(part, (home, offer.value, cuts)) + offer.heat_price * heat
    more, less = used, 0.0
    # where the battery becomes dearer than another device they change places, and the answer jumps
    at_ev = part.ev_cost[home] - part.cycle
    at_heat = part.heat_cost[home] + offer.heat_price - part.cycle
    tries = (at_ev - BESIDE, at_ev + BESIDE, at_heat - BESIDE, at_heat + BESIDE)
    for number in range(HALVINGS):
        price = tries[number] if number < len(tries) else guess(number, (low, high, more, less, has))
        if not low < price < high:
            continue
        used, heat = respond_to(part, (home, Offer(offer.value, price, offer.heat_price), cuts))
        if used > has:
            low, more = price, used
        else:
            high, less = price, used
        if more - has <= CLOSE or has - less <= CLOSE or high - low <= CLOSE_PRICE:
            break
    more, heat = respond_to(part, (home, Offer(offer.value, low, offer.heat_price), spare))
    less, heat = respond_to(part, (home, Offer(offer.value, high, offer.heat_price), cuts))
    bound = spend(part, (home, offer.value, cuts)) + offer.heat_price * heat + high * (less - has)
    blend(spare, (cuts, more, less, has))
    return high, bound


def put_off(cuts: Floats) -> float:
    """Heat that is put off, summed over the intervals [kW]."""
    total: float = 0.0
    for step in range(len(cuts)):
        total += cuts[step, HEAT]
    return total


def solve_home(part: ShedPart, given: tuple[int, Floats, Floats]) -> float:
    """Write a home's best answer into `work[0]` (T, 3) [kW]; return the bound it proves [currency]."""
    home, value, work = given
    limit: float = part.heat_kwh[home]
    _, bound = ration_battery(part, (home, Offer(value, 0.0, 0.0), work[0], work[1]))
    more = put_off(work[0]) * part.hours
    if more <= limit:
        return bound
    low, high, less = 0.0, max(0.0, float(value.max())) + part.behind, 0.0
    for number in range(HALVINGS):
        price = guess(number, (low, high, more, less, limit))
        ration_battery(part, (home, Offer(value, 0.0, price), work[0], work[1]))
        used = put_off(work[0]) * part.hours
        if used > limit:
            low, more = price, used
        else:
            high, less = price, used
        if more - limit <= CLOSE or limit - less <= CLOSE or high - low <= CLOSE_PRICE:
            break
    ration_battery(part, (home, Offer(value, 0.0, low), work[2], work[1]))
    more = put_off(work[2]) * part.hours
    _, proven = ration_battery(part, (home, Offer(value, 0.0, high), work[0], work[1]))
    less = put_off(work[0]) * part.hours
    blend(work[2], (work[0], more, less, limit))
    return proven - high * limit


def spend(part: ShedPart, given: tuple[int, Floats, Floats]) -> float:
    """What a home's cuts cost, less what their shed is worth at `value` [currency]."""
    home, value, cuts = given
    total: float = 0.0
    for step in range(len(cuts)):
        shed = part.idle[home, step] + cuts[step, BATTERY] + cuts[step, EV] + cuts[step, HEAT]
        on_purpose = max(0.0, shed - max(0.0, part.idle[home, step]))
        total += part.cycle * cuts[step, BATTERY] + part.ev_cost[home] * cuts[step, EV]
        total += part.heat_cost[home] * cuts[step, HEAT] + part.behind * max(0.0, -shed)
        total += part.fairness * on_purpose * on_purpose / part.share[home, step] - value[step] * shed
    spent: float = total * part.hours
    return spent


def total_shed(part: ShedPart, value: Floats) -> ShedTotals:
    """Let every home answer and keep the sums."""
    homes, steps = part.idle.shape
    shed, work = np.zeros(steps), np.zeros((3, steps, 3))
    nothing = np.zeros(steps)
    bound, cost = 0.0, 0.0
    for home in range(homes):
        bound += solve_home(part, (home, value, work))
        cost += spend(part, (home, nothing, work[0]))
        for step in range(steps):
            shed[step] += part.idle[home, step] + work[0, step, 0] + work[0, step, 1] + work[0, step, 2]
    return ShedTotals(bound, cost, shed)


def cut_homes(part: ShedPart, value: Floats) -> Floats:
    """(n, T, 3) what every home's battery, EV and heat pump give [kW]."""
    homes, steps = part.idle.shape
    cuts, work = np.empty((homes, steps, 3)), np.zeros((3, steps, 3))
    for home in range(homes):
        solve_home(part, (home, value, work))
        cuts[home] = work[0]
    return cuts


HELPERS: Final = (fill, respond_to, blend, spend, guess, ration_battery, put_off, solve_home)
