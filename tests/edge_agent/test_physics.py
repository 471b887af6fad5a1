"""The simulated devices obey physics, whatever they are told."""

from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.drivers.simulator.config import Battery, Ev, Heat, Home, Outage
from edge_agent.drivers.simulator.devices import BatteryModel, EvModel, HeatModel
from edge_agent.drivers.simulator.driver import SimulatorDriver
from edge_agent.drivers.simulator.fleet import HOMES, fleet
from edge_agent.drivers.simulator.profiles import Calendar, load_profiles
from edge_agent.drivers.simulator.world import World
from vpp.energy_manager.process_image import Setpoints
from vpp.intervals import to_ms

NOON = to_ms(datetime.fromisoformat("2026-04-23T12:00:00+02:00"))
BATTERY = Battery(10.0, 5.0, 4.0, charge_efficiency=0.9, discharge_efficiency=0.8, standby_kw=0.0)
WISH = st.none() | st.floats(-20, 20)
STEPS = st.lists(st.tuples(WISH, st.floats(0.001, 2.0)), max_size=60)


@given(STEPS, st.floats(0, 1))
def test_battery_keeps_its_bounds_and_makes_no_energy(steps: list, soc: float) -> None:
    battery = BatteryModel(Battery(10.0, 5.0, 4.0, 0.9, 0.8, 0.0, soc))
    for wish, hours in steps:
        before = battery.energy_kwh
        power = battery.run(wish, hours)
        assert 0.0 <= battery.soc <= 1.0
        assert -4.0 <= power <= 5.0
        stored = power * hours * (0.9 if power > 0 else 1 / 0.8)
        assert battery.energy_kwh - before == pytest.approx(stored, abs=1e-9)
        if wish is not None and power:
            assert (power > 0) == (wish > 0)
            assert abs(power) <= abs(wish) + 1e-9


def test_a_round_trip_costs_both_efficiencies() -> None:
    battery = BatteryModel(Battery(10.0, 5.0, 4.0, 0.9, 0.8, 0.0, 0.0))
    charged = sum(battery.run(2.0, 0.5) * 0.5 for _ in range(4))
    discharged = -sum(battery.run(-2.0, 0.5) * 0.5 for _ in range(10))
    assert charged == pytest.approx(4.0)
    assert discharged == pytest.approx(4.0 * 0.9 * 0.8)
    assert battery.energy_kwh == pytest.approx(0.0, abs=1e-12)


def test_standby_is_drawn_even_when_idle() -> None:
    battery = BatteryModel(Battery(10.0, 5.0, 4.0, standby_kw=0.01))
    assert battery.run(None, 1.0) == 0.01
    assert battery.soc == 0.5


@given(st.lists(st.none() | st.floats(-5, 20), min_size=1, max_size=48), st.floats(0.1, 20))
def test_a_car_leaves_with_what_it_needs_if_that_can_be_done(limits: list, need: float) -> None:
    ev = EvModel(Ev("HLS_A_11.0", 11.0, 60.0))
    ev.arrive(0, need)
    hours = 0.25
    given_kwh = 0.0
    for place, limit in enumerate(limits):
        power = ev.run(limit, hours, hours_left=(len(limits) - place) * hours)
        assert 0.0 <= power <= 11.0
        given_kwh += power * hours
    assert min(need, 11.0 * hours * len(limits)) - 1e-6 <= given_kwh <= need + 1e-6


def test_a_paused_car_waits_as_long_as_it_can_afford() -> None:
    ev = EvModel(Ev("HLS_A_11.0", 11.0, 60.0))
    ev.arrive(0, 11.0)
    powers = [ev.run(0.0, 0.5, hours_left=(8 - place) * 0.5) for place in range(8)]
    assert powers == [0, 0, 0, 0, 0, 0, 11.0, 11.0]


@given(st.lists(st.tuples(st.none() | st.floats(-5, 10), st.floats(0, 8)), max_size=60))
def test_heat_tank_keeps_its_bounds_and_its_balance(steps: list) -> None:
    heat = HeatModel(Heat("Air_Parallel_1", 3.0, 8.0, cop=3.0))
    hours = 0.25
    for wish, demand in steps:
        before, unmet = heat.tank_kwh, heat.unmet_kwh
        power = heat.run(wish, hours, demand_kw=demand)
        assert 0.0 <= power <= 3.0
        assert 0.0 <= heat.tank_kwh <= 8.0
        served = demand * hours - (heat.unmet_kwh - unmet)
        assert heat.tank_kwh - before == pytest.approx(power * 3.0 * hours - served, abs=1e-9)
        if heat.unmet_kwh > unmet + 1e-9:
            assert power == pytest.approx(3.0)


