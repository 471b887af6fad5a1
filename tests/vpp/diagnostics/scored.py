"""Every kind of fault put into a fleet, looked for, and scored; the test and the benchmark share it."""

from collections.abc import Callable

import numpy as np

from tests.vpp.diagnostics.faulty_fleet import (
    INTERVALS,
    STEP_H,
    battery_fleet,
    performance_index,
    plants_with_faults,
    setpoints,
    solar_fleet,
)
from tests.vpp.diagnostics.faulty_parts import plugged_home, string_roofs
from tests.vpp.diagnostics.scoring import Score, score
from vpp.diagnostics.appliance_runs import appliance_runs, habit_shift
from vpp.diagnostics.battery_health import battery_fade_findings, battery_health
from vpp.diagnostics.battery_resistance import resistance, resistance_findings
from vpp.diagnostics.checks import Floats
from vpp.diagnostics.clipping import clipping, clipping_findings
from vpp.diagnostics.degradation import degradation_findings, year_on_year
from vpp.diagnostics.finding import Finding
from vpp.diagnostics.following import setpoint_following
from vpp.diagnostics.peer_faults import peer_faults
from vpp.diagnostics.peers import peer_ratio, similar_peers
from vpp.diagnostics.runs import Stretches
from vpp.diagnostics.stale import missing_data, negative_generation, night_generation, stuck_values
from vpp.diagnostics.strings import string_findings, string_yields
from vpp.diagnostics.thresholds import DEFAULTS
from vpp.intervals import Grid, from_ms

HOMES = 120
FAULTY = 12
BATTERIES = 40
KW_PEAK = 5.0
ONCE = float("nan")  # looked for once, in all of the data: there is no delay to tell


def positions(findings: list[Finding], *, day: float) -> dict[int, float]:
    """Resources are named by position; `day` is when it was looked."""
    return {int(finding.resource): day for finding in findings}


def names(count: int) -> list[str]:
    return [str(position) for position in range(count)]


def plants(seed: int) -> dict[str, Score]:
    """Soiling, strings and outages of one fleet; and all of them as `any`, whatever they are taken for."""
    fleet = plants_with_faults(seed, homes=HOMES)
    found = peer_faults(peer_ratio(fleet.yields, similar_peers(fleet.yields[:, :30])))
    alarms = {int(at): float(found.detected[at]) for at in np.flatnonzero(found.detected >= 0)}
    out = {at for at in alarms if not found.declines[at] and found.loss[at] >= 0.9}
    dirty = {at for at in alarms if found.declines[at]}

    def only(which: set[int]) -> dict[int, float]:
        return {at: alarms[at] for at in which}

    return {
        "soiling": score(fleet.soiling, only(dirty)),
        "failing_string": score(fleet.string, only(alarms.keys() - dirty - out)),
        "plant_outage": score(fleet.outage, only(out)),
        "any_plant_fault": score({**fleet.soiling, **fleet.string, **fleet.outage}, alarms),
    }


def first_alarm(found: Stretches, least: int) -> dict[int, float]:
    """The day on which each row's first stretch got long enough."""
    days = (found.starts + least) / INTERVALS
    return {int(row): float(days[found.row == row].min()) for row in np.unique(found.row)}


def data(seed: int) -> dict[str, Score]:
    """Stuck, missing, nightly and negative values of four weeks of solar power."""
    chance = np.random.default_rng(seed + 2000)
    clean = solar_fleet(seed, homes=HOMES)[:, :28].reshape(HOMES, -1) * KW_PEAK
    clean = np.where(clean < 0.01, 0.0, clean)
    night = np.tile((clean.reshape(HOMES, -1, INTERVALS) == 0).all(axis=(0, 1)), 28)
    began = chance.integers(7, 21, HOMES) * INTERVALS
    length = chance.integers(12, 60, HOMES)
    faulty = chance.permutation(HOMES)[:FAULTY].tolist()
    since = {home: (began[home] + 40) / INTERVALS for home in faulty}  # 10:00
    # Whatever happens to every meter: single values are lost, and now and then three in a row.
    lost = chance.random(clean.shape) < 0.005
    clean = np.where(lost | np.roll(lost, 1, axis=1), np.nan, clean)
    broken = {kind: clean.copy() for kind in ("stuck", "missing", "night", "negative")}
    dusk = {home: (began[home] + 88) / INTERVALS for home in faulty}  # 22:00
    for home in faulty:
        at = began[home] + 40
        broken["stuck"][home, at : at + length[home]] = 1.234
        broken["missing"][home, at : at + length[home]] = np.nan
        broken["night"][home, began[home] + 88 : began[home] + 96] = chance.uniform(0.1, 1, 8)
        broken["negative"][home, at:] *= -1
    return {
        "stuck_value": score(since, first_alarm(stuck_values(broken["stuck"]), DEFAULTS.stuck_intervals)),
        "missing_data": score(
            since, first_alarm(missing_data(broken["missing"]), DEFAULTS.missing_intervals)
        ),
        "night_generation": score(
            dusk, first_alarm(night_generation(broken["night"], night), DEFAULTS.night_intervals)
        ),
        "negative_generation": score(
            since, first_alarm(negative_generation(broken["negative"]), DEFAULTS.night_intervals)
        ),
    }


