"""The account of a home, against a table worked out by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.settlement.home_account import AccountError, Flows, carbon, cost, interval_flows, total

# Four hours of one home [kW]: used, sun, battery (+ charges), grid (+ imports). Each row balances.
#   morning  2.0  0.0   0.0   2.0   drawn
#   noon     1.0  5.0   3.0  -1.0   three into the battery, one out at the meter
#   evening  3.0  0.0  -2.5   0.5   most from the battery
#   night    0.5  0.0   0.0   0.5
HOURS = {
    "morning": (2.0, 0.0, 0.0, 2.0),
    "noon": (1.0, 5.0, 3.0, -1.0),
    "evening": (3.0, 0.0, -2.5, 0.5),
    "night": (0.5, 0.0, 0.0, 0.5),
}
PRICES = {"morning": "0.30", "noon": "0.20", "evening": "0.45", "night": "0.20"}
SELL = Decimal("0.08")


def hour(name: str) -> Flows:
    used, sun, battery, grid = HOURS[name]
    return interval_flows(used_kw=used, sun_kw=sun, battery_kw=battery, grid_kw=grid, seconds=3600)


def test_energies_of_the_table() -> None:
    day = total(hour(name) for name in HOURS)
    assert day == Flows(
        used_kwh=6.5, sun_kwh=5.0, import_kwh=3.0, export_kwh=1.0, charge_kwh=3.0, discharge_kwh=2.5,
        bare_import_kwh=5.5, bare_export_kwh=4.0,
    )  # fmt: skip
    assert day.self_sufficiency == pytest.approx(3.5 / 6.5)
    assert day.self_consumption == pytest.approx(4.0 / 5.0)


def test_cost_of_the_table_and_of_the_same_day_without_battery() -> None:
    found = cost((hour(name), Decimal(PRICES[name]), SELL) for name in HOURS)
    # 2 x 0.30 - 1 x 0.08 + 0.5 x 0.45 + 0.5 x 0.20 = 0.845; without: 0.60 - 4 x 0.08 + 3 x 0.45 + 0.10 = 1.73
    assert (found.cost, found.bare_cost, found.saved) == (Decimal("0.85"), Decimal("1.73"), Decimal("0.88"))


def test_carbon_of_the_table() -> None:
    found = carbon([(hour("morning"), 400.0), (hour("noon"), 100.0), (hour("evening"), 500.0)])
    # drawn 2 x 400 + 0 + 0.5 x 500 = 1050 g; spared 0 + 1 x 100 + 2.5 x 500 = 1350 g
    assert found.emitted_kg == pytest.approx(1.05)
    assert found.spared_kg == pytest.approx(1.35)


def test_a_quarter_hour_is_a_quarter_of_the_hour() -> None:
    quarter = interval_flows(used_kw=2.0, sun_kw=0.0, battery_kw=0.0, grid_kw=2.0, seconds=900)
    assert (quarter.used_kwh, quarter.import_kwh) == (0.5, 0.5)


def test_without_sun_or_use_there_is_no_share() -> None:
    assert (Flows().self_sufficiency, Flows().self_consumption) == (None, None)


def test_a_home_that_charges_from_the_grid_is_not_less_than_nothing() -> None:
    flows = interval_flows(used_kw=1.0, sun_kw=0.0, battery_kw=2.0, grid_kw=3.0, seconds=3600)
    assert flows.self_sufficiency == 0.0
    assert cost([(flows, Decimal("0.30"), SELL)]).saved == Decimal("-0.60")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(AccountError, match="finite"):
        interval_flows(used_kw=bad, sun_kw=0, battery_kw=0, grid_kw=0, seconds=900)
    with pytest.raises(AccountError, match="length"):
        interval_flows(used_kw=0, sun_kw=0, battery_kw=0, grid_kw=0, seconds=bad)


powers = st.floats(0, 20)


@given(used=powers, sun=powers, battery=st.floats(-10, 10))
def test_energy_is_conserved_with_the_battery_and_without(used: float, sun: float, battery: float) -> None:
    flows = interval_flows(
        used_kw=used, sun_kw=sun, battery_kw=battery, grid_kw=used - sun + battery, seconds=900
    )
    drawn = flows.import_kwh - flows.export_kwh
    assert drawn == pytest.approx(
        flows.used_kwh - flows.sun_kwh + flows.charge_kwh - flows.discharge_kwh, abs=1e-9
    )
    assert flows.bare_import_kwh - flows.bare_export_kwh == pytest.approx(
        flows.used_kwh - flows.sun_kwh, abs=1e-9
    )