@cache
def homes() -> list:
    return fleet()


SETPOINTS = st.builds(Setpoints, battery_kw=WISH, ev_kw=WISH, heat_kw=WISH, pv_kw=WISH)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, HOMES - 1),
    st.integers(-14 * 96, 3 * 96),
    st.lists(st.tuples(SETPOINTS, st.sampled_from([15_000, 60_000, 300_000, 900_000])), max_size=40),
)
def test_a_home_balances_in_every_step(number: int, start: int, steps: list) -> None:
    at = NOON + start * 900_000
    world = World(homes()[number].home, load_profiles(), at=at)
    for setpoints, length in steps:
        imported, exported, began = world.import_kwh, world.export_kwh, world.at
        flows = world.advance(world.next_stop(began + length), setpoints)
        hours = (world.at - began) / 3_600_000
        assert flows.grid_kw == flows.load_kw + flows.pv_kw + flows.battery_kw + flows.ev_kw + flows.heat_kw
        net = (world.import_kwh - imported) - (world.export_kwh - exported)
        assert net == pytest.approx(flows.grid_kw * hours, abs=1e-9)
        assert world.import_kwh >= imported
        assert world.export_kwh >= exported
        assert flows.pv_kw <= 0.0 <= flows.load_kw


def test_the_fleet_is_the_same_every_time_and_no_two_homes_are_alike() -> None:
    first, again = fleet(), fleet()
    assert first == again
    assert len({home.key for home in first}) == HOMES == 24
    assert len({(home.home.household.profile, home.home.household.first_week) for home in first}) == 24
    assert all(home.home.battery and home.home.pv for home in first)
    assert sum(home.home.ev is not None for home in first) == 8
    assert sum(home.home.heat is not None for home in first) == 6
    for home in first:
        assert 2500 <= home.home.household.annual_kwh <= 5500
        assert home.home.pv and 4 <= home.home.pv.peak_kw <= 10
        SimulatorDriver(home.home, now_ms=NOON)
    with pytest.raises(ValueError, match="1 to 24"):
        fleet(25)


def test_a_year_of_the_profile_is_the_annual_consumption() -> None:
    profiles = load_profiles()
    assert profiles.full_load_hours["H0-A"] == pytest.approx(1222.1)
    assert {len(column) for column in profiles.columns.values()} == {12 * 7 * 96}


@pytest.mark.parametrize(
    ("local", "step"),
    [
        ("2026-04-06T00:00:00+02:00", 0),
        ("2026-04-23T18:05:00+02:00", (2 * 7 + 3) * 96 + 72),
        ("2026-04-26T23:59:59+02:00", 21 * 96 - 1),
        ("2026-04-27T00:00:00+02:00", 0),
        ("2026-03-29T01:59:00+01:00", 13 * 96 + 7),
        ("2026-03-29T03:00:00+02:00", 13 * 96 + 12),
        ("2026-01-05T12:00:00+01:00", 14 * 96 + 48),
    ],
)
def test_weekday_and_time_of_day_are_kept_across_time_zones(local: str, step: int) -> None:
    calendar = Calendar(first_monday="2026-04-06", weeks=3, time_zone="Europe/Berlin")
    assert calendar.local_step(to_ms(datetime.fromisoformat(local))) == step


def test_a_driver_takes_up_a_saved_home_and_lives_through_the_gap() -> None:
    home = homes()[0].home
    driver = SimulatorDriver(home, now_ms=NOON)
    driver.write(Setpoints(battery_kw=-1.0))
    driver.read(NOON + 600_000)
    soc = driver.read(NOON + 600_000).battery_soc
    saved = driver.state()
    later = SimulatorDriver(home, now_ms=NOON + 4_200_000, saved=saved)
    image = later.read(NOON + 4_200_000)
    assert image.battery_soc == soc
    assert later.world.at >= NOON + 4_200_000
    assert image.import_kwh + image.export_kwh > driver.world.import_kwh + driver.world.export_kwh


