"""The parts of a fleet of homes of any kind, and what each home does once prices are found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.battery_fleet import BatteryFleet
from vpp.dispatch.battery_plan import learned_prices
from vpp.dispatch.coordinate import Effort, Mix, coordinate
from vpp.dispatch.coupling import Coupling, Floats
from vpp.dispatch.home_fleet import HomeFleet, Together, switches
from vpp.dispatch.home_stack import is_row, stack, unstack
from vpp.scheduling.battery_oracle import Spread, powers_of
from vpp.scheduling.battery_problem import BatteryPowers, BatteryProblem
from vpp.scheduling.home_answer import Behavior
from vpp.scheduling.home_problem import HomeProblem


@dataclass(frozen=True, slots=True)
class Zones:
    """The zone of each battery (N,) and of each home (H,), from 0."""

    battery: NDArray[np.intp]
    home: NDArray[np.intp]

    @property
    def count(self) -> int:
        """One more than the highest."""
        return int(max(self.battery.max(initial=0), self.home.max(initial=0))) + 1


@dataclass(frozen=True, slots=True)
class Settled:
    """What all do; `rounded` counts the homes that could not follow their mix."""

    batteries: BatteryPowers | None
    homes: tuple[Behavior, ...]
    zone_kw: Floats
    cost: float
    rounded: int = 0


class MixedFleet:
    """Batteries, homes that are rows like them, convex homes, and homes that switch: the parts there are of them."""

    def __init__(
        self,
        homes: Sequence[HomeProblem],
        batteries: BatteryProblem | None,
        *,
        zones: Zones,
        effort: Effort,
        blocks: int,
        spread: Spread,
    ) -> None:
        self.homes, self.zones, self.effort = homes, zones, effort
        kinds = np.array([0 if is_row(home) else 2 if switches(home) else 1 for home in homes], np.intp)
        self.numbers = [np.flatnonzero(kinds == kind) for kind in range(3)]
        self.batteries = (
            None
            if batteries is None
            else BatteryFleet(batteries, zone_of_home=zones.battery, blocks=blocks, spread=spread)
        )
        rows, convex, switching = self.numbers
        self.rows = (
            BatteryFleet(
                stack([homes[number] for number in rows.tolist()]),
                zone_of_home=zones.home[rows],
                blocks=blocks,
                spread=spread,
            )
            if rows.size
            else None
        )
        self.convex, self.switching = (
            HomeFleet(
                [homes[number] for number in chosen.tolist()],
                zone_of_home=zones.home[chosen],
                blocks=blocks,
                time_left=effort.time_left,
            )
            if chosen.size
            else None
            for chosen in (convex, switching)
        )

    @property
    def mixing(self) -> list[BatteryFleet | HomeFleet]:
        """The parts whose answers may be mixed."""
        return [part for part in (self.batteries, self.rows, self.convex) if part is not None]

    @property
    def parts(self) -> list[BatteryFleet | HomeFleet]:
        """All parts; the homes that switch are the last."""
        return self.mixing + ([] if self.switching is None else [self.switching])

    def learned(self, coupling: Coupling) -> Floats | None:
        """Prices of a sample of the batteries under what the other homes leave them; None where they are few."""
        if self.batteries is None:
            return None
        steps = coupling.shape[1]
        left = np.zeros((self.zones.count, steps))
        for part in self.parts:
            if part is not self.batteries:
                usage = part.respond(np.zeros((len(part.zone_of_block), steps))).usage_kw
                np.add.at(left, part.zone_of_block, usage)
        self._forget()
        shifted = _shifted(coupling, left)
        return learned_prices(self.batteries.problem, shifted, zones=self.zones.battery, effort=self.effort)

    def _forget(self) -> None:
        for part in (self.convex, self.switching):
            if part is not None:
                part.forget()

    def settle(self, mix: Mix, coupling: Coupling) -> Settled:
        """What each home does by a mix; the best of two ways to round, with the rest around them."""
        shares = Together(self.parts).share(mix.weights)
        asked = [Together(self.parts).share(np.stack(mix.asked)), shares]
        first = self._mixed(list(zip(*asked, strict=True)))
        if self.switching is None:
            return first
        tried = [
            self.rounded(first, coupling, weights=shares[-1], greatest=greatest) for greatest in (False, True)
        ]
        if coupling.names and self.mixing:
            tried += [
                self._again(settled, coupling, mix=mix)
                for settled in (tried if tried[0].homes != tried[1].homes else tried[:1])
                if self.effort.time_left() > 0
            ]
        return min(tried, key=lambda one: one.cost + coupling.penalty(one.zone_kw))

    def _mixed(self, shares: list[tuple[Floats, Floats]]) -> Settled:
        """Batteries, rows and convex homes by their shares (K, B, ...) of prices and weights; none that switches."""
        zone_kw = np.zeros((self.zones.count, shares[0][0].shape[2]))
        homes: list[Behavior | None] = [None] * len(self.homes)
        batteries, cost, waiting = None, 0.0, list(shares)
        for part in self.mixing:
            asked, weights = waiting.pop(0)
            if isinstance(part, HomeFleet):
                done = part.mixed(weights=weights)
                self._note(homes, done, kind=1)
                continue
            powers = powers_of(part.problem, part.stored_kwh(list(asked), weights=weights))
            if part is self.rows:
                self._note(
                    homes,
                    unstack([self.homes[number] for number in self.numbers[0].tolist()], powers),
                    kind=0,
                )
                continue
            batteries, cost = powers, float(powers.cost.sum())
            np.add.at(zone_kw, self.zones.battery, powers.grid_kw)
        for zone, home in zip(self.zones.home.tolist(), homes, strict=True):
            if home is not None:
                zone_kw[zone] += home.meter_kw
                cost += home.cost.total
        return Settled(batteries, tuple(homes), zone_kw, cost)  # type: ignore[arg-type]

    def _note(self, homes: list[Behavior | None], done: list[Behavior], *, kind: int) -> None:
        for number, behavior in zip(self.numbers[kind].tolist(), done, strict=True):
            homes[number] = behavior

    def rounded(self, first: Settled, coupling: Coupling, *, weights: Floats, greatest: bool) -> Settled:
        """Give each home that switches one of its answers: the `greatest` part of its mix, or that which costs least.

        Cost is counted with the penalties of what all others draw so far, which cannot know how they would make room.
        """
        assert self.switching is not None
        homes, zone_kw, cost, rounded = list(first.homes), first.zone_kw.copy(), first.cost, 0
        numbers = self.numbers[2].tolist()
        choices = [self.switching.choices(place, weights=weights) for place in range(len(numbers))]
        for number, options in zip(numbers, choices, strict=True):
            for weight, behavior in options:
                zone_kw[self.zones.home[number]] += weight * behavior.meter_kw
        for number, options in zip(numbers, choices, strict=True):
            zone = self.zones.home[number]
            for weight, behavior in options:
                zone_kw[zone] -= weight * behavior.meter_kw
            scores = []
            for _, behavior in options:
                tried = zone_kw.copy()
                tried[zone] += behavior.meter_kw
                scores.append(behavior.cost.total + coupling.penalty(tried))
            best = options[0 if greatest else int(np.argmin(scores))][1]
            zone_kw[zone] += best.meter_kw
            homes[number], cost, rounded = best, cost + best.cost.total, rounded + (len(options) > 1)
        return replace(first, homes=tuple(homes), zone_kw=zone_kw, cost=cost, rounded=rounded)

    def _again(self, settled: Settled, coupling: Coupling, *, mix: Mix) -> Settled:
        """What is settled of the homes that switch, with the rest coordinated anew around them."""
        fixed = np.zeros_like(settled.zone_kw)
        chosen = {number: settled.homes[number] for number in self.numbers[2].tolist()}
        for number, behavior in chosen.items():
            fixed[self.zones.home[number]] += behavior.meter_kw
        self._forget()
        together = Together(self.mixing)
        anew = coordinate(together, _shifted(coupling, fixed), effort=self.effort, warm=mix.prices)
        asked = together.share(np.stack(anew.asked))
        rest = self._mixed(list(zip(asked, together.share(anew.weights), strict=True)))
        homes = tuple(chosen.get(number, home) for number, home in enumerate(rest.homes))
        cost = rest.cost + sum(behavior.cost.total for behavior in chosen.values())
        return replace(rest, homes=homes, zone_kw=rest.zone_kw + fixed, cost=cost, rounded=settled.rounded)


def _shifted(coupling: Coupling, zone_kw: Floats) -> Coupling:
    """What is left of the limits when some draw (Z, T) [kW] whatever the prices."""
    sums = coupling.sums(zone_kw)
    return replace(coupling, least_kw=coupling.least_kw - sums, most_kw=coupling.most_kw - sums)
