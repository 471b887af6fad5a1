from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.settlement.errors import SettlementError
from vpp.settlement.rounding import split
from vpp.settlement.rules import PaymentRule
from vpp.settlement.statement import home_parts, settle, settled_kwh

D = Decimal
RULE = PaymentRule(energy_price=D("0.35"), currency="EUR")


def amounts(rule: PaymentRule, **delivered: str) -> dict[str, str]:
    statement = settle(rule, {home: D(kwh) for home, kwh in delivered.items()})
    return {line.home: str(line.amount) for line in statement.lines}


def test_a_home_is_paid_for_its_energy() -> None:
    statement = settle(RULE, {"b": D("2.000"), "a": D("4.000")})
    assert [(line.home, line.amount) for line in statement.lines] == [("a", D("1.40")), ("b", D("0.70"))]
    assert (statement.total, statement.delivered_kwh, statement.currency) == (D("2.10"), D("6.000"), "EUR")


def test_the_total_is_rounded_once_half_up_and_the_cents_are_shared() -> None:
    # 3 x 0.355 = 1.065 -> 1.07; each gets 0.35 and the two cents left go to the first two by name.
    rule = PaymentRule(energy_price=D("0.355"), currency="EUR")
    assert amounts(rule, c="1", a="1", b="1") == {"a": "0.36", "b": "0.36", "c": "0.35"}


def test_the_largest_remainder_comes_first() -> None:
    assert amounts(RULE, a="1.01", b="1.02", c="1.001") == {"a": "0.35", "b": "0.36", "c": "0.35"}


def test_the_event_payment_goes_to_every_home_that_delivered() -> None:
    rule = replace(RULE, event_payment=D("1.50"))
    assert amounts(rule, a="2", b="0", c="0.001") == {"a": "2.20", "b": "0.00", "c": "1.50"}


def test_the_floor_is_shared_in_proportion_or_equally() -> None:
    rule = replace(RULE, floor=D("9"))
    assert amounts(rule, a="2", b="1") == {"a": "6.00", "b": "3.00"}
    assert amounts(rule, a="0", b="0") == {"a": "4.50", "b": "4.50"}
    assert settle(rule, {}).total == 0


def test_a_currency_without_cents() -> None:
    assert amounts(replace(RULE, energy_price=D(31), currency="JPY", rounding=D(1)), a="0.5", b="0.5") == {
        "a": "16",
        "b": "15",
    }


def test_energy_is_rounded_to_a_watt_hour_once() -> None:
    assert settled_kwh([0.1, 0.2]) == D("0.300")
    assert settled_kwh([0.0003] * 5) == D("0.002")
    assert settled_kwh([]) == D("0.000")
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(SettlementError):
            settled_kwh([wrong])


@pytest.mark.parametrize(
    "wrong",
    [
        {"energy_price": D("-0.1")},
        {"energy_price": D("NaN")},
        {"energy_price": 0.35},
        {"event_payment": D("Infinity")},
        {"floor": D(-1)},
        {"rounding": D(0)},
        {"currency": "eur"},
        {"currency": "EURO"},
    ],
)
def test_a_rule_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettlementError):
        PaymentRule(**{"energy_price": D("0.35"), "currency": "EUR", **wrong})


@pytest.mark.parametrize("kwh", [D(-1), D("NaN"), D("Infinity")])
def test_an_energy_without_sense_is_refused_and_the_home_is_named(kwh: Decimal) -> None:
    with pytest.raises(SettlementError, match="home-7"):
        settle(RULE, {"home-7": kwh})


def test_the_hash_tells_the_inputs_apart() -> None:
    one = settle(RULE, {"a": D("2.000"), "b": D("1")}).inputs_hash
    assert len(one) == 64
    assert settle(RULE, {"b": D("1.000"), "a": D("2")}).inputs_hash == one
    assert settle(replace(RULE, energy_price=D("0.350")), {"a": D(2), "b": D(1)}).inputs_hash == one
    assert settle(RULE, {"a": D("2.001"), "b": D("1")}).inputs_hash != one
    assert settle(replace(RULE, floor=D("0.01")), {"a": D(2), "b": D(1)}).inputs_hash != one


def worth(rule: PaymentRule, kwh: Decimal) -> Decimal:
    return sum((part.amount for part in home_parts(rule, delivered_kwh=kwh)), D(0))


KWH = st.decimals(0, 1000, places=3)
PRICE = st.decimals(0, 5, places=5)


@given(st.lists(KWH, max_size=40), PRICE, PRICE, st.decimals(0, 50, places=3))
def test_the_homes_sum_exactly_to_the_rule_on_the_total(
    energies: list[Decimal], price: Decimal, event: Decimal, floor: Decimal
) -> None:
    rule = PaymentRule(energy_price=price, currency="EUR", event_payment=event, floor=floor)
    delivered = {f"home-{index:02}": kwh for index, kwh in enumerate(energies)}
    statement = settle(rule, delivered)
    exact = price * sum(energies, D(0)) + event * sum(kwh > 0 for kwh in energies)
    expected = max(exact, floor if energies else D(0))
    assert sum((line.amount for line in statement.lines), D(0)) == statement.total
    assert abs(statement.total - expected) <= D("0.005")
    assert all(
        line.amount >= 0 and line.amount == line.amount.quantize(D("0.01")) for line in statement.lines
    )
    if exact >= floor:
        assert all(
            abs(line.amount - worth(rule, delivered[line.home])) <= D("0.015") for line in statement.lines
        )


@given(st.lists(st.decimals(0, 100, places=4), min_size=1, max_size=30), st.integers(0, 10_000))
def test_a_split_is_exact_and_within_a_step_of_the_ideal(weights: list[Decimal], cents: int) -> None:
    total = D(cents) / 100
    parts = split(total, weights=weights, step=D("0.01"))
    assert sum(parts) == total
    known = sum(weights) or len(weights)
    for part, weight in zip(parts, weights if any(weights) else [D(1)] * len(weights), strict=True):
        assert abs(part - total * weight / known) <= D("0.01")
