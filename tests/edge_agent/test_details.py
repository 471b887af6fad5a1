"""Single devices and strings of panels: measured, made quarter-hours, kept and lost like other rows."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.details import DetailRecorder
from edge_agent.drivers.simulator.config import Appliance, Home, Household, Pv, PvString
from edge_agent.drivers.simulator.driver import SimulatorDriver
from edge_agent.rm.device import Generator, Load, Switch
from edge_agent.thinning import QUARTER_MS
from tests.edge_agent.cem.test_own_devices import home_of
from tests.edge_agent.rm.scripted import ScriptedDevice, until
from tests.edge_agent.test_outbox import gaps, opened
from vpp.energy_manager.reading import Reading
from vpp.intervals import to_ms
from vpp.protocols.link.messages import Points

PLUG = ("dishwasher", "power_kw")
MORNING = to_ms(datetime.fromisoformat("2026-04-23T08:00:00+02:00"))
MINUTE = 60_000


def test_a_quarter_hour_is_the_mean_of_what_held_in_it() -> None:
    """5 minutes of 1 kW and 10 of 4; what held over the end belongs to both quarter-hours."""
    recorder = DetailRecorder()
    assert recorder.add(0, {PLUG: 9.0}) is None
    assert recorder.add(5 * MINUTE, {PLUG: 1.0}) is None
    found = recorder.add(20 * MINUTE, {PLUG: 4.0})
    assert found == Points("backfill", 0, ["dishwasher"], ["power_kw"], [QUARTER_MS], [3.0])
    assert recorder.add(30 * MINUTE, {PLUG: 1.0}) == Points(
        "backfill", 0, ["dishwasher"], ["power_kw"], [2 * QUARTER_MS], [2.0]
    )


def test_what_is_known_too_little_is_not_told_and_a_gap_begins_anew() -> None:
    recorder = DetailRecorder()
    recorder.add(0, {})
    recorder.add(10 * MINUTE, {})
    assert recorder.add(15 * MINUTE, {PLUG: 1.0}) is None
    assert recorder.add(60 * MINUTE, {PLUG: 1.0}) is None
    assert recorder.add(75 * MINUTE, {PLUG: 2.0}) == Points(
        "backfill", 0, ["dishwasher"], ["power_kw"], [75 * MINUTE], [2.0]
    )


@given(st.lists(st.tuples(st.integers(1_000, 800_000), st.floats(0, 10)), min_size=1, max_size=60))
def test_no_energy_is_lost_or_made(steps: list[tuple[int, float]]) -> None:
    recorder, at, energy, told = DetailRecorder(), 0, 0.0, 0.0
    recorder.add(0, {})
    for span, power in [*steps, (QUARTER_MS, 0.0)]:
        at += span
        energy += power * span
        if (points := recorder.add(at, {PLUG: power})) is not None:
            told += points.value[0] * QUARTER_MS
    assert told == pytest.approx(energy, abs=1e-4 * QUARTER_MS * (len(steps) + 1))


async def test_a_home_tells_metered_loads_and_strings_where_there_are_several() -> None:
    plug = ScriptedDevice(Switch(rated_kw=2.0), Reading(power_kw=1.2), key="dishwasher")
    fridge = ScriptedDevice(Load(), Reading(power_kw=0.1), key="fridge")
    strings = (("East", 1.5), ("West", 0.5))
    roof = ScriptedDevice(Generator(peak_kw=5.0), Reading(power_kw=-2.0, strings=strings), key="roof")
    async with home_of(plug, fridge, roof) as home:
        await until(lambda: len(home.details()) == 4)
        assert home.details() == {
            PLUG: 1.2, ("fridge", "power_kw"): 0.1, ("roof", "string_kw/East"): 1.5, ("roof", "string_kw/West"): 0.5,
        }  # fmt: skip


async def test_several_inverters_are_strings_and_a_single_one_is_the_whole_roof() -> None:
    shed = ScriptedDevice(Generator(peak_kw=2.0), Reading(power_kw=-0.7), key="shed")
    roof = ScriptedDevice(Generator(peak_kw=5.0), Reading(power_kw=-2.0), key="roof")
    async with home_of(shed, roof) as home:
        await until(lambda: home.details() == {("roof", "string_kw/"): 2.0, ("shed", "string_kw/"): 0.7})
    async with home_of(roof) as home:
        await until(lambda: home.read(2_000).pv_kw == -2.0)
        assert home.details() == {}


def simulated(*, lost: float = 0.0) -> SimulatorDriver:
    strings = [
        PvString("East", 0.5, west=-0.6, lost=lost, lost_from=datetime.fromisoformat("2026-04-23T00:00:00Z")),
        PvString("West", 0.5, west=0.6),
    ]
    home = Home(
        seed=1,
        household=Household("H0-A", 3000.0),
        pv=Pv("PV1", 8.0, strings=strings),
        appliances=[Appliance("dishwasher", [2.0, 0.2, 1.5], "20:00", days=(3,))],
        noise=0.0,
    )
    return SimulatorDriver(home, now_ms=MORNING)


def test_a_simulated_roof_is_shared_and_a_faulty_string_takes_its_part_away() -> None:
    sound, faulty = simulated(), simulated(lost=0.4)
    at = MORNING + 15 * MINUTE
    images = sound.read(at), faulty.read(at)
    east, west = (sound.details()["pv", f"string_kw/{name}"] for name in ("East", "West"))
    assert east > west > 0.0
    assert east + west == pytest.approx(-(images[0].pv_kw or 0.0), abs=1e-3)
    assert faulty.details()["pv", "string_kw/East"] == pytest.approx(0.6 * east, abs=1e-3)
    assert faulty.details()["pv", "string_kw/West"] == pytest.approx(west, abs=1e-3)


def test_a_simulated_appliance_runs_on_its_days_as_part_of_the_household() -> None:
    """The 23rd of April 2026 is a Thursday."""
    driver = simulated()
    evening = MORNING + 12 * 60 * MINUTE
    driver.read(evening)
    powers = []
    for quarter in range(4):
        load = driver.read(evening + (quarter + 1) * QUARTER_MS).load_kw
        powers.append(driver.details()[PLUG])
        assert load >= powers[-1]
    assert powers == [2.0, 0.2, 1.5, 0.0]


def test_quarter_hours_that_are_lost_are_marked_like_rows(tmp_path: Path) -> None:
    outbox = opened(tmp_path, max_bytes=6_000)
    for number in range(1, 101):
        outbox.add_backfill(Points("backfill", 0, ["dishwasher"], ["power_kw"], [number * QUARTER_MS], [1.0]))
        outbox.commit()
    (gap,) = gaps(outbox)
    assert (gap.starts_at, gap.rows) == (QUARTER_MS, outbox.dropped_rows)
    assert outbox.dropped_rows > 0
