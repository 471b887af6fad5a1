"""Payments that sum to the cent, and whose shown lines sum to each payment.

By default the rule is applied to the whole fleet once and rounded once; the amount is then split into the
homes' amounts by largest remainder (Hamilton's method), ties going to the home that sorts first by name. So
the statements always sum to the rule on the total, and the split depends on nothing but the inputs. A rule
may round each statement, or each line of one, instead: then a home's amount depends on that home alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final, Literal

from vpp.settlement.config import config_of
from vpp.settlement.errors import SettlementError
from vpp.settlement.fingerprint import fingerprint
from vpp.settlement.rounding import DIGITS, round_step, split
from vpp.settlement.rules import PaymentRule

METHOD: Final = "payment-rule/2"
ENERGY_STEP_KWH: Final = Decimal("0.001")
ZERO: Final = Decimal(0)
PartKind = Literal["energy", "event", "capacity", "penalty", "home_floor", "event_floor", "rounding"]


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a statement; a penalty is below zero."""

    kind: PartKind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One home's delivery [kWh] and amount, which is the sum of `parts`."""

    home: str
    delivered_kwh: Decimal
    committed_kwh: Decimal
    performance: Decimal
    amount: Decimal
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """An event's payments, homes by name; `inputs_hash` is `fingerprint` of all that decided them."""

    lines: tuple[StatementLine, ...]
    delivered_kwh: Decimal
    total: Decimal
    currency: str
    method: str
    inputs_hash: str


@dataclass(frozen=True, slots=True)
class _Worth:
    """A home before rounding: its parts, and what they come to, at least the home's floor."""

    parts: tuple[Part, ...]
    value: Decimal


def settled_kwh(delivered_kwh: Iterable[float]) -> Decimal:
    """A home's energy as it is paid: intervals summed, then rounded half up to 0.001 kWh.

    Raises
    ------
    SettlementError
        For energies that are negative or not finite.
    """
    total = sum((Decimal(repr(float(value))) for value in delivered_kwh), ZERO)
    _require_energy("delivered energy", total)
    return total.quantize(ENERGY_STEP_KWH, ROUND_HALF_UP)


def home_parts(
    rule: PaymentRule, *, delivered_kwh: Decimal, committed_kwh: Decimal = ZERO, hours: Decimal = Decimal(1)
) -> tuple[Part, ...]:
    """What one home's delivery is worth, exactly: before rounding and floors.

    Parameters
    ----------
    rule
        How delivery is paid.
    delivered_kwh, committed_kwh
        [kWh]; committed is what was asked over the intervals that could be measured.
    hours
        Length of the event [h], for the committed power.
    """
    with localcontext(prec=DIGITS):
        performance = rule.performance(delivered_kwh=delivered_kwh, committed_kwh=committed_kwh)
        capacity = rule.capacity_price * (committed_kwh / hours) * rule.capacity_factor(performance)
        if rule.capacity_per == "month":
            capacity /= rule.month_events
        missing = max(ZERO, rule.penalty_threshold * committed_kwh - delivered_kwh)
        penalty = rule.penalty_price * missing
        if rule.penalty_cap is not None:
            penalty = min(penalty, rule.penalty_cap)
        parts = (
            Part("energy", rule.energy_price * delivered_kwh),
            Part("event", rule.event_payment if delivered_kwh > 0 else ZERO),
            Part("capacity", capacity),
            Part("penalty", -penalty),
        )
    return tuple(part for part in parts if part.amount)


