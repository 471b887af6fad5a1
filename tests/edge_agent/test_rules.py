"""A household's week on its hub: windows, ready by, and what is shed first; with or without the cloud."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config import HomeMode, Island, TariffPeriod
from edge_agent.controllers.island import IslandController
from edge_agent.controllers.rules import LeisureController, RulesController
from edge_agent.controllers.week import holds, next_deadline
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits, Range, device_ranges
from vpp.protocols.link.messages import ResourceDescription
from vpp.protocols.ores.rules import RULES, HouseRules, Routine, rules_flaw, rules_of, rules_payload

RANGES = {
    "battery": (-4.0, 4.0),
    "pv": (-8.0, 0.0),
    "ev": (0.0, 11.0),
    "heat": (0.0, 3.0),
    "plug": (0.0, 2.0),
}
DESCRIBED = [ResourceDescription("ev", "ev_charger", "Car", {"charge_kw": 11.0, "battery_kwh": 60.0})]
EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]
BERLIN = HouseRules(time_zone="Europe/Berlin")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def routine(device: str, kind: str, ends: str, **more: Any) -> Routine:
    given_: dict[str, Any] = {"routine_id": "r1", "days": EVERY_DAY} | more
    return Routine(device_id=device, kind=kind, ends=ends, **given_)  # type: ignore[arg-type]


def controller(*routines: Routine, shed_first: list[str] | None = None, zone: str = "UTC") -> RulesController:
    limits = DeviceLimits(dict(RANGES), battery_kwh=10.0)
    made = RulesController(limits, described=lambda: DESCRIBED)
    rules = HouseRules(time_zone=zone, routines=list(routines), shed_first=shed_first)
    payload = rules_payload(rules, now=0)
    assert made.payload_flaw(RULES, payload.values[0]) is None
    made.apply_payload(RULES, payload.values[0])
    return made


def image(at: int, **values: Any) -> ProcessImage:
    rest: dict[str, Any] = {
        "grid_kw": 0.5,
        "import_kwh": 0.0,
        "export_kwh": 0.0,
        "load_kw": 0.5,
        "ev_kw": 0.0,
    }
    return ProcessImage(at=at, **(rest | values))


def decided(
    rules: RulesController, seen: ProcessImage, *, tariff: Sequence[TariffPeriod] = (), leisure: bool = True
) -> dict[str, Range]:
    allowed = device_ranges(DeviceLimits(dict(RANGES)))
    rules.control(seen, allowed)
    if leisure:
        LeisureController(rules, home=HomeMode(tariff=list(tariff))).control(seen, allowed)
    return allowed.ranges


def told(range_: Range) -> tuple[float, float]:
    return range_.low, range_.high


def test_off_holds_over_midnight_on_the_days_it_begins_and_no_longer() -> None:
    rules = controller(routine("heat", "off", "06:00", starts="22:00", days=[0]))  # Mondays
    at = {
        "2026-06-15T21:59": (0.0, 3.0),
        "2026-06-15T22:00": (0.0, 0.0),
        "2026-06-16T05:59": (0.0, 0.0),
        "2026-06-16T06:00": (0.0, 3.0),
        "2026-06-16T22:30": (0.0, 3.0),
    }
    assert {text: told(decided(rules, image(ms(text)))["heat"]) for text in at} == at


def test_on_runs_an_appliance_at_its_power_and_off_wins() -> None:
    on = routine("plug", "on", "14:00", starts="12:00", routine_id="a")
    off = routine("plug", "off", "13:30", starts="13:00", routine_id="b")
    rules = controller(on, off)
    assert told(decided(rules, image(ms("2026-06-15T12:10")))["plug"]) == (2.0, 2.0)
    found = decided(rules, image(ms("2026-06-15T13:10")))["plug"]
    assert (told(found), found.reason) == ((0.0, 0.0), "off from 13:00 to 13:30")


def test_the_car_is_full_enough_by_seven_whatever_the_sun_does() -> None:
    """Simulated: 0.3 to 0.8 of 60 kWh is 30 kWh, 33.3 with losses; at 11 kW it has to begin by 03:36 or so."""
    rules = controller(routine("ev", "ready_by", "07:00", soc=0.8))
    soc, began = 0.3, 0
    for at in range(ms("2026-06-15T20:00"), ms("2026-06-16T07:00"), 60_000):
        kw = decided(rules, image(at, ev_soc=soc))["ev"].high
        began = began or (at if kw > 0 else 0)
        soc += kw / 60 * 0.9 / 60
    assert soc >= 0.8
    assert ms("2026-06-16T03:15") < began < ms("2026-06-16T03:45")


def test_a_cheap_night_is_used_and_dear_hours_are_not() -> None:
    tariff = [TariffPeriod("23:00", "05:00", 0.10), TariffPeriod("05:00", "23:00", 0.40)]
    rules = controller(routine("ev", "ready_by", "07:00", soc=0.8))
    before = decided(rules, image(ms("2026-06-15T21:00"), ev_soc=0.3), tariff=tariff)["ev"]
    assert (told(before), before.reason) == ((0.0, 0.0), "ready by 07:00: waits for cheaper power")
    night = decided(rules, image(ms("2026-06-15T23:05"), ev_soc=0.3), tariff=tariff)["ev"]
    assert (told(night), night.reason) == ((11.0, 11.0), "ready by 07:00: power is cheap now")


def test_the_sun_is_taken_as_far_as_it_goes() -> None:
    rules = controller(routine("ev", "ready_by", "19:00", soc=0.8))
    sunny = image(ms("2026-06-15T11:00"), ev_soc=0.7, ev_kw=1.0, grid_kw=-3.0, battery_kw=1.5)
    assert told(decided(rules, sunny)["ev"]) == (5.5, 5.5)
    cloudy = image(ms("2026-06-15T11:01"), ev_soc=0.7, grid_kw=0.2)
    assert told(decided(rules, cloudy)["ev"]) == (0.0, 0.0)


def test_the_cloud_may_move_what_has_time_and_not_the_last_call() -> None:
    rules = controller(routine("ev", "ready_by", "07:00", soc=0.8))
    early = decided(rules, image(ms("2026-06-15T21:00"), ev_soc=0.3), leisure=False)["ev"]
    late = decided(rules, image(ms("2026-06-16T04:00"), ev_soc=0.3), leisure=False)["ev"]
    assert (told(early), told(late)) == ((0.0, 11.0), (11.0, 11.0))
    assert late.reason == "ready by 07:00: 33.3 kWh to go"


def test_a_need_in_kwh_counts_what_was_drawn_and_outlives_a_restart() -> None:
    rules = controller(routine("plug", "ready_by", "07:00", kwh=2.0))
    at, ran = ms("2026-06-16T00:00"), 0
    while at < ms("2026-06-16T07:00"):
        found = decided(rules, image(at))["plug"]
        ran += found.low > 0
        at += 60_000
        if at == ms("2026-06-16T06:10"):
            again = RulesController(
                DeviceLimits(dict(RANGES)), described=lambda: DESCRIBED, saved=rules.dump()
            )
            assert again.rules == rules.rules
            rules = again
    assert 60 <= ran <= 63  # 2 kWh at 2 kW


def test_a_car_that_is_away_or_full_needs_nothing() -> None:
    rules = controller(routine("ev", "ready_by", "07:00", soc=0.8))
    for seen in (
        image(ms("2026-06-16T06:30"), ev_soc=None, ev_kw=None),
        image(ms("2026-06-16T06:30"), ev_soc=0.8),
    ):
        assert told(decided(rules, seen)["ev"]) == (0.0, 11.0)


def test_safety_stays_above_the_week() -> None:
    rules = controller(routine("ev", "on", "08:00", starts="06:00"))
    allowed = Allowed({"ev": Range(0.0, 3.0, "grid_limit", "grid connection")})
    rules.control(image(ms("2026-06-16T07:00")), allowed)
    assert told(allowed.ranges["ev"]) == (3.0, 3.0)


def test_the_owners_order_decides_what_is_shed_first() -> None:
    rules = controller(shed_first=["plug", "ev", "heat"])
    limits = DeviceLimits(dict(RANGES), battery_kwh=10.0, reserve_soc=0.2)
    island = IslandController(
        limits, Island(margin_soc=0.3), draw=lambda: 0.0, order=lambda: rules.rules.shed_first
    )
    shed = {}
    for soc in (0.55, 0.45, 0.35, 0.25):
        allowed = device_ranges(limits)
        island.control(image(0, on_grid=False, battery_soc=soc, battery_kw=0.0), allowed)
        held = [key for key in ("plug", "ev", "heat") if "shed as number" in allowed.ranges[key].reason]
        shed[soc] = held
    assert shed == {0.55: [], 0.45: ["plug"], 0.35: ["plug", "ev"], 0.25: ["plug", "ev", "heat"]}


def test_deadlines_stand_on_the_wall_on_the_days_the_clocks_change() -> None:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    one = routine("ev", "ready_by", "07:00")
    assert next_deadline(one, ms("2026-03-28T12:00"), zone=zone) == ms("2026-03-29T05:00")
    assert next_deadline(one, ms("2026-10-24T12:00"), zone=zone) == ms("2026-10-25T06:00")
    window = routine("ev", "on", "04:00", starts="01:30")
    hours = sum(holds(window, ms("2026-10-24T22:00") + m * 60_000, zone=zone) for m in range(600)) / 60
    assert hours == 3.5  # two and a half, and the hour that comes twice


@pytest.mark.parametrize(
    ("rules", "flaw"),
    [
        (HouseRules(time_zone="Mars/Base"), "'Mars/Base' is no time zone"),
        (HouseRules(shed_first=["pv"]), "pv is nothing that could be shed"),
        (HouseRules(shed_first=["ev", "ev"]), "a device stands twice in the order of what is shed"),
        (HouseRules(routines=[routine("tv", "off", "06:00")]), "unknown or uncontrollable device tv"),
        (HouseRules(routines=[routine("ev", "off", "00:00")]), "ev cannot begin and end at 00:00"),
        (HouseRules(routines=[routine("ev", "ready_by", "07:00", soc=0.5, kwh=3.0)]),
         "ready by a state of charge or by an energy, not both"),
        (HouseRules(routines=[routine("ev", "on", "07:00", days=[1, 1])]), "a day stands twice in a routine"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_rejected_with_a_reason(rules: HouseRules, flaw: str) -> None:
    assert rules_flaw(rules, keys=RANGES) == flaw
    made = controller()
    payload = rules_payload(rules, now=0).values[0]
    assert made.payload_flaw(RULES, payload) == flaw


@given(st.lists(st.one_of(st.text(max_size=30), st.none(), st.integers()), max_size=3))
def test_rubbish_is_refused_with_a_sentence(values: list[Any]) -> None:
    flaw = controller().payload_flaw(RULES, values)
    assert flaw is not None
    assert flaw.startswith("the rules cannot be read")


def test_rules_travel_unchanged() -> None:
    rules = HouseRules(
        time_zone="Europe/Berlin", routines=[routine("ev", "ready_by", "07:00", soc=0.8)], shed_first=["heat"]
    )
    assert rules_of(rules_payload(rules, now=5).values[0]) == rules
