"""Payloads for a device: who takes them, when they are handed over, and an inverter that follows a curve."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.controllers.device_payloads import DevicePayloads
from edge_agent.drivers.simulator.config import Home, Household, Pv
from edge_agent.drivers.simulator.driver import SimulatorDriver
from edge_agent.drivers.simulator.volt_watt import NOMINAL_V, VoltWatt
from edge_agent.drivers.simulator.world import voltage_v
from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.intervals import to_ms
from vpp.protocols.link.messages import CurvePoint, DevicePayload, Instruction, PayloadValues

MINUTE = 60_000
UNTIL = 120 * MINUTE
STEEP: PayloadValues = [CurvePoint(100.0, 100.0), CurvePoint(101.0, 0.0)]
HALF: PayloadValues = [CurvePoint(90.0, 50.0)]


class Recorded(VoltWatt):
    """An inverter that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__(8.0)
        self.told: list[PayloadValues] = []

    def apply_payload(self, kind: str, values: PayloadValues) -> None:
        self.told.append(values)


def order(*values: PayloadValues, kind: str = "CURVE", name: str = "c", **more: Any) -> Instruction:
    payload = DevicePayload(kind, 10 * MINUTE, 900, list(values))
    return Instruction(name, **({"revision": 1, "not_before": 0, "expires_at": UNTIL} | more), device=payload)


def test_payload_is_handed_over_at_each_interval_and_given_back_behind_the_last() -> None:
    inverter = Recorded()
    book = ScheduleBook((), [inverter])
    payloads = DevicePayloads(book, [inverter])
    assert [notice.state for notice in book.receive(order(HALF, HALF, STEEP), 0)] == ["acknowledged"]
    found = []
    for minute in (9, 10, 11, 25, 40, 54, 55, 56):
        found += [notice.state for notice in book.tick(minute * MINUTE)]
        payloads.run(minute * MINUTE)
    assert found == ["applied"]
    assert inverter.told == [HALF, STEEP, []]


def test_restarted_hub_tells_its_devices_again() -> None:
    before = ScheduleBook((), [Recorded()])
    before.receive(order(HALF), 0)
    inverter = Recorded()
    book = ScheduleBook((), [inverter])
    book.load(before.dump())
    DevicePayloads(book, [inverter]).run(11 * MINUTE)
    assert inverter.told == [HALF]


def test_revocation_and_a_more_important_payload_take_effect_at_once() -> None:
    inverter = Recorded()
    book = ScheduleBook((), [inverter])
    payloads = DevicePayloads(book, [inverter])
    book.receive(order(STEEP, name="urgent", priority=0), 0)
    book.receive(order(HALF), 1)
    payloads.run(11 * MINUTE)
    book.receive(Instruction("urgent", 2, 0, UNTIL), 12 * MINUTE)
    payloads.run(12 * MINUTE)
    book.receive(Instruction("c", 2, 0, UNTIL), 13 * MINUTE)
    payloads.run(13 * MINUTE)
    assert inverter.told == [STEEP, HALF, []]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (order(HALF, kind="OLS"), "no resource here takes OLS"),
        (order([1], kind="CTA2045_REBOOT"), "no resource here takes CTA2045_REBOOT"),
        (order(), "a device payload has 1 to 10000 intervals, not 0"),
        (order(HALF, [1.0]), "a CURVE consists of points x and y"),
        (order([CurvePoint(100.0, 101.0)]), "a CURVE goes from 0 to 100 % of the rated power"),
        (order([CurvePoint(float("nan"), 1.0)]), "a CURVE goes from 0 to 100 % of the rated power"),
        (
            order([CurvePoint(101.0, 1.0), CurvePoint(102.0, 2.0)]),
            "a CURVE has rising voltages and powers that do not rise",
        ),
    ],
)
def test_payload_that_nobody_can_follow_is_rejected(payload: Instruction, reason: str) -> None:
    (notice,) = ScheduleBook((), [VoltWatt(8.0)]).receive(payload, 0)
    assert (notice.state, notice.reason) == ("rejected", reason)


def test_home_without_pv_takes_no_curve() -> None:
    (notice,) = ScheduleBook(("battery",)).receive(order(HALF), 0)
    assert notice.reason == "no resource here takes CURVE"


# 230 V is nominal; a home at 231 V that generates p [kW] has 231 + 0.35 p. On the curve from 10 kW at 230 V to
# nothing at 232.3 V that is p = 10 (232.3 - 231 - 0.35 p) / 2.3, so p = 13 / 5.8.
def test_inverter_finds_the_power_that_agrees_with_its_own_voltage() -> None:
    inverter = VoltWatt(10.0)
    inverter.apply_payload("CURVE", STEEP)
    found = inverter.power_kw(10.0, lambda kw: voltage_v(-kw))
    assert found == pytest.approx(13.0 / 5.8, abs=1e-6)
    assert inverter.power_kw(1.0, lambda kw: voltage_v(-kw)) == 1.0


@given(st.floats(0, 10), st.lists(st.tuples(st.floats(95, 110), st.floats(0, 100)), min_size=1, max_size=6))
def test_inverter_gives_what_there_is_or_what_its_curve_allows(available_kw: float, raw: list) -> None:
    xs, ys = sorted({x for x, _ in raw}), sorted((y for _, y in raw), reverse=True)
    curve: PayloadValues = [CurvePoint(x, y) for x, y in zip(xs, ys, strict=False)]
    inverter = VoltWatt(10.0)
    assert inverter.payload_flaw("CURVE", curve) is None
    inverter.apply_payload("CURVE", curve)
    found = inverter.power_kw(available_kw, lambda kw: voltage_v(-kw))
    assert 0.0 <= found <= available_kw
    beyond = inverter.power_kw(100.0, lambda _: voltage_v(-found))
    assert found <= beyond + 1e-6
    if found < available_kw - 1e-6:
        just_more = inverter.power_kw(100.0, lambda _: voltage_v(-found - 1e-6))
        assert found + 1e-6 >= just_more - 1e-6


def test_simulated_home_follows_the_curve_and_is_free_again_without_it() -> None:
    noon = to_ms(datetime.fromisoformat("2026-04-23T12:00:00+02:00"))
    home = Home(seed=1, household=Household("H0-A", 3000.0), pv=Pv("PV1", 8.0, 3), noise=0.0)
    driver = SimulatorDriver(home, now_ms=noon)
    (inverter,) = driver.payload_takers()
    free = driver.read(noon + 1000)
    assert free.pv_kw is not None
    assert free.pv_kw < -2.0
    inverter.apply_payload("CURVE", STEEP)
    bound = [driver.read(noon + second * 1000) for second in range(2, 8)][-1]
    assert bound.pv_kw is not None
    assert free.pv_kw < bound.pv_kw < 0.0
    percent = voltage_v(bound.grid_kw) / NOMINAL_V * 100.0
    assert -bound.pv_kw == pytest.approx(8.0 * (101.0 - percent), abs=1e-3)
    inverter.apply_payload("CURVE", [])
    assert driver.read(noon + 9000).pv_kw == free.pv_kw
