"""What is asserted of the day: from what the house drew, what the hub decided, and what the cloud got."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from edge_agent.outbox import Decided
from tests.edge_demo.house import Sample, between, energy_kwh
from tests.edge_demo.hub import CYCLE_S, DEAR_PRICE, REJOIN_S, RESERVE_SOC
from tests.edge_demo.scenes import CAR_H, ORDER, PLAN_ENDS_H, PLAN_H, PLAN_KW, Stage
from vpp.intervals import from_ms
from vpp.protocols.link.messages import Snapshots
from vpp.units import MS_PER_MINUTE, MS_PER_SECOND

MOST_OVERLOAD, INVERTER_KW = 1.5, 5.0
_WAITING = re.compile(r"waiting (\d+) s")


@dataclass(frozen=True, slots=True)
class Check:
    """A sentence with its figures, and whether it is as it should be."""

    is_right: bool
    text: str


def checks(stage: Stage) -> list[Check]:
    """All that can be said of the scenes that were played."""
    found: list[Check] = []
    parts: dict[str, Callable[[Stage], Iterator[Check]]] = {
        "sunny": _sunny, "peak": _peak, "cut": _schedule, "outage": _island, "return": _rejoin, "began": _rows,
    }  # fmt: skip
    for mark, part in parts.items():
        if mark in stage.marks:
            found += part(stage)
    return found


def _drawn_kwh(samples: list[Sample]) -> float:
    return sum(energy_kwh(samples, name) for name in ("load_kw", "heat_kw", "ev_kw"))


def _sunny(stage: Stage) -> Iterator[Check]:
    samples = between(stage.house.samples, stage.marks["sunny"], stage.at_hour(CAR_H))
    drawn, bought = _drawn_kwh(samples), energy_kwh(samples, "grid_kw")
    made, stored = energy_kwh(samples, "pv_kw", sign=-1), samples[-1].soc - samples[0].soc
    text = f"sun {made:.1f} kWh, drawn {drawn:.1f}, bought {bought:.2f}; battery {samples[0].soc:.0%} to {samples[-1].soc:.0%}"
    yield Check(bought <= 0.1 * drawn and (stored > 0.0 or samples[-1].soc > 0.97), text)


def _peak(stage: Stage) -> Iterator[Check]:
    decisions, marks = stage.table.decisions, stage.marks
    waited = [
        one for one in decisions if marks["car"] <= one.at < marks["dear"] and "home_mode" in one.reason
    ]
    yield Check(bool(waited), "while power was cheaper the battery waited for the peak")
    samples = between(stage.house.samples, marks["covers"], max(stage.at_hour(PLAN_H), marks["covers"] + 1))
    drawn, bought = _drawn_kwh(samples), energy_kwh(samples, "grid_kw")
    text = f"at {DEAR_PRICE:g} a kWh, {drawn:.2f} kWh were drawn and {bought:.2f} of them bought"
    yield Check(bought <= 0.25 * drawn, text)


def _schedule(stage: Stage) -> Iterator[Check]:
    ends = stage.at_hour(PLAN_ENDS_H)
    samples = between(stage.house.samples, stage.marks["cut"], ends)
    net_kwh = energy_kwh(samples, "grid_kw") - energy_kwh(samples, "grid_kw", sign=-1)
    mean_kw, charged = net_kwh * 3.6e6 / (samples[-1].at - samples[0].at), energy_kwh(samples, "ev_kw")
    text = f"without the cloud the plan of {PLAN_KW:g} kW was held at {mean_kw:.2f} kW; the car drew {charged:.2f} kWh"
    yield Check(abs(mean_kw - PLAN_KW) <= 1.0 and charged == 0.0, text)
    battery = [one for one in stage.table.decisions if one.resource == "battery"]
    planned = [one for one in battery if ORDER in one.reason]
    after = next((one for one in battery if one.at >= ends), None)
    text = "the home's own mode took over when the schedule ended"
    if after is None or not planned:
        yield Check(False, text)
        return
    text = f"{text}, at {from_ms(after.at):%H:%M:%S}: {after.controller}"
    yield Check(after.at == ends and all(one.at < ends for one in planned), text)


def _island(stage: Stage) -> Iterator[Check]:
    marks, decisions = stage.marks, stage.table.decisions
    samples = between(stage.house.samples, marks["outage"], marks.get("return", 1 << 60))
    shed = [one for one in decisions if "owner's list" in one.reason and one.at >= marks["outage"]]
    order = list(dict.fromkeys(one.resource for one in shed))
    expected = ["ev", "heat"] if stage.house.has_plug else ["ev"]
    minutes = (samples[-1].at - samples[0].at) / MS_PER_MINUTE
    text = f"{minutes:.0f} min without a grid: shed {' before '.join(order)}"
    yield Check(order == expected, text)
    most_kw = max(-one.battery_kw for one in samples)
    last = samples[-1]
    text = f"the inverter carried {most_kw:.1f} kW at most, {-last.battery_kw:.1f} kW with the loads shed"
    text = f"{text}; battery {samples[0].soc:.0%} to {last.soc:.0%}"
    is_right = (
        most_kw <= MOST_OVERLOAD * INVERTER_KW
        and -last.battery_kw < INVERTER_KW
        and last.ev_kw == last.heat_kw == 0.0
    )
    yield Check(is_right and last.soc > 0.1, text)
    imposed = [one for one in decisions if one.at >= marks["outage"] and one.resource == "pv"]
    exported = energy_kwh(samples, "grid_kw", sign=-1)
    text = f"exports stopped: {exported:.2f} kWh went out"
    yield Check(exported == 0.0 and any("nothing is exported" in one.reason for one in imposed), text)


def _rejoin(stage: Stage) -> Iterator[Check]:
    since = stage.marks["return"]
    told = [one for one in stage.table.decisions if one.resource == "ev" and one.at >= since]
    waiting = next((one for one in told if _WAITING.search(one.reason)), None)
    took_part = next(
        (one for one in told if waiting and one.at > waiting.at and one.controller != "island"), None
    )
    if waiting is None or took_part is None:
        yield Check(False, "the home waited before it took part again")
        return
    drawn_s, waited_s = _seconds(waiting), (took_part.at - waiting.at) / MS_PER_SECOND
    least_s, most_s = REJOIN_S
    text = f"the home drew a wait of {drawn_s} s (from {least_s:g} to {most_s:g}) and took part again after {waited_s:g} s"
    yield Check(least_s <= drawn_s <= most_s and drawn_s - 1 <= waited_s <= drawn_s + 1 + CYCLE_S, text)
    samples = between(stage.house.samples, waiting.at, took_part.at)
    charged = energy_kwh(samples, "ev_kw")
    yield Check(charged == 0.0, f"meanwhile the car drew {charged:.2f} kWh")
    if "reserve" not in stage.marks:
        return
    rest = between(stage.house.samples, stage.marks["reserve"], 1 << 60)
    lost = rest[0].soc - min(one.soc for one in rest)
    text = f"the battery stopped at {rest[0].soc:.1%}, with a reserve of {RESERVE_SOC:.0%}, and lost {lost:.1%} from there"
    yield Check(lost < 0.01, text)


def _seconds(one: Decided) -> int:
    found = _WAITING.search(one.reason)
    return int(found[1]) if found else -1


def _rows(stage: Stage) -> Iterator[Check]:
    hub = stage.cloud.hub
    instants = sorted(hub.rows)
    sent = sum(len(one.at) for one in hub.messages if isinstance(one, Snapshots))
    gaps = sum(after - before != MS_PER_MINUTE for before, after in pairwise(instants))
    text = f"the cloud has {len(instants)} minutes, {gaps} missing in between, {sent - len(instants)} of them twice"
    yield Check(gaps == 0 and sent == len(instants), text)
    house = stage.house
    wires = {"the inverter": len(house.hybrid.written), "the wallbox": len(house.car.orders)}
    if house.has_plug:
        wires["the plug"] = len(house.plug.told)
    text = ", ".join(f"{name} {count}" for name, count in wires.items())
    yield Check(all(wires.values()), f"orders that arrived over the wires: {text}")
