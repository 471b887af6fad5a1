"""Static, dynamic and hybrid keys of collective self-consumption."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.markets.errors import MarketError
from vpp.markets.sharing_keys import Key, share_generation

DRAWN = np.array([1_000, 3_000, 0])
PARTS = np.array([50, 25, 25])


@pytest.mark.parametrize(
    ("key", "credit"),
    [("static", [1_000, 1_000, 0]), ("dynamic", [1_000, 3_000, 0]), ("hybrid", [1_000, 3_000, 0])],
)
def test_keys_with_enough_generation(key: Key, credit: list[int]) -> None:
    """By hand: 4 kWh, of which static parts are 2, 1 and 1 kWh."""
    assert share_generation(4_000, DRAWN, key=key, parts=PARTS).tolist() == credit


@pytest.mark.parametrize(
    ("key", "credit"),
    [("static", [1_000, 500, 0]), ("dynamic", [500, 1_500, 0]), ("hybrid", [1_000, 1_000, 0])],
)
def test_keys_with_too_little_generation(key: Key, credit: list[int]) -> None:
    assert share_generation(2_000, DRAWN, key=key, parts=PARTS).tolist() == credit


@given(
    members=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=6),
    generated=st.integers(0, 200),
)
def test_no_key_credits_more_than_is_drawn_or_generated(
    members: list[tuple[int, int]], generated: int
) -> None:
    drawn, parts = (np.array(column) for column in zip(*members, strict=True))
    sums = {}
    for key in ("static", "dynamic", "hybrid"):
        credit = share_generation(generated, drawn, key=key, parts=parts)
        assert ((credit >= 0) & (credit <= drawn)).all()
        sums[key] = int(credit.sum())
    assert sums["static"] <= sums["hybrid"] == sums["dynamic"] == min(generated, int(drawn.sum()))


def test_keys_without_sense_are_refused() -> None:
    with pytest.raises(MarketError, match="below 0 Wh"):
        share_generation(-1, DRAWN, key="dynamic")
    with pytest.raises(MarketError, match="needs a part"):
        share_generation(1, DRAWN, key="static")
    with pytest.raises(MarketError, match="needs a part"):
        share_generation(1, DRAWN, key="hybrid", parts=np.zeros(3, np.int64))
