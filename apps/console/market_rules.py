"""A market's rules as a form: mechanism and what it asks for, times, bounds, fees, tariffs, terms."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.markets.errors import MarketInvalidError
from apps.markets.models import Market
from apps.markets.operators import SUITABLE, market_create, market_set
from apps.markets.rules import LIFELINES
from apps.programs.selectors import programs_of_organization
from apps.sites.selectors import grid_areas_of_organization

# What a typed number is multiplied by to be what is kept.
PRICE: Final = Decimal(1_000_000)
KWH: Final = Decimal(1000)
MINUTES: Final = Decimal(60)
PERCENT: Final = Decimal(10)
ONE: Final = Decimal(1)


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule: its name, its words, its group, what typed numbers are multiplied by, and the mechanisms it is for."""

    name: str
    label: str
    group: str
    times: Decimal | None = None
    only: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Field:
    """A rule with what is chosen; `hint` names the mechanisms that look at it."""

    name: str
    label: str
    group: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""


RULES: Final = (
    Rule("name", "Name", "The market"),
    Rule("mechanism", "Mechanism", "The market"),
    Rule("gate_closure_s", "Gate closes before delivery, minutes", "Times", MINUTES),
    Rule("opens_s", "Orders are taken from so long before, minutes", "Times", MINUTES),
    Rule("session_intervals", "Intervals that are cleared together", "Times", ONE, ("blocks",)),
    Rule("least_price_micro", "Lowest price per kWh", "Orders", PRICE),
    Rule("most_price_micro", "Highest price per kWh", "Orders", PRICE),
    Rule("most_order_wh", "Largest order, kWh", "Orders", KWH),
    Rule("buyer_fee_micro", "Buyers' fee per kWh", "Money", PRICE),
    Rule("seller_fee_micro", "Sellers' fee per kWh", "Money", PRICE),
    Rule("short_price_micro", "Price of a kWh too much drawn", "Money", PRICE),
    Rule("long_price_micro", "Price of a kWh too much given", "Money", PRICE),
    Rule("import_tariff_micro", "Tariff for buying outside", "Money", PRICE),
    Rule("export_tariff_micro", "Tariff for selling outside", "Money", PRICE),
    Rule("sacrifice_permille", "Welfare given up at most, %", "Fairness", PERCENT, ("low_income_first",)),
    Rule("lifeline_wh", "Lifeline of a low-income home and interval, kWh", "Fairness", KWH, LIFELINES),
    Rule("lifeline_price_micro", "Its price per kWh", "Fairness", PRICE, LIFELINES),
    Rule("lifeline_levy_permille", "Paid by at most so much of the others' gains, %", "Fairness", PERCENT, LIFELINES),
    Rule("nominal_v", "Voltage between phases, V", "Grid", ONE, ("network",)),
    Rule("loss_permille", "Lost on a line that says nothing else, %", "Grid", PERCENT, ("losses",)),
    Rule("reserve_up_wh", "Reserve upward, kWh an interval", "Grid", KWH, ("reserve",)),
    Rule("reserve_down_wh", "Reserve downward, kWh an interval", "Grid", KWH, ("reserve",)),
    Rule("carbon_g_per_kwh", "Carbon of a kWh from outside, g", "Told", ONE),
    Rule("carbon_source", "Source of that figure", "Told"),
    Rule("price_program", "Program whose subscribers are told prices", "Told"),
    Rule("on_chain", "Trades of those with an address are paid on the chain", "Told"),
    Rule("terms", "Terms", "Terms"),
)  # fmt: skip
NEW: Final = (
    Rule("grid_area", "Grid area", "The market"),
    Rule("currency", "Currency", "The market"),
    Rule("interval_s", "Interval, minutes", "The market", MINUTES),
)


def fields(
    *, organization: Organization, market: Market | None, sent: Mapping[str, str] | None
) -> list[Field]:
    """Return the form: what was typed, else what holds."""
    held = market or Market()
    rules = RULES if market is not None else NEW + RULES
    choices = _choices(organization)
    return [
        Field(
            rule.name,
            rule.label,
            rule.group,
            sent.get(rule.name, "") if sent is not None else _shown(rule, held),
            choices.get(rule.name, ()),
            ", ".join(one.replace("_", " ") for one in rule.only),
        )
        for rule in rules
    ]


def change(*, user: User, market: Market, sent: Mapping[str, str], now: datetime) -> Market:
    """Make what was typed the market's rules."""
    _check_operator(user, market.organization)
    typed = _typed(RULES, sent, organization=market.organization)
    changed = {name: value for name, value in typed.items() if getattr(market, name) != value}
    return market_set(market=market, changes=changed, actor=user.email, now=now)


def create(*, user: User, organization: Organization, sent: Mapping[str, str], now: datetime) -> Market:
    """Define a market as typed."""
    _check_operator(user, organization)
    typed = _typed(NEW + RULES, sent, organization=organization)
    area = typed.pop("grid_area")
    if area is None:
        raise MarketInvalidError("choose a grid area")
    return market_create(organization=organization, grid_area=area, actor=user.email, now=now, **typed)


def _typed(rules: tuple[Rule, ...], sent: Mapping[str, str], *, organization: Organization) -> dict[str, Any]:
    return {
        rule.name: _value(rule, sent.get(rule.name, "").strip(), organization=organization) for rule in rules
    }


def _value(rule: Rule, text: str, *, organization: Organization) -> Any:
    if rule.name == "on_chain":
        return text == "yes"
    if rule.name == "price_program":
        programs = programs_of_organization(organization=organization)
        return programs.filter(pk=_number(rule, text)).first() if text else None
    if rule.name == "grid_area":
        areas = grid_areas_of_organization(organization=organization)
        return areas.filter(pk=_number(rule, text)).first() if text else None
    if rule.name == "carbon_g_per_kwh" and not text:
        return None
    if rule.name == "nominal_v":
        return float(_decimal(rule, text))
    return text if rule.times is None else _number(rule, text)


def _number(rule: Rule, text: str) -> int:
    value = _decimal(rule, text) * (rule.times or ONE)
    if value % 1 or abs(value) >= 2**62:
        raise MarketInvalidError(f"{rule.label}: {text} is too fine or too large")
    return int(value)


def _decimal(rule: Rule, text: str) -> Decimal:
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise MarketInvalidError(f"{rule.label}: a number is needed") from error
    if not value.is_finite():
        raise MarketInvalidError(f"{rule.label}: a number is needed")
    return value


def _shown(rule: Rule, market: Market) -> str:
    if rule.name == "grid_area":
        return ""
    if rule.name == "price_program":
        return str(market.price_program_id or "")
    value = getattr(market, rule.name)
    if rule.name == "on_chain":
        return "yes" if value else "no"
    if value is None or rule.times is None:
        return "" if value is None else str(value)
    return f"{(Decimal(str(value)) / rule.times).normalize():f}"


def _choices(organization: Organization) -> dict[str, tuple[tuple[str, str], ...]]:
    programs = programs_of_organization(organization=organization)
    areas = grid_areas_of_organization(organization=organization).order_by("name", "pk")
    return {
        "mechanism": tuple((name, name.replace("_", " ")) for name in SUITABLE),
        "price_program": (("", "nobody"), *((str(one.pk), one.name) for one in programs)),
        "grid_area": tuple((str(one.pk), one.name) for one in areas),
        "on_chain": (("no", "no"), ("yes", "yes")),
    }


def _check_operator(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator decides this")
