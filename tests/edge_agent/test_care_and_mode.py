"""A battery's care, and what a home does by its tariff or for an outage."""

import pytest

from edge_agent.config import Care, ConfigError, HomeMode, TariffPeriod
from edge_agent.controllers.care import CareController
from edge_agent.controllers.home_mode import HomeModeController, Tariff
from tests.edge_agent.test_island import image
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits, Range, device_ranges
from vpp.units import MS_PER_DAY, MS_PER_MINUTE

LIMITS = DeviceLimits({"battery": (-4.0, 5.0)}, 10.0, 0.9, 0.2)
HOUR_MS = 3_600_000
TARIFF = [
    TariffPeriod("22:00", "06:00", 0.10),
    TariffPeriod("06:00", "17:00", 0.25),
    TariffPeriod("17:00", "20:00", 0.45),
    TariffPeriod("20:00", "22:00", 0.25),
]


def on_grid(at: int, **values: float | None) -> ProcessImage:
    return image(at=at, on_grid=True, **values)


class TestCare:
    def live(self, care: CareController, *, minutes: int, kw: float, start: int = 0) -> Range:
        for minute in range(minutes + 1):
            allowed = device_ranges(LIMITS)
            care.control(on_grid(start + minute * MS_PER_MINUTE, battery_kw=kw), allowed)
        return allowed.ranges["battery"]

    def test_budget_of_cycles_stops_discharge_until_the_next_day(self) -> None:
        care = CareController(LIMITS, Care(cycles_a_day=0.2))
        assert self.live(care, minutes=59, kw=-2.0, start=MS_PER_DAY).low == -4.0
        spent = self.live(care, minutes=2, kw=-2.0, start=MS_PER_DAY + HOUR_MS)
        assert (spent.low, spent.high, spent.reason) == (0.0, 5.0, "today's 0.2 cycles are used")
        assert self.live(care, minutes=1, kw=0.0, start=2 * MS_PER_DAY).low == -4.0

    def test_charging_and_gaps_do_not_count(self) -> None:
        care = CareController(LIMITS, Care(cycles_a_day=0.1))
        self.live(care, minutes=120, kw=3.0, start=MS_PER_DAY)
        allowed = device_ranges(LIMITS)
        for at in (MS_PER_DAY + 3 * HOUR_MS, MS_PER_DAY + 9 * HOUR_MS):
            care.control(on_grid(at, battery_kw=-2.0), allowed)
        assert allowed.ranges["battery"].low == -4.0

    def test_a_restart_keeps_the_count(self) -> None:
        care = CareController(LIMITS, Care(cycles_a_day=0.2))
        self.live(care, minutes=61, kw=-2.0, start=MS_PER_DAY)
        later = CareController(LIMITS, Care(cycles_a_day=0.2))
        later.load(care.dump())
        assert self.live(later, minutes=1, kw=0.0, start=MS_PER_DAY + 2 * HOUR_MS).low == 0.0

    @pytest.mark.parametrize(
        ("degrees", "bounds"), [(-5.0, (-4.0, 0.0)), (20.0, (-4.0, 5.0)), (55.0, (0.0, 0.0))]
    )
    def test_cold_takes_no_charge_and_heat_nothing_at_all(
        self, degrees: float, bounds: tuple[float, float]
    ) -> None:
        allowed = device_ranges(LIMITS)
        CareController(LIMITS, Care()).control(on_grid(0, battery_c=degrees), allowed)
        assert (allowed.ranges["battery"].low, allowed.ranges["battery"].high) == bounds

    def test_without_a_grid_the_battery_works_all_the_same(self) -> None:
        allowed = device_ranges(LIMITS)
        CareController(LIMITS, Care()).control(image(battery_c=60.0), allowed)
        assert allowed.ranges["battery"].by == "device"


def clock(text: str) -> int:
    hours, minutes = text.split(":")
    return 20_000 * MS_PER_DAY + int(hours) * HOUR_MS + int(minutes) * MS_PER_MINUTE


