"""A program's payment rule: its prices, and what its configuration adds to them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.programs.errors import ProgramInvalidError
from apps.programs.models import Program
from vpp.errors import VppError
from vpp.settlement.config import rule_from_config
from vpp.settlement.rules import PaymentRule

OWN_FIELDS = ("energy_price", "event_payment", "currency")
# Amounts are kept with two decimals.
SMALLEST = Decimal("0.01")


def payment_rule(*, program: Program, changes: Mapping[str, Any] | None = None) -> PaymentRule:
    """Return what the program pays, with `changes` in place of its own fields."""
    config = {
        "energy_price": program.energy_price,
        "event_payment": program.event_payment,
        "currency": program.currency,
        **program.payment_rules,
        **(changes or {}),
    }
    try:
        rule = rule_from_config(config)
    except VppError as error:
        raise ProgramInvalidError(f"payment rule: {error.detail}") from error
    if rule.rounding % SMALLEST:
        raise ProgramInvalidError(f"payment rule: rounding must be a multiple of {SMALLEST}")
    return rule


def check_payment_rules(*, program: Program) -> None:
    """Refuse a program whose configuration says twice what it pays, or makes no rule."""
    rules: Any = program.payment_rules
    if not isinstance(rules, dict):
        raise ProgramInvalidError("payment_rules must be an object")
    doubled = [name for name in OWN_FIELDS if name in rules]
    if doubled:
        raise ProgramInvalidError(f"payment_rules: {doubled[0]} is a field of the program itself")
    payment_rule(program=program)
