"""Capacity, penalties, tiers, floors and rounding, against tables worked out by hand."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.settlement.config import config_of, rule_from_config
from vpp.settlement.errors import RuleError, SettlementError
from vpp.settlement.rounding import round_step
from vpp.settlement.rules import PaymentRule, Tier
from vpp.settlement.statement import Statement, settle

D = Decimal
FREE = PaymentRule(energy_price=D(0), currency="EUR")
TIERS = (Tier(D("0.5"), D("0.4")), Tier(D("0.75"), D("0.9")), Tier(D("1"), D("1.1")))


def pay(rule: PaymentRule, delivered: str, committed: str = "4", hours: str = "2") -> Statement:
    return settle(rule, {"a": D(delivered)}, committed_kwh={"a": D(committed)}, hours=D(hours))


def parts(statement: Statement) -> dict[str, str]:
    return {part.kind: str(part.amount) for part in statement.lines[0].parts}


@pytest.mark.parametrize(
    ("delivered", "performance", "amount"),
    [("4", "1", "6.00"), ("3", "0.75", "4.50"), ("5", "1", "6.00"), ("0", "0", "0.00")],
)
def test_capacity_is_paid_for_committed_power_in_proportion(
    delivered: str, performance: str, amount: str
) -> None:
    """4 kWh over 2 h are 2 kW, at 3.00 a kW."""
    (line,) = pay(replace(FREE, capacity_price=D(3)), delivered).lines
    assert (line.performance, str(line.amount)) == (D(performance), amount)


@pytest.mark.parametrize(
    ("delivered", "amount"),
    [("1.999", "0.00"), ("2", "2.40"), ("3", "5.40"), ("3.999", "5.40"), ("4", "6.60")],
)
def test_tiers_are_steps_of_the_performance(delivered: str, amount: str) -> None:
    assert str(pay(replace(FREE, capacity_price=D(3), tiers=TIERS), delivered).total) == amount


def test_performance_counts_up_to_its_cap() -> None:
    rule = replace(FREE, capacity_price=D(3), performance_cap=D("1.2"))
    assert [str(pay(rule, kwh).total) for kwh in ("4.4", "4.8", "9")] == ["6.60", "7.20", "7.20"]


def test_a_months_capacity_is_shared_by_the_agreed_number_of_events() -> None:
    rule = replace(FREE, capacity_price=D(3), capacity_per="month", month_events=4)
    assert str(pay(rule, "4").total) == "1.50"


@pytest.mark.parametrize(
    ("delivered", "penalty", "amount"),
    [("3", None, "3.00"), ("2", "-2.00", "0.00"), ("2.5", "-1.00", "1.50"), ("0", "-5.00", "0.00")],
)
def test_penalty_is_for_what_is_missing_to_the_threshold(
    delivered: str, penalty: str | None, amount: str
) -> None:
    """Threshold 75 % of 4 kWh: 3 kWh; 2.00 a kWh, at most 5.00; 1.00 a kWh delivered; never below zero."""
    rule = replace(FREE, energy_price=D(1), penalty_price=D(2), penalty_threshold=D("0.75"), penalty_cap=D(5))
    statement = pay(rule, delivered)
    assert (parts(statement).get("penalty"), str(statement.total)) == (penalty, amount)
    assert sum(part.amount for part in statement.lines[0].parts) == statement.total


def test_a_homes_floor_is_a_line_of_its_own() -> None:
    statement = pay(replace(FREE, energy_price=D("0.5"), home_floor=D(2)), "1")
    assert parts(statement) == {"energy": "0.50", "home_floor": "1.50"}


def test_a_home_that_was_asked_for_nothing_has_no_performance() -> None:
    rule = replace(FREE, capacity_price=D(3), penalty_price=D(2), penalty_threshold=D(1))
    (line,) = pay(rule, "0", "0").lines
    assert (line.performance, line.amount, line.parts) == (D(0), D(0), ())


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("half_up", ["0.13", "-0.13"]), ("half_even", ["0.12", "-0.12"]), ("down", ["0.12", "-0.12"])],
)
def test_half_a_step(mode: Any, shown: list[str]) -> None:
    rounded = [round_step(D(text), step=D("0.01"), mode=mode) for text in ("0.125", "-0.125")]
    assert [str(value) for value in rounded] == shown


def test_each_line_is_rounded_where_the_rule_says_so() -> None:
    """0.335 and 0.335: 0.34 + 0.34 by the line, 0.67 by the statement."""
    rule = replace(FREE, energy_price=D("0.335"), event_payment=D("0.335"))
    totals = {
        per: str(pay(replace(rule, rounding_per=per), "1").total) for per in ("line", "statement", "event")
    }
    assert totals == {"line": "0.68", "statement": "0.67", "event": "0.67"}


def test_the_events_floor_lifts_homes_in_proportion_and_says_so() -> None:
    rule = replace(FREE, energy_price=D(1), floor=D(9), rounding_per="line")
    statement = settle(rule, {"a": D(2), "b": D(1)})
    assert [[(part.kind, str(part.amount)) for part in line.parts] for line in statement.lines] == [
        [("energy", "2.00"), ("event_floor", "4.00")],
        [("energy", "1.00"), ("event_floor", "2.00")],
    ]


def test_a_rule_that_needs_commitments_says_whose_is_missing() -> None:
    with pytest.raises(SettlementError, match="what a was asked for"):
        settle(replace(FREE, capacity_price=D(1)), {"a": D(1)})
    for hours in ("0", "-1", "NaN", "Infinity"):
        with pytest.raises(SettlementError, match="no length"):
            pay(FREE, "1", hours=hours)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"energy_price": 0.35}, "energy_price"),
    ({"energy_price": "NaN"}, "energy_price"),
    ({"energy_price": "-1"}, "energy_price"),
    ({"energy_price": "1_0"}, "energy_price"),
    ({"energy_price": "9" * 31}, "energy_price"),
    ({"energy_price": 10**40}, "energy_price"),
    ({"energy_price": True}, "energy_price"),
    ({"energy_price": None}, "energy_price"),
    ({"currency": "eur"}, "currency"),
    ({"currency": 978}, "currency"),
    ({"capacity_per": "year"}, "capacity_per"),
    ({"capacity_per": ["event"]}, "capacity_per"),
    ({"month_events": 0}, "month_events"),
    ({"month_events": "4"}, "month_events"),
    ({"penalty_threshold": "1.1"}, "penalty_threshold"),
    ({"penalty_cap": "-1"}, "penalty_cap"),
    ({"rounding": "0"}, "rounding"),
    ({"rounding_mode": "up"}, "rounding_mode"),
    ({"rounding_per": ""}, "rounding_per"),
    ({"tiers": "0.5"}, "tiers"),
    ({"tiers": [{"at_least": "0.5"}]}, r"tiers\[0\]"),
    ({"tiers": [{"at_least": "0.5", "factor": "x"}]}, r"tiers\[0\].factor"),
    ({"tiers": [{"at_least": "0.5", "factor": "1"}] * 2}, r"tiers\[1\].at_least"),
    ({"tiers": [{"at_least": str(i), "factor": "1"} for i in range(21)]}, "tiers"),
    ({"bonus": "1"}, "bonus"),
    ({"version": 2}, "version"),
    ({"version": True}, "version"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG)
def test_a_configuration_without_sense_is_refused_by_the_fields_name(
    wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleError, match=f"^{field}"):
        rule_from_config({"energy_price": "0.35", "currency": "EUR", **wrong})


@pytest.mark.parametrize("missing", ["energy_price", "currency"])
def test_what_has_no_default_must_be_there(missing: str) -> None:
    config = {"energy_price": "0.35", "currency": "EUR"}
    del config[missing]
    with pytest.raises(RuleError, match=f"{missing} is missing"):
        rule_from_config(config)
    with pytest.raises(RuleError, match="object"):
        rule_from_config([config])  # type: ignore[arg-type]


AMOUNT = st.decimals(0, 20, places=3)
RULES = st.builds(
    PaymentRule,
    energy_price=AMOUNT,
    currency=st.just("EUR"),
    event_payment=AMOUNT,
    capacity_price=AMOUNT,
    capacity_per=st.sampled_from(["event", "month"]),
    month_events=st.integers(1, 12),
    tiers=st.sampled_from([(), TIERS]),
    performance_cap=st.sampled_from([D(1), D("1.2")]),
    penalty_price=AMOUNT,
    penalty_threshold=st.decimals(0, 1, places=2),
    penalty_cap=st.none() | AMOUNT,
    floor=AMOUNT,
    home_floor=AMOUNT,
    rounding=st.sampled_from([D("0.01"), D("0.05"), D(1)]),
    rounding_mode=st.sampled_from(["half_up", "half_even", "down"]),
    rounding_per=st.sampled_from(["event", "statement", "line"]),
)
ENERGIES = st.lists(st.tuples(st.decimals(0, 50, places=3), st.decimals(0, 50, places=3)), max_size=12)


@given(RULES)
@settings(deadline=None, max_examples=60)
def test_configuration_is_read_back_as_it_was_written(rule: PaymentRule) -> None:
    assert rule_from_config(config_of(rule)) == rule


@given(RULES, ENERGIES)
@settings(deadline=None, max_examples=150)
def test_what_is_paid_is_the_sum_of_the_shown_lines(
    rule: PaymentRule, energies: list[tuple[Decimal, Decimal]]
) -> None:
    homes = {f"{index:02}": pair for index, pair in enumerate(energies)}
    statement = settle(
        rule,
        {home: delivered for home, (delivered, _) in homes.items()},
        committed_kwh={home: committed for home, (_, committed) in homes.items()},
        hours=D("1.5"),
    )
    assert sum((line.amount for line in statement.lines), D(0)) == statement.total
    for line in statement.lines:
        assert sum((part.amount for part in line.parts), D(0)) == line.amount >= 0
        assert all(part.amount % rule.rounding == 0 for part in line.parts)
    if homes and rule.rounding_mode != "down":
        assert statement.total >= rule.floor - rule.rounding / 2


@given(RULES, ENERGIES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_order_of_homes_changes_nothing(
    rule: PaymentRule, energies: list[tuple[Decimal, Decimal]], random: Any
) -> None:
    names = [f"{index:02}" for index in range(len(energies))]
    shuffled = list(names)
    random.shuffle(shuffled)

    def settled(order: list[str]) -> Statement:
        pairs = {name: energies[int(name)] for name in order}
        return settle(
            rule,
            {name: pair[0] for name, pair in pairs.items()},
            committed_kwh={name: pair[1] for name, pair in pairs.items()},
        )

    assert settled(names) == settled(shuffled)
