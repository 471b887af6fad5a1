"""The hub's own answer to the grid's frequency."""

from typing import Any

import pytest

from edge_agent.controllers.droop import DroopController
from vpp.energy_manager.controllers.cloud_schedule import CloudScheduleController
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.controllers.self_consumption import SelfConsumptionController
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import DeviceLimits, Range, device_ranges
from vpp.protocols.link.messages import Droop, Instruction, Schedule

LIMITS = DeviceLimits({"battery": (-4.0, 5.0)}, 10.0, 0.9, 0.2)
SETTINGS = Droop(nominal_hz=50.0, dead_band_hz=0.1, slope_kw_per_hz=10.0, most_kw=3.0, recovery_kw_per_s=0.5)
UNTIL = 10**9


def order(droop: Droop | None = SETTINGS, *, revision: int = 1, **changes: Any) -> Instruction:
    return Instruction("droop", revision, 0, UNTIL, droop=droop, **changes)


class Home:
    """A home's controllers in their order, a second a cycle."""

    def __init__(self, *, scheduled_kw: float | None = None, soc: float = 0.6) -> None:
        self.book = ScheduleBook(LIMITS.ranges)
        self.soc = soc
        self.at = 0
        if scheduled_kw is not None:
            self.book.receive(Instruction("plan", 1, 0, UNTIL, Schedule(0, 900, [scheduled_kw])), 0)
        self.controllers = (
            LimitsController(LIMITS, GridLimits(), cycle_s=1.0),
            DroopController(self.book),
            CloudScheduleController(self.book),
            SelfConsumptionController(),
        )

    def second(self, frequency_hz: float | None, *, battery_kw: float = 0.0) -> Range:
        self.at += 1000
        image = ProcessImage(
            at=self.at,
            grid_kw=1.0 + battery_kw,
            import_kwh=0.0,
            export_kwh=0.0,
            load_kw=1.0,
            battery_kw=battery_kw,
            battery_soc=self.soc,
            frequency_hz=frequency_hz,
        )
        allowed = device_ranges(LIMITS)
        for controller in self.controllers:
            controller.control(image, allowed)
        return allowed.ranges["battery"]


def test_low_frequency_takes_power_off_what_the_battery_did_before() -> None:
    home = Home(scheduled_kw=2.0)
    home.book.receive(order(), 0)
    assert (home.second(50.0).low, home.second(49.95).low) == (1.0, 1.0)
    found = home.second(49.7, battery_kw=1.0)
    assert found.low == pytest.approx(-1.0)
    assert found.by == "cloud_schedule"
    assert "held back by droop" in found.reason
    assert home.second(49.0, battery_kw=-1.0).low == pytest.approx(-2.0)


def test_high_frequency_charges() -> None:
    home = Home(scheduled_kw=1.0)
    home.book.receive(order(), 0)
    assert home.second(50.3).low == pytest.approx(2.0)


def test_power_is_given_back_slowly_and_then_the_schedule_goes_on() -> None:
    home = Home(scheduled_kw=1.0)
    home.book.receive(order(), 0)
    home.second(49.0)
    assert [round(home.second(50.0).low, 6) for _ in range(6)] == [-2.5, -2.0, -1.5, -1.0, -0.5, 0.0]


def test_reserve_outranks_the_frequency() -> None:
    home = Home(scheduled_kw=1.0, soc=0.2)
    home.book.receive(order(), 0)
    assert home.second(49.0).low == 0.0


def test_without_settings_or_frequency_nothing_is_done() -> None:
    home = Home(scheduled_kw=1.0)
    assert home.second(49.0).by == "cloud_schedule"
    home.book.receive(order(), 0)
    assert home.second(None).reason.startswith("instruction plan")


def test_settings_are_acknowledged_applied_kept_over_a_restart_and_revoked() -> None:
    book = ScheduleBook(LIMITS.ranges)
    assert [notice.state for notice in book.receive(order(), 0)] == ["acknowledged"]
    assert [notice.state for notice in book.tick(1)] == ["applied"]
    again = ScheduleBook(LIMITS.ranges)
    again.load(book.dump())
    held = again.droop(2)
    assert held is not None
    assert held.droop == SETTINGS
    assert [notice.reason for notice in again.receive(order(None, revision=2), 3)] == ["revoked"]
    assert again.droop(4) is None
    assert book.droop(UNTIL) is None


def test_newest_settings_hold() -> None:
    book = ScheduleBook(LIMITS.ranges)
    book.receive(order(), 0)
    stronger = Droop(50.0, 0.1, 20.0, 3.0, 0.5)
    book.receive(order(stronger, revision=2), 1)
    held = book.droop(2)
    assert held is not None
    assert held.droop == stronger


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        (order(Droop(50.0, 0.1, 0.0, 3.0, 0.5)), "slope_kw_per_hz must be more than 0"),
        (order(schedule=Schedule(0, 900, [1.0])), "a schedule and droop settings need an instruction each"),
    ],
)
def test_settings_without_sense_are_rejected(instruction: Instruction, reason: str) -> None:
    (notice,) = ScheduleBook(LIMITS.ranges).receive(instruction, 0)
    assert (notice.state, notice.reason) == ("rejected", reason)


def test_home_without_a_battery_rejects_them() -> None:
    (notice,) = ScheduleBook(("ev",)).receive(order(), 0)
    assert (notice.state, notice.reason) == ("rejected", "there is no battery to answer the frequency with")