def clipped(seed: int) -> dict[str, Score]:
    """A tenth of the plants has an inverter of about half the modules' power."""
    chance = np.random.default_rng(seed + 3000)
    generation = solar_fleet(seed, homes=HOMES).reshape(HOMES, -1)
    limit = chance.uniform(0.25, 0.4, HOMES)
    faulty = chance.permutation(HOMES)[:FAULTY].tolist()
    for home in faulty:
        noise = chance.normal(1, 0.001, generation.shape[1])
        generation[home] = np.minimum(generation[home], limit[home] * noise)
    findings = clipping_findings(
        clipping(generation), names(HOMES), grid=Grid(from_ms(0), 900, generation.shape[1])
    )
    return {"clipping": score(dict.fromkeys(faulty, 0.0), positions(findings, day=ONCE))}


def following(seed: int) -> dict[str, Score]:
    """Batteries that ignore their setpoint, are held to half of it, or are off by an offset."""
    chance = np.random.default_rng(seed + 4000)
    asked = setpoints(seed, homes=HOMES)
    power = asked + np.clip(chance.normal(0, 0.05, asked.shape), -0.15, 0.15)
    power[:, ::4] += chance.normal(0, 1, power[:, ::4].shape)  # ramps into a new setpoint
    faulty = chance.permutation(HOMES)[:FAULTY].tolist()
    began = chance.integers(10, 60, HOMES)
    for home in faulty:
        kind, rest = home % 3, slice(began[home], None)
        power[home, rest] = (power[home, rest] * 0, power[home, rest] / 2, power[home, rest] + 0.6)[kind]
    found = setpoint_following(power, asked, rating_kw=np.full(HOMES, 5.0))
    since = {home: began[home] / INTERVALS for home in faulty}
    return {"setpoint_not_followed": score(since, first_alarm(found.failed, DEFAULTS.following_intervals))}


def batteries(seed: int) -> dict[str, Score]:
    """A quarter fades by 7 to 12 % a year, the others by 1 to 2.5 %; looked at every quarter of two years."""
    chance = np.random.default_rng(seed + 5000)
    bad = np.arange(BATTERIES) < BATTERIES // 4
    fade = np.where(bad, chance.uniform(0.07, 0.12, BATTERIES), chance.uniform(0.01, 0.025, BATTERIES))
    fleet = battery_fleet(seed, fade=fade)
    alarms: dict[int, float] = {}
    for day in range(91, 731, 91):
        until = day * 48
        health = battery_health(fleet.power_kw[:, :until], fleet.soc[:, :until], step_h=STEP_H)
        sure = [each for each in battery_fade_findings(health, names(BATTERIES)) if each.confidence >= 0.9]
        alarms = positions(sure, day=float(day)) | alarms
    return {"battery_fade": score(dict.fromkeys(np.flatnonzero(bad).tolist(), 0.0), alarms)}


def resistances(seed: int) -> dict[str, Score]:
    """A quarter doubles its resistance within a year, with the seasons' swing of a tenth on all of them."""
    chance = np.random.default_rng(seed + 6000)
    bad = np.arange(BATTERIES) < BATTERIES // 4
    at_s = np.repeat(np.arange(365) * 86400.0 + 43200, 2) + np.tile([0.0, 5.0], 365)
    year = at_s / (365 * 86400)
    rise = np.where(bad, chance.uniform(0.8, 1.2, BATTERIES), chance.uniform(0, 0.15, BATTERIES))
    ohm = 0.05 * (1 + rise[:, None] * year) * (1 + 0.1 * np.cos(2 * np.pi * year))
    current = np.tile([0.0, 20.0], (BATTERIES, 365)) * chance.uniform(0.5, 1, (BATTERIES, 365)).repeat(
        2, axis=1
    )
    voltage = 51.2 + ohm * current + chance.normal(0, 0.05, current.shape)
    findings = resistance_findings(resistance(voltage, current, at_s=at_s), names(BATTERIES))
    injected = dict.fromkeys(np.flatnonzero(bad).tolist(), 0.0)
    return {"battery_resistance": score(injected, positions(findings, day=ONCE))}


