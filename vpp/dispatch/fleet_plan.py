"""The cheapest plan of homes of any kind under shared limits: batteries in blocks, and all else beside them.

Homes whose only choice is one store go by the slope trick, as batteries do; the others by linear programs kept warm.
A home that switches has answers that cannot be mixed: it is given one of them whole, either the greatest part of its mix
or, home after home, the one that together with all others costs least; the rest of the fleet is coordinated once more
around both, and the best is kept. The bound is that of the mix, so the certificate says what rounding left open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vpp.dispatch.battery_fleet import BLOCKS
from vpp.dispatch.battery_plan import GRAIN, explain_limits
from vpp.dispatch.coordinate import Certificate, Effort, Mix, coordinate
from vpp.dispatch.coupling import Coupling, CouplingError, Floats, Limit, couple
from vpp.dispatch.home_fleet import Together
from vpp.dispatch.mixed_fleet import MixedFleet, Settled, Zones
from vpp.scheduling.battery_oracle import Spread
from vpp.scheduling.battery_problem import BatteryPowers, BatteryProblem
from vpp.scheduling.home_answer import Behavior
from vpp.scheduling.home_problem import HomeProblem

NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class MixedPlan:
    """What each battery and each home does, and what the limits cost.

    `homes` are in the order they were given in, each with its powers by resource; `prices`, `sums_kw`, `below_kw` and
    `above_kw` are as in `FleetPlan`. The certificate's `primal` is the cost of these very powers.
    """

    batteries: BatteryPowers | None
    homes: tuple[Behavior, ...]
    prices: Floats
    sums_kw: Floats
    below_kw: Floats
    above_kw: Floats
    certificate: Certificate
    explanation: tuple[str, ...]


def plan_fleet(
    homes: Sequence[HomeProblem],
    limits: Sequence[Limit],
    *,
    batteries: BatteryProblem | None = None,
    zones: Zones | None = None,
    effort: Effort | None = None,
    warm: Floats | None = None,
    blocks: int = BLOCKS,
    spread: Spread = map,
) -> MixedPlan:
    """Plan every home so that their sum keeps the limits at the least cost.

    Parameters
    ----------
    homes
        With any resources, over one horizon.
    limits
        What couples them.
    batteries
        Further homes, with a battery each, as arrays over the same steps.
    zones
        None where all limits mean all homes.
    effort, warm, blocks, spread
        As in `plan_batteries`; blocks are those of each kind of home, and it is batteries that are spread.

    Raises
    ------
    CouplingError
        For no homes, and for horizons, limits or zones that do not fit.
    HomesCannotError, InfeasibleScheduleError
        Naming homes, resources and constraints that cannot be met.
    NoPlanInTimeError
        Where the time of a home that switches ran out and the simple rule finds it no plan either.
    """
    steps, step_h = _horizon(homes, batteries)
    count = 0 if batteries is None else len(batteries.net_kw)
    zones = zones or Zones(np.zeros(count, np.intp), np.zeros(len(homes), np.intp))
    if zones.battery.shape != (count,) or zones.home.shape != (len(homes),):
        raise CouplingError(f"{count} batteries and {len(homes)} homes need a zone each")
    if min(zones.battery.min(initial=0), zones.home.min(initial=0)) < 0:
        raise CouplingError("a zone is a number of 0 or more")
    coupling = couple(limits, zones=zones.count, steps=steps, step_h=step_h)
    if warm is not None and warm.shape != coupling.shape:
        raise CouplingError(f"prices of shape {warm.shape} do not fit limits of {coupling.shape}")
    effort = effort or Effort(grain=_grain(homes, batteries))
    fleet = MixedFleet(homes, batteries, zones=zones, effort=effort, blocks=blocks, spread=spread)
    if warm is None and limits:
        warm = fleet.learned(coupling)
    mix = coordinate(Together(fleet.parts), coupling, effort=effort, warm=warm)
    return _result(fleet, coupling, mix=mix, settled=fleet.settle(mix, coupling))


def _horizon(homes: Sequence[HomeProblem], batteries: BatteryProblem | None) -> tuple[int, float]:
    found = {(home.horizon.steps, home.horizon.step_h) for home in homes}
    if batteries is not None:
        found.add((batteries.net_kw.shape[1], batteries.step_h))
    if len(found) != 1:
        raise CouplingError("homes have different horizons" if found else "there are no homes")
    return found.pop()


def _grain(homes: Sequence[HomeProblem], batteries: BatteryProblem | None) -> float:
    prices = [home.prices.buy_per_kwh for home in homes[:100]]
    prices += [] if batteries is None else [np.asarray(batteries.buy_per_kwh)]
    return max(1e-6, GRAIN * float(np.mean([np.abs(each).mean() for each in prices])))


def _result(fleet: MixedFleet, coupling: Coupling, *, mix: Mix, settled: Settled) -> MixedPlan:
    below, above = coupling.violation_kw(settled.zone_kw)
    primal = settled.cost + coupling.penalty(settled.zone_kw)
    certificate = replace(
        mix.certificate, primal=primal, violation_kw=float(np.maximum(below, above).max(initial=0.0))
    )
    certificate = replace(certificate, finished=certificate.gap <= fleet.effort.gap)
    said = explain_limits(coupling, prices=mix.prices, below_kw=below, above_kw=above)
    return MixedPlan(
        batteries=settled.batteries,
        homes=settled.homes,
        prices=mix.prices,
        sums_kw=coupling.sums(settled.zone_kw),
        below_kw=below,
        above_kw=above,
        certificate=certificate,
        explanation=(*said, *_what_is_open(settled, certificate, mixed=mix.certificate)),
    )


def _what_is_open(settled: Settled, certificate: Certificate, *, mixed: Certificate) -> tuple[str, ...]:
    if certificate.finished:
        return ()
    gap = f"The plan is at most {100 * certificate.gap:.2g} % from the least cost there is"
    if settled.rounded and certificate.primal > mixed.primal + NOTHING:
        return (
            f"{gap}; {settled.rounded} homes that switch follow one answer where the bound mixes several, which leaves "
            f"{100 * (certificate.primal - mixed.primal) / max(NOTHING, abs(certificate.dual)):.2g} % open.",
        )
    return (f"{gap}: the search ended before it could prove less.",)
