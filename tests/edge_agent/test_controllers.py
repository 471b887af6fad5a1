"""Who may decide what: limits, then the owner, then the cloud, then the home's own mode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.controllers.override import Override, OverrideController
from vpp.energy_manager.controllers import Controller
from vpp.energy_manager.controllers.cloud_schedule import CloudScheduleController
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.controllers.self_consumption import SelfConsumptionController, follow_residual
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits, device_ranges, setpoints
from vpp.protocols.link.messages import Instruction, Schedule

LIMITS = DeviceLimits(
    {"battery": (-4.0, 5.0), "pv": (-8.0, 0.0), "ev": (0.0, 11.0), "heat": (0.0, 3.0)}, 10.0, 0.9, 0.2
)
HOUR = 3600.0


def image(**values: float | None) -> ProcessImage:
    known: dict[str, float | None] = {
        "load_kw": 1.0,
        "pv_kw": 0.0,
        "ev_kw": 0.0,
        "heat_kw": 0.0,
        "battery_kw": 0.0,
    }
    known |= {"battery_soc": 0.6, "grid_kw": 1.0, "import_kwh": 0.0, "export_kwh": 0.0} | values
    return ProcessImage(at=1_000_000, **known)  # type: ignore[arg-type]


def book_with(site_kw: float | None = None, **resources: float | None) -> ScheduleBook:
    book = ScheduleBook(("battery", "pv", "ev", "heat", "load"))
    plan = Schedule(
        0,
        900,
        [] if site_kw is None else [None, site_kw],
        {key: [None, kw] for key, kw in resources.items()},
    )
    (notice,) = book.receive(Instruction("i", 1, 0, 10**9, plan), 0)
    assert notice.state == "acknowledged"
    return book


def decide(
    now: ProcessImage,
    *,
    book: ScheduleBook | None = None,
    override: Override | None = None,
    grid: GridLimits | None = None,
    cycle_s: float = HOUR,
) -> Allowed:
    owner = OverrideController()
    owner.override = override
    controllers: list[Controller] = [
        LimitsController(LIMITS, grid or GridLimits(), cycle_s=cycle_s),
        owner,
        CloudScheduleController(book or ScheduleBook(())),
        SelfConsumptionController(),
    ]
    allowed = device_ranges(LIMITS)
    for controller in controllers:
        controller.control(now, allowed)
    return allowed


def test_self_consumption_stores_what_is_spare_and_covers_the_load() -> None:
    assert setpoints(decide(image(pv_kw=-4.0)), LIMITS).battery_kw == 3.0
    assert setpoints(decide(image(load_kw=2.0)), LIMITS).battery_kw == -2.0
    assert setpoints(decide(image(pv_kw=-8.0)), LIMITS).battery_kw == 5.0


def test_the_reserve_is_never_discharged() -> None:
    at_reserve = decide(image(battery_soc=0.2), book=book_with(site_kw=-4.0))
    assert setpoints(at_reserve, LIMITS).battery_kw == 0.0
    told = at_reserve.ranges["battery"]
    assert told.by == "cloud_schedule"
    assert told.reason == "instruction i revision 1, interval 1; held back by safety: backup reserve 20%"
    nearly = decide(image(battery_soc=0.3, load_kw=4.0))
    assert setpoints(nearly, LIMITS).battery_kw == pytest.approx(-0.9)


def test_the_schedule_holds_the_site_at_its_power() -> None:
    allowed = decide(image(load_kw=2.0, pv_kw=-0.5), book=book_with(site_kw=-1.0))
    assert setpoints(allowed, LIMITS).battery_kw == -2.5
    assert allowed.ranges["battery"].by == "cloud_schedule"
    assert allowed.ranges["battery"].reason == "instruction i revision 1, interval 1"


def test_what_physics_or_rating_forbids_becomes_a_shortfall() -> None:
    assert setpoints(decide(image(), book=book_with(site_kw=-20.0)), LIMITS).battery_kw == pytest.approx(-3.6)
    assert setpoints(decide(image(), book=book_with(site_kw=-20.0), cycle_s=60), LIMITS).battery_kw == -4.0


def test_the_schedule_plans_single_resources() -> None:
    told = setpoints(decide(image(), book=book_with(ev=3.0, heat=0.0, pv=-2.0, battery=1.5)), LIMITS)
    assert (told.ev_kw, told.heat_kw, told.pv_kw, told.battery_kw) == (3.0, 0.0, -2.0, 1.5)
    as_it_likes = setpoints(decide(image(), book=book_with(ev=None, site_kw=0.5)), LIMITS)
    assert (as_it_likes.ev_kw, as_it_likes.heat_kw, as_it_likes.battery_kw) == (None, None, -0.5)


def test_where_the_site_is_planned_the_battery_follows_the_meter() -> None:
    told = setpoints(decide(image(load_kw=2.0), book=book_with(site_kw=1.0, battery=3.0)), LIMITS)
    assert told.battery_kw == -1.0


def test_the_owner_outranks_the_cloud_until_the_override_ends() -> None:
    wish = Override(until=2_000_000, resources={"battery": 2.0, "ev": 11.0})
    allowed = decide(image(), book=book_with(site_kw=-3.0, ev=0.0), override=wish)
    told = setpoints(allowed, LIMITS)
    assert told.battery_kw == 2.0
    assert told.ev_kw is None
    assert allowed.ranges["ev"].by == "override"
    over = decide(
        image(), book=book_with(site_kw=-3.0), override=Override(until=1_000_000, resources={"battery": 2.0})
    )
    assert setpoints(over, LIMITS).battery_kw == pytest.approx(-3.6)


def test_the_owner_cannot_touch_the_reserve() -> None:
    allowed = decide(image(battery_soc=0.1), override=Override(until=2_000_000, resources={"battery": -4.0}))
    assert setpoints(allowed, LIMITS).battery_kw == 0.0


def test_the_grid_connection_limits_battery_car_and_sun() -> None:
    told = setpoints(
        decide(image(load_kw=3.0), book=book_with(battery=5.0), grid=GridLimits(6.0, 2.0)), LIMITS
    )
    assert told.battery_kw == 3.0
    crowded = decide(image(load_kw=4.0, ev_kw=11.0, battery_soc=0.2), grid=GridLimits(6.0, 2.0))
    assert setpoints(crowded, LIMITS).ev_kw == 2.0
    assert crowded.ranges["ev"].by == "grid_limit"
    sunny = setpoints(decide(image(pv_kw=-8.0, load_kw=0.5), grid=GridLimits(6.0, 1.0)), LIMITS)
    assert sunny.pv_kw == -6.5
    assert sunny.battery_kw == 5.0


POWER = st.floats(-50, 50)


@given(
    st.lists(st.tuples(st.sampled_from(["battery", "pv", "ev", "heat", "none"]), POWER, POWER), max_size=20)
)
def test_nobody_can_widen_what_was_narrowed(wishes: list) -> None:
    allowed = device_ranges(LIMITS)
    for key, one, other in wishes:
        before = allowed.ranges.get(key)
        allowed.narrow(key, (min(one, other), max(one, other)), by="x", reason="y")
        after = allowed.ranges.get(key)
        if before is None or after is None:
            assert key == "none"
        else:
            assert before.low <= after.low <= after.high <= before.high


@given(st.floats(0, 1), POWER, st.floats(0, 10), st.floats(-8, 0), st.floats(0, 11))
def test_no_schedule_breaks_a_limit(soc: float, site_kw: float, load: float, pv: float, ev: float) -> None:
    now = image(battery_soc=soc, load_kw=load, pv_kw=pv, ev_kw=ev)
    battery_kw = setpoints(decide(now, book=book_with(site_kw=site_kw), cycle_s=60.0), LIMITS).battery_kw
    assert battery_kw is not None
    assert -4.0 <= battery_kw <= 5.0
    if battery_kw < 0:
        assert soc * 10.0 + battery_kw / 0.9 / 60 >= 2.0 - 1e-9


def test_a_recorded_past_follows_the_same_mode() -> None:
    assert follow_residual(LIMITS, -3.0, soc=0.5, hours=1.0) == 3.0
    assert follow_residual(LIMITS, 2.0, soc=0.6, hours=1.0) == -2.0
    assert follow_residual(LIMITS, 9.0, soc=0.3, hours=1.0) == pytest.approx(-0.9)
    assert follow_residual(LIMITS, 9.0, soc=0.1, hours=1.0) == 0.0
