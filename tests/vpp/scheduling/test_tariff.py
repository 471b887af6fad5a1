"""Prices by local wall clock, on days of 23, 24 and 25 hours, and bills by hand."""

from collections import Counter
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from vpp.intervals import Grid, local_day_grid
from vpp.scheduling.battery_problem import ScheduleError
from vpp.scheduling.prices import Prices
from vpp.scheduling.tariff import (
    DemandCharge,
    Dynamic,
    Flat,
    Hours,
    Tariff,
    TariffError,
    TimeOfUse,
)

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Hours(time(22), time(6))
EVENING = Hours(time(17), time(20), frozenset({0, 1, 2, 3, 4}))
TIME_OF_USE = TimeOfUse(((EVENING, Decimal("0.45")), (NIGHT, Decimal("0.20"))), Decimal("0.30"))
WINTER_DAY, SPRING, AUTUMN = date(2026, 1, 14), date(2026, 3, 29), date(2026, 10, 25)


def grid_of(day: date, *, interval_s: int = 3600) -> Grid:
    return local_day_grid(day, BERLIN, interval_s=interval_s)


def tariff(**changed: Any) -> Tariff:
    fields: dict[str, Any] = {"currency": "EUR", "zone": BERLIN, "buy": TIME_OF_USE}
    return Tariff(**(fields | changed))


def test_a_flat_rate_is_the_same_at_all_hours_and_export_earns_nothing_unless_it_is_priced() -> None:
    prices = tariff(buy=Flat(Decimal("0.31"))).prices(grid_of(WINTER_DAY))
    assert prices.buy_per_kwh.tolist() == [0.31] * 24
    assert prices.sell_per_kwh.tolist() == [0.0] * 24


@pytest.mark.parametrize(
    ("day", "night", "rest", "evening"),
    [
        (WINTER_DAY, 8, 13, 3),  # a Wednesday
        (date(2026, 1, 17), 8, 16, 0),  # a Saturday has no evening band
        (SPRING, 7, 16, 0),  # a Sunday of 23 hours: the missing one is at night
        (AUTUMN, 9, 16, 0),  # a Sunday of 25 hours
    ],
)
def test_bands_follow_the_local_clock(day: date, night: int, rest: int, evening: int) -> None:
    buy = tariff().prices(grid_of(day, interval_s=900)).buy_per_kwh
    counted = Counter(buy.tolist())
    assert (counted[0.20], counted[0.30], counted[0.45]) == (4 * night, 4 * rest, 4 * evening)


def test_hours_past_midnight_belong_to_the_day_they_start_on() -> None:
    friday_night = Hours(time(22), time(6), frozenset({4}))
    assert friday_night.contains(datetime(2026, 1, 17, 5, 59, tzinfo=BERLIN))
    assert not friday_night.contains(datetime(2026, 1, 16, 5, 59, tzinfo=BERLIN))
    assert not friday_night.contains(datetime(2026, 1, 17, 22, 0, tzinfo=BERLIN))
    whole_day = Hours(time(0), time(0), frozenset({5}))
    assert whole_day.contains(datetime(2026, 1, 17, 0, 0, tzinfo=BERLIN))
    assert not whole_day.contains(datetime(2026, 1, 18, 0, 0, tzinfo=BERLIN))


def test_an_interval_across_a_boundary_of_the_hours_is_refused() -> None:
    half_past = TimeOfUse(((Hours(time(16, 30), time(20)), Decimal("0.45")),), Decimal("0.30"))
    with pytest.raises(TariffError, match="the interval from 2026-01-14 16:00 lies across a boundary"):
        tariff(buy=half_past).prices(grid_of(WINTER_DAY))
    assert tariff(buy=half_past).prices(grid_of(WINTER_DAY, interval_s=1800)).buy_per_kwh[33] == 0.45


def test_published_prices_are_shared_by_finer_intervals_and_must_be_there() -> None:
    hourly = Dynamic(grid_of(AUTUMN), tuple(Decimal(hour) / 100 for hour in range(-5, 20)))
    fine = tariff(buy=hourly).prices(grid_of(AUTUMN, interval_s=900)).buy_per_kwh
    assert fine.shape == (100,)
    assert fine[:5].tolist() == [-0.05] * 4 + [-0.04]
    with pytest.raises(TariffError, match="there is no price for 2026-10-25 23:00 UTC"):
        tariff(buy=hourly).prices(Grid(grid_of(AUTUMN).starts_at, 3600, 26))
    with pytest.raises(TariffError, match="has more than one price"):
        tariff(buy=hourly).prices(Grid(grid_of(AUTUMN).starts_at, 7200, 12))


