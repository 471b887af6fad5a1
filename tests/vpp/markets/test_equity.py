"""Low-income first within a sacrifice, the lifeline, and measures of evenness."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.markets.books import Row, best_welfare, book, check, rows
from vpp.markets import equity
from vpp.markets.equity import clear_low_income_first
from vpp.markets.errors import MarketError
from vpp.markets.fairness import gini_coefficient, jain_index, price_of_fairness, report_fairness
from vpp.markets.lifeline import Lifeline, apply_lifeline
from vpp.markets.orders import Orders, make_orders
from vpp.markets.uniform_price import clear_uniform_price

KWH = 1_000


def marked(orders: Orders, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(len(orders)) < 0.5


def test_low_income_goes_first_among_equals_without_sacrifice() -> None:
    orders = make_orders(
        side=[1, 1, -1], price_micro=[300_000, 300_000, 100_000], quantity_wh=[10 * KWH, 10 * KWH, 10 * KWH]
    )
    result = clear_low_income_first(orders, low_income=np.array([False, True, False]), sacrifice_permille=0)
    assert result.clearing.fill_wh.tolist() == [0, 10 * KWH, 10 * KWH]
    assert result.price_of_fairness == 0.0


def test_welfare_is_given_up_as_far_as_stated_and_no_further() -> None:
    """By hand: W* = 10 (0.30 - 0.10) = 2; each kWh moved from 0.30 to 0.25 costs 0.05; delta 10 % moves 4 kWh."""
    orders = make_orders(
        side=[1, 1, -1], price_micro=[300_000, 250_000, 100_000], quantity_wh=[10 * KWH, 10 * KWH, 10 * KWH]
    )
    result = clear_low_income_first(orders, low_income=np.array([False, True, False]), sacrifice_permille=100)
    assert result.clearing.fill_wh.tolist() == [6 * KWH, 4 * KWH, 10 * KWH]
    assert result.clearing.price_micro is not None
    assert result.clearing.price_micro <= 250_000
    assert result.best_nano == 2_000_000_000
    assert result.price_of_fairness == pytest.approx(0.1)
    assert result.low_income_before_wh == 0


@settings(max_examples=80, deadline=None)
@given(table=rows(10), seed=st.integers(0, 9), sacrifice=st.sampled_from([0, 1, 50, 200, 1000]))
def test_properties_and_the_welfare_bound(table: list[Row], seed: int, sacrifice: int) -> None:
    orders = book(table)
    low = marked(orders, seed)
    result = clear_low_income_first(orders, low_income=low, sacrifice_permille=sacrifice)
    check(orders, result.clearing, promised=equity.PROPERTIES)
    best = best_welfare(orders)
    assert result.best_nano == best
    assert result.clearing.welfare_nano >= best - best * sacrifice // 1000
    served = int(result.clearing.fill_wh[low & (orders.side == 1)].sum())
    assert served == result.low_income_wh >= result.low_income_before_wh
    shuffled = np.random.default_rng(seed).permutation(len(orders))
    other = clear_low_income_first(
        orders.take(shuffled), low_income=low[shuffled], sacrifice_permille=sacrifice
    )
    assert np.array_equal(other.clearing.fill_wh, result.clearing.fill_wh[shuffled])


def most_low_income(orders: Orders, low: np.ndarray, *, least: int) -> int:
    """Try every price and every fill of orders of at most 2 Wh."""
    best = 0
    prices = sorted(set(orders.price_micro.tolist()))
    for fill in itertools.product(*(range(int(quantity) + 1) for quantity in orders.quantity_wh)):
        fills = np.array(fill, np.int64)
        served = int(fills[low & (orders.side == 1)].sum())
        if (
            served <= best
            or (orders.side * fills).sum()
            or (orders.side * fills * orders.price_micro).sum() < least
        ):
            continue
        traded = fills > 0
        gain = [(orders.price_micro[traded] - price) * orders.side[traded] for price in prices]
        if any((one >= 0).all() for one in gain):
            best = served
    return best


small = st.lists(
    st.tuples(
        st.sampled_from([1, -1]), st.integers(0, 6), st.integers(1, 2), st.just(0),
        st.just(0), st.just(0), st.just(False), st.just(0),
    ),
    min_size=2, max_size=6,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(table=small, seed=st.integers(0, 5), sacrifice=st.sampled_from([0, 100, 300, 1000]))
def test_no_outcome_within_the_sacrifice_serves_more(table: list[Row], seed: int, sacrifice: int) -> None:
    orders = book(table)
    low = marked(orders, seed)
    result = clear_low_income_first(orders, low_income=low, sacrifice_permille=sacrifice)
    least = result.best_nano - result.best_nano * sacrifice // 1000
    assert result.low_income_wh == most_low_income(orders, low, least=least)


def test_shares_outside_0_to_1000_are_refused() -> None:
    orders = book([(1, 5, 2, 0, 0, 0, False, 0)])
    with pytest.raises(MarketError, match="1001"):
        clear_low_income_first(orders, low_income=np.array([True]), sacrifice_permille=1001)
    with pytest.raises(MarketError, match="lifeline"):
        clearing = clear_uniform_price(orders)
        apply_lifeline(orders, clearing, low_income=np.array([True]), lifeline=Lifeline(-1, 0, 0))


def test_a_lifeline_is_paid_by_what_others_gain() -> None:
    """By hand: price 0.20; 3 of 5 kWh at 0.05 cost the others 0.45, of gains of 1.5 and 0.5 (three to one)."""
    orders = make_orders(
        side=[1, 1, -1], price_micro=[200_000, 500_000, 150_000], quantity_wh=[5 * KWH, 5 * KWH, 10 * KWH]
    )
    clearing = clear_uniform_price(orders, k_permille=1000)
    assert clearing.price_micro == 200_000
    low = np.array([True, False, False])
    result = apply_lifeline(orders, clearing, low_income=low, lifeline=Lifeline(3 * KWH, 50_000, 500))
    assert result.discount_nano.tolist() == [450_000_000, 0, 0]
    assert result.levy_nano.tolist() == [0, 337_500_000, 112_500_000]
    assert result.full
    assert result.levy_permille == pytest.approx(225)
    assert int(result.clearing.pay_nano.sum()) == 0
    short = apply_lifeline(orders, clearing, low_income=low, lifeline=Lifeline(3 * KWH, 50_000, 100))
    assert short.discount_nano.tolist() == [200_000_000, 0, 0]
    assert not short.full


@settings(max_examples=60, deadline=None)
@given(table=rows(), seed=st.integers(0, 9), quota=st.integers(0, 9), levy=st.sampled_from([0, 100, 1000]))
def test_a_lifeline_keeps_rationality_and_the_account(
    table: list[Row], seed: int, quota: int, levy: int
) -> None:
    orders = book(table)
    clearing = clear_uniform_price(orders)
    low = marked(orders, seed)
    result = apply_lifeline(orders, clearing, low_income=low, lifeline=Lifeline(quota, -1_000, levy))
    assert int(result.discount_nano.sum()) == int(result.levy_nano.sum())
    assert (result.clearing.utility_nano(orders) >= 0).all()
    assert int(result.clearing.pay_nano.sum()) == clearing.account_nano == result.clearing.account_nano
    assert np.array_equal(result.clearing.fill_wh, clearing.fill_wh)


def test_indices_of_evenness() -> None:
    """Jain et al. 1984: k of n users share equally: k/n. Gini of 1 to 5: 4/15."""
    assert jain_index([2, 2, 2, 0, 0, 0, 0, 0, 0, 0]) == pytest.approx(0.3)
    assert jain_index([1, 1, 1]) == pytest.approx(1.0)
    assert jain_index([0, 0]) == 1.0
    assert gini_coefficient([1, 2, 3, 4, 5]) == pytest.approx(4 / 15)
    assert gini_coefficient([0, 0, 0, 7]) == pytest.approx(0.75)
    assert gini_coefficient([0, 0]) == 0.0
    assert price_of_fairness(200, 150) == 0.25
    assert price_of_fairness(0, 0) == 0.0


@pytest.mark.parametrize("shares", [[], [-1.0], [float("nan")]])
def test_indices_refuse_what_is_no_share(shares: list[float]) -> None:
    for index in (jain_index, gini_coefficient):
        with pytest.raises(MarketError, match="shares"):
            index(shares)


def test_a_report_of_both_groups() -> None:
    orders = make_orders(
        side=[1, 1, -1], price_micro=[300_000, 250_000, 100_000], quantity_wh=[10 * KWH, 10 * KWH, 15 * KWH],
        participant=[1, 2, 3],
    )  # fmt: skip
    clearing = clear_uniform_price(orders, k_permille=0)
    report = report_fairness(orders, clearing, low_income=np.array([False, True, False]))
    assert report is not None
    assert (report.low_income.served_wh, report.low_income.served_share) == (5 * KWH, 0.5)
    assert report.low_income.mean_price_micro == 250_000
    assert report.others.savings_nano == 500_000_000
    assert report.jain_served == pytest.approx(1.5**2 / (2 * 1.25))
    assert report.gini_savings == pytest.approx(0.5)
    nobody = make_orders(side=[-1], price_micro=1, quantity_wh=1)
    assert report_fairness(nobody, clear_uniform_price(nobody), low_income=np.array([False])) is None