class TestTimeOfUse:
    def decide(self, at: str, *, config: HomeMode | None = None, **values: float | None) -> Allowed:
        allowed = device_ranges(LIMITS)
        mode = config or HomeMode(mode="time_of_use", tariff=TARIFF)
        HomeModeController(mode, LIMITS).control(on_grid(clock(at), **values), allowed)
        return allowed

    def test_cheap_hours_fill_the_battery_evenly(self) -> None:
        battery = self.decide("22:00", battery_soc=0.18).ranges["battery"]
        # 7.2 kWh in the cells within eight hours, through an efficiency of 0.9.
        assert battery.low == battery.high == pytest.approx(1.0)
        assert battery.reason == "cheap at 0.1 a kWh"

    def test_surplus_of_the_sun_goes_in_faster(self) -> None:
        assert self.decide("23:00", battery_soc=0.18, pv_kw=-4.0).ranges["battery"].low == 3.0

    def test_between_it_waits_for_the_dear_hours_only_if_they_come_next(self) -> None:
        before, after = self.decide("12:00").ranges["battery"], self.decide("21:00").ranges["battery"]
        assert (before.low, before.reason) == (0.0, "0.25 a kWh now, 0.45 in 5.0 h")
        assert after.low == -4.0

    def test_dear_hours_are_left_to_self_consumption(self) -> None:
        assert self.decide("18:00").ranges["battery"].by == "device"

    def test_difference_that_pays_no_losses_changes_nothing(self) -> None:
        flat = [TariffPeriod("00:00", "12:00", 0.30), TariffPeriod("12:00", "00:00", 0.33)]
        allowed = self.decide("03:00", config=HomeMode(mode="time_of_use", tariff=flat))
        assert allowed.ranges["battery"].by == "device"

    def test_times_are_the_homes_own(self) -> None:
        config = HomeMode(mode="time_of_use", tariff=TARIFF, time_zone="Asia/Tokyo")
        assert (
            self.decide("13:30", config=config, battery_soc=0.5).ranges["battery"].reason
            == "cheap at 0.1 a kWh"
        )

    def test_backup_keeps_the_battery_full(self) -> None:
        battery = self.decide("18:00", config=HomeMode(mode="backup"), battery_soc=0.54).ranges["battery"]
        assert battery.low == pytest.approx(1.0)
        assert battery.reason == "kept full for an outage"

    def test_whoever_spoke_before_is_not_overruled(self) -> None:
        allowed = device_ranges(LIMITS)
        allowed.want("battery", -2.0, by="cloud_schedule", reason="an event")
        HomeModeController(HomeMode(mode="backup"), LIMITS).control(on_grid(0, battery_soc=0.5), allowed)
        assert allowed.ranges["battery"].low == -2.0


class TestTariff:
    def test_price_and_what_comes_after(self) -> None:
        now = Tariff(TARIFF, time_zone="UTC").at(clock("05:30"))
        assert (now.price, now.hours, now.after) == (0.10, 0.5, 0.25)

    @pytest.mark.parametrize(
        ("periods", "detail"),
        [
            ([TariffPeriod("06:00", "22:00", 0.2)], "home.tariff: 00:00 has no price"),
            ([*TARIFF, TariffPeriod("05:00", "07:00", 0.3)], "home.tariff: 05:00 has two prices"),
        ],
    )
    def test_gap_or_overlap_is_named(self, periods: list[TariffPeriod], detail: str) -> None:
        with pytest.raises(ConfigError, match=f"^{detail}$"):
            Tariff(periods, time_zone="UTC")

    def test_unknown_time_zone_is_named(self) -> None:
        with pytest.raises(ConfigError, match=r"^home.time_zone: 'Mars/Base' is no time zone$"):
            Tariff(TARIFF, time_zone="Mars/Base")

    def test_mode_without_a_tariff_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"^home.mode: time_of_use needs home.tariff$"):
            HomeModeController(HomeMode(mode="time_of_use"), LIMITS)