def test_a_bill_adds_up_the_lines_it_shows() -> None:
    whole = tariff(
        sell=Flat(Decimal("0.08")),
        demand=DemandCharge(Decimal("2.50"), (Hours(time(8), time(20)),), already_kw=3.0),
        fixed_per_day=Decimal("0.40"),
    )
    meter = np.zeros(24)
    meter[0], meter[9], meter[12], meter[18] = 6.0, 3.5, -2.0, 1.01
    bill = whole.bill(grid_of(WINTER_DAY), meter)
    assert bill.import_cost == Decimal("2.70")  # 6 * 0.20 + 3.5 * 0.30 + 1.01 * 0.45 = 2.7045
    assert bill.export_income == Decimal("0.16")
    assert bill.demand == Decimal("1.25")  # 3.5 kW, of which 3 were there; the 6 kW are at night
    assert bill.fixed == Decimal("0.40")
    assert bill.total == Decimal("4.19")
    assert (bill.import_kwh, bill.export_kwh) == (Decimal("10.51"), Decimal("2.0"))


def test_half_a_cent_is_rounded_up_and_a_currency_without_cents_has_none() -> None:
    meter = np.zeros(24)
    meter[12] = 0.05
    flat = Flat(Decimal("0.10"))
    assert tariff(buy=flat).bill(grid_of(WINTER_DAY), meter).import_cost == Decimal("0.01")
    yen = tariff(currency="JPY", buy=Flat(Decimal(30)), places=0).bill(grid_of(WINTER_DAY), meter)
    assert yen.import_cost == Decimal(2)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (WINTER_DAY, 24), (AUTUMN, 25)])
def test_a_days_fixed_part_is_paid_once_however_long_the_day(day: date, hours: int) -> None:
    fixed = tariff(fixed_per_day=Decimal("0.60"), places=4)
    whole = grid_of(day)
    assert whole.count == hours
    assert fixed.bill(whole, np.zeros(hours)).fixed == Decimal("0.6000")
    parts = [Grid(whole.starts_at, 3600, 10), Grid(whole.interval(10).starts_at, 3600, hours - 10)]
    shared = sum(fixed.bill(part, np.zeros(part.count)).fixed for part in parts)
    assert abs(shared - Decimal("0.6")) <= Decimal("0.0001")


def test_a_demand_charge_counts_in_its_hours_only() -> None:
    prices = tariff(demand=DemandCharge(Decimal(3), (EVENING,), already_kw=1.0)).prices(grid_of(WINTER_DAY))
    assert np.flatnonzero(prices.peak_steps).tolist() == [17, 18, 19]
    assert prices.demand_cost(np.full(24, 2.5)) == pytest.approx(4.5)
    assert prices.demand_cost(np.full(24, 0.5)) == 0.0
    assert not tariff().prices(grid_of(WINTER_DAY)).peak_steps.any()
    assert tariff(demand=DemandCharge(Decimal(3))).prices(grid_of(WINTER_DAY)).peak_steps.all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Flat(Decimal("NaN")),
        lambda: Flat(0.3),  # type: ignore[arg-type]
        lambda: TimeOfUse(((NIGHT, Decimal("Infinity")),), Decimal(0)),
        lambda: Hours(time(22, 0, 1), time(6)),
        lambda: Hours(time(22), time(6), frozenset()),
        lambda: Hours(time(22), time(6), frozenset({7})),
        lambda: Dynamic(Grid(datetime(2026, 1, 1, tzinfo=UTC), 3600, 2), (Decimal(1),)),
        lambda: DemandCharge(Decimal(-1)),
        lambda: DemandCharge(Decimal(1), already_kw=float("nan")),
        lambda: tariff(currency=""),
        lambda: tariff(fixed_per_day=Decimal("NaN")),
        lambda: tariff().bill(grid_of(WINTER_DAY), np.zeros(23)),
        lambda: tariff().bill(grid_of(WINTER_DAY), np.full(24, np.nan)),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(TariffError) as caught:
        make()
    assert caught.value.code == "invalid_tariff"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"buy_per_kwh": np.array([0.1, np.nan])}, "buy_per_kwh is not a finite number"),
        ({"sell_per_kwh": np.ones(3)}, "do not fit"),
        ({"sell_per_kwh": ["much", "little"]}, "sell_per_kwh is not an array of numbers"),
        ({"demand_per_kw": -1.0}, "demand_per_kw is -1.0"),
        ({"demand_already_kw": np.inf}, "demand_already_kw is inf"),
        ({"demand_steps": np.ones(3, np.bool_)}, "demand_steps of shape"),
    ],
)
def test_impossible_prices_are_refused_by_name(changed: dict[str, Any], said: str) -> None:
    fields: dict[str, Any] = {"buy_per_kwh": np.ones(2), "sell_per_kwh": np.ones(2)}
    with pytest.raises(ScheduleError, match=said):
        Prices(**(fields | changed))
