"""Limits that the cloud sets for the grid connection: when they hold, what gives way, who cannot overrule them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.controllers.override import Override, OverrideController
from vpp.energy_manager.controllers.capacity import CapacityController
from vpp.energy_manager.controllers.cloud_schedule import CloudScheduleController
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.controllers.self_consumption import SelfConsumptionController
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage, Setpoints
from vpp.energy_manager.safety import Allowed, DeviceLimits, device_ranges, setpoints
from vpp.protocols.link.messages import CapacityLimits, Instruction, Schedule

MINUTE = 60_000
UNTIL = 120 * MINUTE
LIMITS = DeviceLimits(
    {"battery": (-4.0, 5.0), "pv": (-8.0, 0.0), "ev": (0.0, 11.0), "heat": (0.0, 3.0)}, 10.0, 0.9, 0.2
)
GRID = GridLimits(import_kw=17.0, export_kw=10.0)


def order(
    import_kw: list[float | None] | None = None,
    *,
    name: str = "i",
    revision: int = 1,
    starts: int = 10,
    until: int = UNTIL,
    **more: Any,
) -> Instruction:
    limits = CapacityLimits(starts * MINUTE, 900, import_kw or [], **more)
    return Instruction(name, revision, 0, until, limits=limits)


def book_with(*orders: Instruction) -> ScheduleBook:
    book = ScheduleBook(LIMITS.ranges)
    for one in orders:
        assert [notice.state for notice in book.receive(one, 0)] == ["acknowledged"]
    return book


def held(book: ScheduleBook, minute: float, *, connected: bool = True) -> tuple[float | None, float | None]:
    capacity = book.capacity(round(minute * MINUTE), connected=connected)
    into, out = capacity.import_, capacity.export
    return into.kw if into else None, out.kw if out else None


def image(*, minute: int = 10, **values: float | None) -> ProcessImage:
    known: dict[str, Any] = {"load_kw": 1.0, "pv_kw": 0.0, "ev_kw": 0.0, "heat_kw": 0.0, "battery_kw": 0.0}
    known |= {"battery_soc": 0.6, "grid_kw": 1.0, "import_kwh": 0.0, "export_kwh": 0.0} | values
    return ProcessImage(at=minute * MINUTE, **known)


def decide(
    now: ProcessImage, book: ScheduleBook, *, override: Override | None = None, connected: bool = True
) -> Allowed:
    owner = OverrideController()
    owner.override = override
    allowed = device_ranges(LIMITS)
    for controller in (
        LimitsController(LIMITS, GRID, cycle_s=1.0),
        CapacityController(book, connected=lambda at: connected),
        owner,
        CloudScheduleController(book),
        SelfConsumptionController(),
    ):
        controller.control(now, allowed)
    return allowed


def told(now: ProcessImage, book: ScheduleBook, **how: Any) -> Setpoints:
    return setpoints(decide(now, book, **how), LIMITS)


def test_each_interval_has_its_limit_and_the_fallback_comes_behind_the_last() -> None:
    book = book_with(order([2.0, None], export_kw=[None, 0.0], fallback_import_kw=5.0))
    minutes = (9.9, 10, 24.9, 25, 39.9, 40, 119.9, 120)
    assert [held(book, minute) for minute in minutes] == [
        (None, None), (2.0, None), (2.0, None), (None, 0.0), (None, 0.0), (5.0, None), (5.0, None), (None, None),
    ]  # fmt: skip


def test_out_of_touch_with_the_cloud_the_fallback_holds_and_without_one_nothing() -> None:
    subscribed = book_with(order([2.0], fallback_import_kw=5.0, fallback_export_kw=3.0))
    assert held(subscribed, 9, connected=False) == (None, None)
    assert held(subscribed, 11, connected=False) == (5.0, 3.0)
    assert held(subscribed, 11, connected=True) == (2.0, None)
    assert held(book_with(order([2.0])), 11, connected=False) == (None, None)


def test_fallback_alone_is_an_order_too() -> None:
    book = book_with(order(fallback_import_kw=5.0))
    assert held(book, 10) == (5.0, None)


def test_tightest_of_several_counts_in_each_direction() -> None:
    book = book_with(
        order([2.0], name="a", export_kw=[4.0]),
        order([3.0], name="b", export_kw=[1.0]),
        order(name="c", fallback_export_kw=2.0),
    )
    capacity = book.capacity(11 * MINUTE, connected=True)
    assert capacity.import_ and capacity.import_.why == "instruction a revision 1, interval 0: 2 kW in"
    assert capacity.export and capacity.export.why == "instruction b revision 1, interval 0: 1 kW out"
    assert held(book, 30) == (None, 2.0)


def test_battery_gives_way_first_then_the_car_then_the_heat_pump() -> None:
    book = book_with(order([2.0]))
    by_battery = told(image(load_kw=4.0, heat_kw=1.0), book)
    assert (by_battery.battery_kw, by_battery.ev_kw, by_battery.heat_most_kw) == (-4.0, 1.0, 2.0)
    at_reserve = told(image(load_kw=0.5, ev_kw=7.0, heat_kw=1.0, battery_soc=0.2), book)
    assert (at_reserve.battery_kw, at_reserve.ev_kw, at_reserve.heat_most_kw) == (0.0, 0.5, 1.5)
    assert told(image(load_kw=3.0, heat_kw=1.0, battery_soc=0.2), book).heat_most_kw == 0.0


def test_sun_gives_way_last() -> None:
    book = book_with(order(export_kw=[1.0]))
    stored = told(image(pv_kw=-6.0, load_kw=0.5), book)
    assert (stored.battery_kw, stored.pv_kw) == (5.0, -6.5)
    full = told(image(pv_kw=-6.0, load_kw=0.5, battery_soc=1.0), book)
    assert full.pv_kw == -1.5


def test_reason_names_the_instruction() -> None:
    allowed = decide(image(load_kw=4.0), book_with(order([2.0], export_kw=[3.0])))
    assert allowed.ranges["ev"].by == "capacity"
    assert allowed.ranges["ev"].reason == (
        "instruction i revision 1, interval 0: 2 kW in; instruction i revision 1, interval 0: 3 kW out"
    )


def test_person_cannot_overrule_the_limit_and_the_limit_cannot_overrule_the_reserve() -> None:
    book = book_with(order([2.0]))
    wish = Override(until=UNTIL, resources={"ev": 11.0, "battery": 5.0})
    found = told(image(load_kw=1.0, battery_soc=0.2), book, override=wish)
    assert (found.ev_kw, found.battery_kw) == (1.0, 1.0)
    assert told(image(load_kw=6.0, battery_soc=0.2), book).battery_kw == 0.0


def test_schedule_works_within_the_limit() -> None:
    book = book_with(order([2.0]))
    book.receive(Instruction("plan", 1, 0, UNTIL, Schedule(0, 3600, [4.0])), 0)
    found = decide(image(), book)
    assert found.ranges["battery"].low == 1.0
    assert found.ranges["battery"].reason.startswith(
        "instruction plan revision 1, interval 0; held back by cap"
    )
    assert told(image(), book, connected=False).battery_kw == 3.0


def test_limit_beyond_the_installation_widens_nothing() -> None:
    found = decide(image(load_kw=5.0), book_with(order([99.0], export_kw=[99.0])))
    assert (found.ranges["ev"].high, found.ranges["ev"].by) == (11.0, "device")
    crowded = decide(image(load_kw=16.0, battery_soc=0.2), book_with(order([99.0])))
    assert (crowded.ranges["ev"].high, crowded.ranges["ev"].by) == (1.0, "grid_limit")


def states(book: ScheduleBook, minute: int, **how: Any) -> list[tuple[str, str, str]]:
    return [(one.instruction_id, one.state, one.reason) for one in book.tick(minute * MINUTE, **how)]


def test_limits_are_applied_at_their_first_interval_beside_a_schedule() -> None:
    book = book_with(order([2.0]), order([3.0], name="b"))
    book.receive(Instruction("plan", 1, 0, UNTIL, Schedule(0, 3600, [4.0])), 0)
    assert states(book, 9) == [("plan", "applied", "")]
    assert states(book, 10) == [("i", "applied", ""), ("b", "applied", "")]
    assert states(book, 60) == []


def test_limits_that_never_held_expire_at_their_end_or_with_a_fallback_at_their_expiry() -> None:
    book = book_with(order([2.0]), order([2.0], name="b", fallback_import_kw=5.0))
    assert states(book, 30) == [
        ("i", "expired", "it ended before any of it was executed"),
        ("b", "applied", ""),
    ]
    cut_off = book_with(order([2.0]))
    assert states(cut_off, 11, connected=False) == []
    assert states(cut_off, 26, connected=False)[0][1] == "expired"
    (late,) = ScheduleBook(()).receive(order([2.0]), 25 * MINUTE)
    assert late.state == "expired"
    subscribed = ScheduleBook(())
    (taken,) = subscribed.receive(order([2.0], fallback_import_kw=5.0), 25 * MINUTE)
    assert (taken.state, states(subscribed, 25)) == ("acknowledged", [("i", "applied", "")])


def test_limits_outlive_a_restart_and_are_revoked() -> None:
    before = book_with(order([2.0], fallback_import_kw=5.0))
    before.tick(10 * MINUTE)
    book = ScheduleBook(LIMITS.ranges)
    book.load(before.dump())
    assert (held(book, 11), held(book, 30), states(book, 11)) == ((2.0, None), (5.0, None), [])
    (notice,) = book.receive(Instruction("i", 2, 0, UNTIL), 12 * MINUTE)
    assert (notice.state, notice.reason) == ("applied", "revoked")
    assert held(book, 13) == held(book, 30) == (None, None)


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        (order(), "limits have 1 to 10000 intervals, not 0"),
        (order([1.0] * 10_001), "limits have 1 to 10000 intervals, not 10001"),
        (order([1.0], export_kw=[1.0, 2.0]), "the series of the limits differ in length"),
        (order([-1.0]), "a limit is a power of at least 0 kW"),
        (order([math.nan]), "the limits have a power that is no number"),
        (order([1.0], fallback_export_kw=math.nan), "a limit is a power of at least 0 kW"),
        (
            Instruction("i", 1, 0, UNTIL, Schedule(0, 900, [1.0]), limits=CapacityLimits(0, 900, [1.0])),
            "a schedule and limits need an instruction each",
        ),
    ],
)
def test_limits_without_sense_are_rejected(instruction: Instruction, reason: str) -> None:
    (notice,) = ScheduleBook(LIMITS.ranges).receive(instruction, 0)
    assert (notice.state, notice.reason) == ("rejected", reason)


KW = st.none() | st.floats(0, 40)


@given(
    st.lists(st.tuples(KW, KW), min_size=1, max_size=4), st.floats(0, 1), st.floats(-8, 0), st.floats(0, 11)
)
def test_limits_only_ever_narrow(asked: list, soc: float, pv_kw: float, ev_kw: float) -> None:
    book = book_with(
        *(order([one], name=str(place), export_kw=[other]) for place, (one, other) in enumerate(asked))
    )
    now = image(battery_soc=soc, pv_kw=pv_kw, ev_kw=ev_kw)
    alone, limited = device_ranges(LIMITS), device_ranges(LIMITS)
    LimitsController(LIMITS, GRID, cycle_s=1.0).control(now, alone)
    LimitsController(LIMITS, GRID, cycle_s=1.0).control(now, limited)
    CapacityController(book, connected=lambda at: True).control(now, limited)
    for key, before in alone.ranges.items():
        after = limited.ranges[key]
        assert before.low <= after.low <= after.high <= before.high


@given(
    st.floats(0, 8), st.sampled_from([0.2, 0.6, 1.0]), st.floats(0, 10), st.floats(-8, 0), st.floats(0, 11), st.floats(0, 3)
)  # fmt: skip
def test_a_home_that_obeys_keeps_the_limit_as_far_as_it_can(
    limit_kw: float, soc: float, load_kw: float, sun_kw: float, car_kw: float, warm_kw: float
) -> None:
    """Devices take what they want within what they are told; a few cycles settle it."""
    book = book_with(order([limit_kw], export_kw=[limit_kw]))
    now = image(load_kw=load_kw, pv_kw=sun_kw, ev_kw=car_kw, heat_kw=warm_kw, battery_soc=soc)
    for _ in range(4):
        allowed = decide(now, book)
        grid_kw = now.residual_kw + setpoints(allowed, LIMITS).battery_kw  # type: ignore[operator]
        now = image(
            load_kw=load_kw,
            pv_kw=max(sun_kw, allowed.ranges["pv"].low),
            ev_kw=min(car_kw, allowed.ranges["ev"].high),
            heat_kw=min(warm_kw, allowed.ranges["heat"].high),
            battery_soc=soc,
        )
    nothing_left_kw = load_kw + (now.pv_kw or 0.0) + (0.0 if soc == 0.2 else -4.0)
    assert grid_kw <= max(limit_kw, nothing_left_kw) + 1e-9
    if soc < 1.0:
        assert grid_kw >= -limit_kw - 1e-9
    else:
        assert now.residual_kw >= -limit_kw - 1e-9
