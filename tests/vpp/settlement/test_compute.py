"""The whole computation from stored inputs: independent of chunks, of the time it is done, and of what is thinned."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.intervals import Grid, local_day_grid, to_ms
from vpp.settlement.compute import Settled, compute, thinned
from vpp.settlement.errors import SettlementError
from vpp.settlement.inputs import (
    Home,
    MeterCorrection,
    Readings,
    SettlementInputs,
    inputs_from_text,
    inputs_text,
)
from vpp.settlement.rules import PaymentRule
from vpp.settlement.statement import Statement

D = Decimal
START = datetime(2026, 6, 17, 16, tzinfo=UTC)
GRID = Grid(START, 900, 4)
RULE = PaymentRule(energy_price=D("0.50"), currency="EUR")


def steady(grid: Grid, *, kw: float, step_s: int = 60) -> Readings:
    """A meter that is read every minute and feeds in or draws `kw`."""
    first, last = to_ms(grid.starts_at) // 1000 - 600, to_ms(grid.ends_at) // 1000 + 600
    times = list(range(first, last + 1, step_s))
    return Readings(
        tuple(at * 1000 for at in times),
        tuple(1000.0 + max(kw, 0.0) * (at - first) / 3600 for at in times),
        tuple(500.0 + max(-kw, 0.0) * (at - first) / 3600 for at in times),
    )


def home(name: str = "1", *, kw: float = -1.0, grid: Grid = GRID, asked: float = 2.0) -> Home:
    return Home(name, (1.0,) * grid.count, (asked,) * grid.count, steady(grid, kw=kw))


def inputs(*homes: Home, rule: PaymentRule = RULE, grid: Grid = GRID, **more: Any) -> SettlementInputs:
    return SettlementInputs(grid=grid, homes=homes, rule=rule, cap_over_asked=1.2, **more)


def test_a_home_that_gives_two_kilowatts_for_an_hour_earns_a_euro() -> None:
    settled = compute(inputs(home()))
    (line,) = settled.statement.lines
    assert (line.delivered_kwh, line.committed_kwh, line.performance) == (D("2.000"), D("2.000"), D(1))
    assert (line.amount, settled.notes) == (D("1.00"), (("", "", "", ""),))


def test_what_is_not_measured_is_neither_paid_nor_held_against_the_home() -> None:
    rule = replace(RULE, penalty_price=D(5), penalty_threshold=D(1))
    found = home()
    cut = [
        index for index, at in enumerate(found.readings.at_ms) if at <= to_ms(START + timedelta(minutes=30))
    ]
    short = replace(
        found, readings=Readings(*(tuple(np.array(c)[cut].tolist()) for c in columns(found.readings)))
    )
    (line,) = compute(inputs(short, rule=rule)).statement.lines
    assert (line.delivered_kwh, line.committed_kwh, line.amount) == (D("1.000"), D("1.000"), D("0.50"))


def columns(readings: Readings) -> tuple[tuple[float, ...], ...]:
    return readings.at_ms, readings.import_kwh, readings.export_kwh


def test_a_home_without_baseline_or_readings_gets_nothing_and_says_why() -> None:
    empty = Readings((), (), ())
    homes = (
        replace(home("1"), baseline_kw=(math.nan,) * 4),
        replace(home("2"), readings=empty),
    )
    settled = compute(inputs(*homes))
    assert [line.amount for line in settled.statement.lines] == [D("0.00")] * 2
    assert settled.energy.status == ("no_baseline", "not_metered")
    assert settled.notes[1] == ("missing",) * 4
    assert compute(inputs()).statement.total == 0


def test_a_meter_that_jumps_is_not_paid_in_that_interval_alone() -> None:
    found = home()
    exported = list(found.readings.export_kwh)
    middle = next(i for i, at in enumerate(found.readings.at_ms) if at > to_ms(START + timedelta(minutes=20)))
    exported[middle:] = [value + 500 for value in exported[middle:]]
    jumped = replace(found, readings=replace(found.readings, export_kwh=tuple(exported)))
    settled = compute(inputs(jumped))
    assert (settled.notes, settled.statement.delivered_kwh) == ((("", "jump", "", ""),), D("1.500"))
    assert compute(thinned(inputs(jumped))).notes == settled.notes


@pytest.mark.parametrize(("day", "count"), [((2026, 3, 29), 92), ((2026, 10, 25), 100)])
def test_days_on_which_clocks_change_are_as_long_as_they_are(day: tuple[int, int, int], count: int) -> None:
    grid = local_day_grid(date(*day), ZoneInfo("Europe/Berlin"), interval_s=900)
    assert grid.count == count
    settled = compute(inputs(home(grid=grid), grid=grid))
    assert settled.statement.delivered_kwh == D(count) / 2


@pytest.mark.parametrize(
    ("kwh", "notes", "delivered"),
    [(-0.05, "corrected: read by hand", "1.800"), (None, "left out: read by hand", "1.500")],
)
def test_a_correction_counts_in_its_interval(kwh: float | None, notes: str, delivered: str) -> None:
    correction = MeterCorrection("1", 1, kwh, "read by hand")
    settled = compute(inputs(home(), corrections=(correction,)))
    assert (settled.notes[0][1], settled.statement.delivered_kwh) == (notes, D(delivered))


@pytest.mark.parametrize(
    "wrong",
    [
        {"homes": (home(), home())},
        {"homes": (replace(home(), baseline_kw=(1.0,)),)},
        {"homes": (replace(home(), asked_kw=(1.0,)),)},
        {"corrections": (MeterCorrection("9", 0, 1.0, ""),)},
        {"corrections": (MeterCorrection("1", 4, 1.0, ""),)},
        {"corrections": (MeterCorrection("1", -1, 1.0, ""),)},
        {"corrections": (MeterCorrection("1", 0, math.nan, ""),)},
        {"corrections": (MeterCorrection("1", 0, 26.0, ""),)},
    ],
)
def test_inputs_without_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettlementError):
        replace(inputs(home()), **wrong)


@pytest.mark.parametrize("asked", [math.nan, math.inf])
def test_an_asked_power_that_is_no_number_is_refused(asked: float) -> None:
    with pytest.raises(SettlementError, match="asked"):
        compute(inputs(home(asked=asked)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"version":2}',
        '{"version":1}',
        '{"version":1,"limits":[1,2,3],"starts_at":"x"}',
        "é",
    ],
)
def test_text_that_is_no_inputs_is_one_named_error(text: str) -> None:
    with pytest.raises(SettlementError):
        inputs_from_text(text)


# --- properties ---

POWER = st.floats(-5, 5).map(lambda kw: round(kw, 3))
READING = st.tuples(st.integers(-900, 4500), st.one_of(st.floats(0, 3), st.just(math.nan)), st.floats(0, 3))


@st.composite
def homes_drawn(draw: Any) -> tuple[Home, ...]:
    """Homes with gaps, resets and jumps, and baselines that may be unknown."""
    drawn = []
    for index in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            readings = steady(GRID, kw=draw(POWER), step_s=draw(st.sampled_from([10, 60, 290, 700])))
        else:
            rows = draw(st.lists(READING, max_size=25))
            readings = Readings(
                tuple(to_ms(START) + at * 1000 for at, _, _ in rows),
                tuple(value for _, value, _ in rows),
                tuple(value for _, _, value in rows),
            )
        baseline = draw(st.lists(st.one_of(POWER, st.just(math.nan)), min_size=4, max_size=4))
        asked = draw(st.lists(POWER, min_size=4, max_size=4))
        drawn.append(Home(f"{index}", tuple(baseline), tuple(asked), readings))
    return tuple(drawn)


def lines(*settled: Settled) -> list[Any]:
    return [
        (*one.statement.lines[row : row + 1], one.notes[row], one.energy.delivered_kwh[row].tolist())
        for one in settled
        for row in range(len(one.names))
    ]


@given(homes_drawn(), st.integers(0, 4), st.sampled_from(["line", "statement"]))
@settings(deadline=None, max_examples=60)
def test_settlement_is_independent_of_how_homes_are_chunked(
    homes: tuple[Home, ...], cut: int, per: Any
) -> None:
    rule = replace(
        RULE, capacity_price=D(2), penalty_price=D(1), penalty_threshold=D("0.5"), rounding_per=per
    )
    whole = compute(inputs(*homes, rule=rule))
    pieces = [compute(inputs(*part, rule=rule)) for part in (homes[:cut], homes[cut:])]
    assert lines(whole) == lines(*pieces)
    assert whole.statement.total == sum(piece.statement.total for piece in pieces)


@given(homes_drawn(), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_energies_are_independent_of_how_time_is_chunked(homes: tuple[Home, ...], cut: int) -> None:
    whole = compute(inputs(*homes))
    grids = [Grid(START, 900, cut), Grid(START + cut * timedelta(minutes=15), 900, 4 - cut)]
    parts = []
    for grid, chosen in zip(grids, (slice(0, cut), slice(cut, 4)), strict=True):
        cut_homes = [
            replace(one, baseline_kw=one.baseline_kw[chosen], asked_kw=one.asked_kw[chosen]) for one in homes
        ]
        parts.append(compute(inputs(*cut_homes, grid=grid)))
    joined = np.concatenate([part.energy.delivered_kwh for part in parts], axis=1)
    assert np.array_equal(joined, whole.energy.delivered_kwh)
    assert [a + b for a, b in zip(parts[0].notes, parts[1].notes, strict=True)] == list(whole.notes)


@given(homes_drawn())
@settings(deadline=None, max_examples=80)
def test_kept_inputs_give_the_same_run_again(homes: tuple[Home, ...]) -> None:
    given_inputs = inputs(*homes)
    kept = thinned(given_inputs)
    text = inputs_text(kept)
    again = inputs_from_text(text)
    assert inputs_text(again) == text
    first, second, third = compute(given_inputs), compute(kept), compute(again)
    assert lines(first) == lines(second) == lines(third)
    assert second.input_hash == third.input_hash
    statements: list[Statement] = [first.statement, second.statement, third.statement]
    assert statements[0] == statements[1] == statements[2]


def test_an_hour_of_readings_is_kept_in_a_few() -> None:
    (kept,) = thinned(inputs(home())).homes
    assert len(kept.readings.at_ms) == 10