def test_measured_power_is_the_mean_of_the_time_read_over() -> None:
    home = Home(seed=1, household=homes()[0].home.household, noise=0.0)
    driver = SimulatorDriver(home, now_ms=NOON)
    image = driver.read(NOON + 3_600_000)
    assert image.grid_kw == pytest.approx(image.import_kwh, abs=1e-4)
    assert image.battery_kw is None and image.ev_kw is None and image.pv_kw is None


def test_noise_is_small_and_registers_have_none() -> None:
    home = msgspec.structs.replace(homes()[4].home, seed=1)
    one, other = SimulatorDriver(homes()[4].home, now_ms=NOON), SimulatorDriver(home, now_ms=NOON)
    first, second = one.read(NOON + 60_000), other.read(NOON + 60_000)
    assert first.load_kw != second.load_kw
    assert first.load_kw == pytest.approx(second.load_kw, rel=0.05)
    assert (first.import_kwh, first.export_kwh) == (second.import_kwh, second.export_kwh)


def test_heat_pump_keeps_below_its_limit_unless_the_tank_would_run_empty() -> None:
    config = Heat("Air_Parallel_1", 3.0, 8.0, cop=3.0)
    assert HeatModel(config).run(None, 1.0, demand_kw=6.0) == 2.0
    limited = HeatModel(config)
    assert limited.run(None, 1.0, demand_kw=6.0, limit_kw=1.5) == 1.5
    assert limited.run(2.5, 0.1, demand_kw=6.0, limit_kw=1.0) == 1.0
    limited.tank_kwh = 0.0
    assert limited.run(None, 1.0, demand_kw=6.0, limit_kw=0.0) == 2.0


NIGHT_OUTAGE = Outage(
    datetime.fromtimestamp(NOON / 1000, UTC), datetime.fromtimestamp(NOON / 1000 + 6 * 3600, UTC)
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, HOMES - 1), st.lists(SETPOINTS, min_size=1, max_size=24))
def test_an_island_balances_itself_and_makes_nothing_of_nothing(number: int, steps: list) -> None:
    home = msgspec.structs.replace(homes()[number].home, outages=[NIGHT_OUTAGE])
    world = World(home, load_profiles(), at=NOON)
    assert world.battery is not None
    for setpoints in steps:
        before = world.battery.energy_kwh
        imported, exported, began = world.import_kwh, world.export_kwh, world.at
        flows = world.advance(world.next_stop(world.at + 900_000), setpoints)
        hours = (world.at - began) / 3_600_000
        balance = flows.load_kw + flows.pv_kw + flows.battery_kw + flows.ev_kw + flows.heat_kw
        assert (flows.grid_kw, world.import_kwh, world.export_kwh) == (0.0, imported, exported)
        assert balance == pytest.approx(0.0, abs=0.01)
        assert flows.pv_kw <= 1e-9
        assert world.battery.energy_kwh - before <= max(0.0, flows.battery_kw) * hours + 1e-9
        assert world.on_grid is False


def test_home_is_dark_when_its_battery_is_empty_and_says_how_much_it_missed() -> None:
    home = homes()[0].home
    assert home.battery
    home = msgspec.structs.replace(
        home, outages=[NIGHT_OUTAGE], battery=msgspec.structs.replace(home.battery, initial_soc=0.0)
    )
    world = World(home, load_profiles(), at=NOON)
    flows = world.advance(world.next_stop(NOON + 900_000))
    assert (flows.load_kw, flows.ev_kw, flows.heat_kw) == (0.0, 0.0, 0.0)
    assert flows.battery_kw == pytest.approx(-flows.pv_kw)
    assert world.unserved_kwh > 0.0


def test_step_ends_where_the_grid_goes_or_comes() -> None:
    begins = datetime.fromtimestamp(NOON / 1000 + 100, UTC)
    outage = Outage(begins, begins + timedelta(seconds=50))
    world = World(msgspec.structs.replace(homes()[0].home, outages=[outage]), load_profiles(), at=NOON)
    stops = []
    while world.at < NOON + 300_000:
        world.advance(world.next_stop(NOON + 300_000))
        stops.append(((world.at - NOON) // 1000, world.on_grid))
    assert stops == [(100, True), (150, False), (300, True)]