def degradations(seed: int) -> dict[str, Score]:
    """A quarter of the plants loses 2 to 3 % a year, the others 0.3 to 0.6 %; four years."""
    chance = np.random.default_rng(seed + 7000)
    bad = np.arange(BATTERIES) < BATTERIES // 4
    rates: Floats = -np.where(bad, chance.uniform(2, 3, BATTERIES), chance.uniform(0.3, 0.6, BATTERIES))
    found = year_on_year(performance_index(seed, rates), seed=seed)
    sure = [each for each in degradation_findings(found, names(BATTERIES)) if each.confidence >= 0.9]
    injected = dict.fromkeys(np.flatnonzero(bad).tolist(), 0.0)
    return {"pv_degradation": score(injected, positions(sure, day=ONCE))}


def strings(seed: int) -> dict[str, Score]:
    """A tenth of the roofs, of two to four strings, has lost 15 to 40 % of one since the year before."""
    chance = np.random.default_rng(seed + 8000)
    faulty = {home: float(chance.uniform(0.15, 0.4)) for home in chance.permutation(HOMES)[:FAULTY].tolist()}
    found: dict[int, float] = {}
    for count, homes in ((2, range(40)), (3, range(40, 80)), (4, range(80, HOMES))):
        now, before = string_roofs(seed, homes=HOMES, strings=count, lost=faulty)
        for home in homes:
            each = string_findings(string_yields(now[home], before[home]), names(count))
            # The right home with the wrong string is a wrong finding.
            found |= {home if one.resource == "0" else -home - 1: ONCE for one in each}
    return {"string_below_last_year": score(dict.fromkeys(faulty, 0.0), found)}


def habits(seed: int) -> dict[str, Score]:
    """Half of the homes run their dishwasher in the dear evening, the others in the sun or in the cheap night.

    And every run is looked for: the last row scores the runs themselves.
    """
    chance = np.random.default_rng(seed + 9000)
    found, dear = dict[int, float](), dict[int, float]()
    runs, seen = dict[int, float](), dict[int, float]()
    for home in range(BATTERIES):
        is_dear = home % 2 == 0
        hour = float(chance.uniform(18, 20)) if is_dear else 12.0 if home % 4 == 1 else 3.0
        made = plugged_home(
            seed * BATTERIES + home, hour=hour, band=(2.0, 6.0) if home % 4 == 3 else (0.0, 0.0)
        )
        power = made.power_kw + np.abs(chance.normal(0, 0.004, len(made.power_kw)))
        habit = habit_shift(
            power, made.grid_kw, buy_per_kwh=made.buy, sell_per_kwh=0.16, allowed=np.ones(INTERVALS, bool), step_h=0.25
        )  # fmt: skip
        if is_dear:
            dear[home] = 0.0
        if habit is not None and habit.confidence(0.02) >= 0.9:
            found[home] = ONCE
        spots = appliance_runs(power, step_h=0.25).starts.tolist()
        runs |= {home * 10_000 + at: 0.0 for at in made.starts}
        seen |= {home * 10_000 + int(at): ONCE for at in spots}
    return {"dear_habit": score(dear, found), "appliance_run": score(runs, seen)}


ALL: tuple[Callable[[int], dict[str, Score]], ...] = (
    plants,
    data,
    clipped,
    following,
    batteries,
    resistances,
    degradations,
    strings,
    habits,
)


def all_scores(seeds: range) -> dict[str, Score]:
    """Means of the seeds by kind of fault."""
    runs = [{kind: each for part in ALL for kind, each in part(seed).items()} for seed in seeds]
    return {
        kind: Score(
            precision=float(np.mean([run[kind].precision for run in runs])),
            recall=float(np.mean([run[kind].recall for run in runs])),
            delay_days=float(np.mean([run[kind].delay_days for run in runs])),
        )
        for kind in runs[0]
    }