def settle(
    rule: PaymentRule,
    delivered_kwh: Mapping[str, Decimal],
    *,
    committed_kwh: Mapping[str, Decimal] | None = None,
    hours: Decimal = Decimal(1),
) -> Statement:
    """Pay each home its part of the rule on the total.

    Parameters
    ----------
    rule
        How delivery is paid.
    delivered_kwh
        Per home [kWh], >= 0, from `settled_kwh`.
    committed_kwh
        Per home [kWh], >= 0; may be left out where the rule pays no capacity and knows no penalty.
    hours
        Length of the event [h], above 0.

    Raises
    ------
    SettlementError
        For energies that are negative or not finite, homes without a commitment where the rule needs one,
        and an event without length.
    """
    homes = sorted(delivered_kwh)
    committed = _commitments(rule, homes, committed_kwh=committed_kwh)
    for home in homes:
        _require_energy(f"delivered energy of {home}", delivered_kwh[home])
        _require_energy(f"committed energy of {home}", committed[home])
    if not (hours.is_finite() and hours > 0):
        raise SettlementError(f"an event of {hours} h has no length")
    worth = [
        _worth(rule, delivered_kwh=delivered_kwh[home], committed_kwh=committed[home], hours=hours)
        for home in homes
    ]
    amounts, lifted = _amounts(rule, worth)
    lines = tuple(
        StatementLine(
            home=home,
            delivered_kwh=delivered_kwh[home],
            committed_kwh=committed[home],
            performance=rule.performance(delivered_kwh=delivered_kwh[home], committed_kwh=committed[home]),
            amount=amount,
            parts=_shown(rule, one, amount=amount, lifted=lifted),
        )
        for home, one, amount in zip(homes, worth, amounts, strict=True)
    )
    inputs = {"method": METHOD, "rule": rule_identity(rule), "hours": hours}
    energies = {"delivered_kwh": dict(delivered_kwh), "committed_kwh": committed}
    return Statement(
        lines=lines,
        delivered_kwh=sum((delivered_kwh[home] for home in homes), ZERO),
        total=sum(amounts, ZERO.quantize(rule.rounding)),
        currency=rule.currency,
        method=METHOD,
        inputs_hash=fingerprint({**inputs, **energies}),
    )


def rule_identity(rule: PaymentRule) -> dict[str, object]:
    """Return a rule for hashing: 0.50 and 0.5 are one price."""
    return {**config_of(rule), **asdict(rule)}


def _commitments(
    rule: PaymentRule, homes: list[str], *, committed_kwh: Mapping[str, Decimal] | None
) -> dict[str, Decimal]:
    if committed_kwh is None and not rule.needs_commitment:
        return dict.fromkeys(homes, ZERO)
    missing = [home for home in homes if home not in (committed_kwh or {})]
    if missing:
        raise SettlementError(f"the rule needs to know what {missing[0]} was asked for")
    return {home: (committed_kwh or {})[home] for home in homes}


def _worth(rule: PaymentRule, *, delivered_kwh: Decimal, committed_kwh: Decimal, hours: Decimal) -> _Worth:
    parts = home_parts(rule, delivered_kwh=delivered_kwh, committed_kwh=committed_kwh, hours=hours)
    with localcontext(prec=DIGITS):
        return _Worth(parts, max(sum((part.amount for part in parts), ZERO), rule.home_floor))


def _amounts(rule: PaymentRule, worth: list[_Worth]) -> tuple[list[Decimal], bool]:
    """Each home's amount, and whether the event's floor lifted them."""
    weights = [one.value for one in worth]
    with localcontext(prec=DIGITS):
        least = rule.floor if worth else ZERO
        if rule.rounding_per == "event":
            exact = sum(weights, ZERO)
            total = _rounded(rule, max(exact, least))
            return split(total, weights=weights, step=rule.rounding), least > exact
        amounts = [_amount_alone(rule, one) for one in worth]
        short = _rounded(rule, least) - sum(amounts, ZERO)
        if short <= 0:
            return amounts, False
        extra = split(short, weights=weights, step=rule.rounding)
        return [amount + more for amount, more in zip(amounts, extra, strict=True)], True


def _amount_alone(rule: PaymentRule, worth: _Worth) -> Decimal:
    if rule.rounding_per == "statement":
        return _rounded(rule, worth.value)
    lines = sum((_rounded(rule, part.amount) for part in worth.parts), ZERO)
    return max(lines, _rounded(rule, rule.home_floor))


def _shown(rule: PaymentRule, worth: _Worth, *, amount: Decimal, lifted: bool) -> tuple[Part, ...]:
    """The parts as a statement shows them, which sum to `amount`."""
    parts = [Part(part.kind, _rounded(rule, part.amount)) for part in worth.parts]
    short = _rounded(rule, rule.home_floor) - sum((part.amount for part in parts), ZERO)
    if short > 0 and (rule.rounding_per == "line" or worth.value <= rule.home_floor):
        parts.append(Part("home_floor", short))
    rest = amount - sum((part.amount for part in parts), ZERO)
    parts.append(Part("event_floor" if lifted else "rounding", rest))
    return tuple(part for part in parts if part.amount)


def _rounded(rule: PaymentRule, amount: Decimal) -> Decimal:
    return round_step(amount, step=rule.rounding, mode=rule.rounding_mode)


def _require_energy(name: str, value: Decimal) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        raise SettlementError(f"{name} is {value!r}, must be a finite Decimal of 0 or more")
