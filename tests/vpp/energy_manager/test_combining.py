"""Powers of combined operation modes, and a role's power shared: by hand and by property."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vpp.energy_manager.combine import ALIKE_KW, Option, Wish, choose, combine, exactly
from vpp.energy_manager.share import Part, share

FREE = (-math.inf, math.inf)


def option(
    mode: str,
    low: float,
    high: float,
    *,
    rate: tuple[float, float] = (0.0, 0.0),
    cost: float = 0.0,
    part: str = "a",
) -> Option:
    return Option(part=part, mode=mode, power_kw=(low, high), rate=rate, cost=cost)


OFF, ON, BOOST = option("off", 0.0, 0.0), option("on", 1.0, 2.0), option("boost", 2.5, 2.5)


@pytest.mark.parametrize(
    ("wish", "mode", "factor", "kw"),
    [
        (exactly(0.0), "off", 0.0, 0.0),
        (exactly(0.4), "off", 0.0, 0.0),
        (exactly(0.6), "on", 0.0, 1.0),
        (exactly(1.5), "on", 0.5, 1.5),
        (exactly(9.0), "boost", 0.0, 2.5),
        (exactly(-3.0), "off", 0.0, 0.0),
        # A limit is kept even where the other choice is nearer to what is aimed at.
        (Wish(low_kw=-9.0, high_kw=0.9, prefer_kw=9.0), "off", 0.0, 0.0),
        (Wish(low_kw=-9.0, high_kw=2.2, prefer_kw=9.0), "on", 1.0, 2.0),
        (Wish(low_kw=2.2, high_kw=9.0, prefer_kw=0.0), "boost", 0.0, 2.5),
    ],
)
def test_the_mode_that_meets_a_wish_best(wish: Wish, mode: str, factor: float, kw: float) -> None:
    found = choose(combine([[OFF, ON, BOOST]], FREE), wish)
    assert found is not None
    combo, t = found
    [setting] = combo.settings(t)
    assert setting.mode == mode
    assert setting.factor == pytest.approx(factor)
    assert combo.power_kw(t) == pytest.approx(kw)


def test_of_two_that_are_as_good_the_cheaper_is_taken() -> None:
    found = choose(
        combine([[option("dear", 0.0, 2.0, cost=0.3), option("cheap", 0.0, 2.0, cost=0.1)]], FREE),
        exactly(1.0),
    )
    assert found is not None
    assert found[0].options[0].mode == "cheap"


def test_a_cost_is_not_paid_for_next_to_nothing() -> None:
    parts = [[option("stay", 0.0, 2.0), option("change", 1.0, 3.0, cost=0.3)]]
    found = choose(combine(parts, FREE), exactly(2.0 + ALIKE_KW / 3))
    assert found is not None
    assert found[0].options[0].mode == "stay"
    found = choose(combine(parts, FREE), exactly(2.5))
    assert found is not None
    assert found[0].options[0].mode == "change"


def test_rates_bound_the_factor() -> None:
    [combo] = combine([[option("both", -4.0, 4.0, rate=(-1.0, 1.0))]], (-math.inf, 0.0))
    assert combo.range_kw == (-4.0, 0.0)
    [combo] = combine([[option("both", -4.0, 4.0, rate=(-1.0, 1.0))]], (0.5, math.inf))
    assert combo.range_kw == (2.0, 4.0)
    # Cooling: the more power, the lower the fill level.
    [combo] = combine([[option("cool", 0.0, 2.0, rate=(0.0, -1.0))]], (-0.5, math.inf))
    assert combo.range_kw == (0.0, 1.0)


def test_what_cannot_be_reached_is_neared() -> None:
    combos = combine([[option("off", 0.0, 0.0), option("heat", 0.0, 3.0, rate=(0.0, 1.0))]], (5.0, math.inf))
    assert [(combo.options[0].mode, combo.range_kw) for combo in combos] == [("heat", (3.0, 3.0))]
    assert combine([[]], FREE) == []


MODES = st.builds(
    lambda low, width, start, end: option("m", low, low + width, rate=(start, end)),
    st.floats(-10, 10),
    st.floats(0, 10),
    st.floats(-2, 2),
    st.floats(-2, 2),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(MODES, min_size=1, max_size=3), min_size=1, max_size=3),
    st.floats(-12, 12),
    st.floats(-3, 1),
    st.floats(0, 3),
)
def test_what_is_chosen_keeps_the_rates_and_is_as_near_as_any(
    parts: list[list[Option]], wanted: float, low: float, width: float
) -> None:
    combos = combine(parts, (low, low + width))
    found = choose(combos, exactly(wanted))
    assert found is not None
    combo, t = found
    assert 0.0 <= t <= 1.0
    assert combo.low - 1e-9 <= t <= combo.high + 1e-9
    reachable = any(one.low < one.high for one in combos) or len(combos) > 0
    assert reachable
    miss = abs(combo.power_kw(t) - wanted)
    for one in combos:
        for step in range(11):
            fraction = one.low + (one.high - one.low) * step / 10
            assert miss <= abs(one.power_kw(fraction) - wanted) + 1.01 * ALIKE_KW


PARTS = st.lists(
    st.builds(Part, st.floats(-10, 0), st.floats(0, 10), st.floats(0, 5)), min_size=1, max_size=6
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(-40, 40), PARTS)
def test_shares_sum_up_and_stay_within_their_bounds(total: float, parts: list[Part]) -> None:
    shares = share(total, parts)
    for part, kw in zip(parts, shares, strict=True):
        assert part.low_kw <= kw <= part.high_kw
    possible = min(max(total, sum(part.low_kw for part in parts)), sum(part.high_kw for part in parts))
    assert sum(shares) == pytest.approx(possible, abs=1e-6)
    assert all(kw >= -1e-9 for kw in shares) or all(kw <= 1e-9 for kw in shares)


def test_shares_go_by_weight_until_a_part_is_full() -> None:
    parts = [Part(-5.0, 5.0, 1.0), Part(-5.0, 5.0, 3.0)]
    assert share(4.0, parts) == [1.0, 3.0]
    assert share(-8.0, parts) == [-3.0, -5.0]
    assert share(7.0, [Part(0.0, 5.0, 0.0), Part(0.0, 5.0, 3.0)]) == [2.0, 5.0]
