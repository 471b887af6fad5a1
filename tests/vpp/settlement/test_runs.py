from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.intervals import IntervalError
from vpp.settlement.errors import RunError
from vpp.settlement.runs import TRANSITIONS, RunCause, RunKind, adjustments, due_cause, next_kind

END = datetime(2026, 6, 17, 17, tzinfo=UTC)
D = Decimal


def test_the_table_is_the_whole_life() -> None:
    allowed = 0
    for newest, cause in product([None, *get_args(RunKind)], get_args(RunCause)):
        if (newest, cause) in TRANSITIONS:
            allowed += 1
            assert next_kind(newest, cause=cause) == TRANSITIONS[newest, cause]
        else:
            with pytest.raises(RunError):
                next_kind(newest, cause=cause)
    assert allowed == 9


def test_after_the_final_run_only_an_accepted_dispute_makes_another() -> None:
    assert [cause for newest, cause in TRANSITIONS if newest == "final"] == ["dispute_accepted"]
    with pytest.raises(RunError, match="after the final run"):
        next_kind("final", cause="inputs_changed")


@pytest.mark.parametrize(
    ("newest", "after", "cause"),
    [
        (None, timedelta(minutes=10) - timedelta(seconds=1), None),
        (None, timedelta(minutes=10), "data_due"),
        ("initial", timedelta(minutes=11), "inputs_changed"),
        ("true_up", timedelta(days=30) - timedelta(seconds=1), "inputs_changed"),
        ("initial", timedelta(days=30), "window_over"),
        ("true_up", timedelta(days=30), "window_over"),
        ("final", timedelta(days=31), None),
        ("correction", timedelta(days=31), None),
    ],
)
def test_what_is_due(newest: Any, after: timedelta, cause: str | None) -> None:
    assert due_cause(newest, ends_at=END, now=END + after) == cause


def test_an_instant_needs_a_zone() -> None:
    with pytest.raises(IntervalError):
        due_cause(None, ends_at=END.replace(tzinfo=None), now=END)


def test_a_version_says_what_it_changes() -> None:
    changes = adjustments(
        before={"a": D("1.00"), "b": D("2.00"), "gone": D("0.50")},
        after={"b": D("1.25"), "a": D("1.00"), "new": D("3.00")},
    )
    assert [(one.home, str(one.amount)) for one in changes] == [
        ("b", "-0.75"),
        ("gone", "-0.50"),
        ("new", "3.00"),
    ]


AMOUNTS = st.dictionaries(st.sampled_from("abcdef"), st.decimals(0, 100, places=2))


@given(AMOUNTS, AMOUNTS)
@settings(deadline=None, max_examples=60)
def test_adjustments_sum_to_the_difference(before: dict[str, Decimal], after: dict[str, Decimal]) -> None:
    found = sum((one.amount for one in adjustments(before=before, after=after)), D(0))
    assert found == sum(after.values(), D(0)) - sum(before.values(), D(0))
