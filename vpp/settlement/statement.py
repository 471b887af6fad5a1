"""Payments that sum to the cent.

The rule is applied to the whole fleet once and rounded once; the amount is then split into the homes'
amounts by largest remainder (Hamilton's method), ties going to the home that sorts first by name. So the
statements always sum to the rule on the total, and the split depends on nothing but the inputs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from vpp.settlement.errors import SettlementError
from vpp.settlement.fingerprint import fingerprint

METHOD: Final = "energy-and-event/1"
ENERGY_STEP_KWH: Final = Decimal("0.001")
# Decimal's default 28 digits would round a product of long prices and energies.
_DIGITS: Final = 60


@dataclass(frozen=True, slots=True)
class PaymentRule:
    """How delivery is paid.

    Attributes
    ----------
    energy_price
        Per delivered kWh, >= 0.
    currency
        ISO 4217 code.
    event_payment
        To every home that delivered anything, per event, >= 0.
    floor
        The least the whole event pays where there is at least one home, >= 0.
    rounding
        Smallest amount of the currency.
    """

    energy_price: Decimal
    currency: str
    event_payment: Decimal = Decimal(0)
    floor: Decimal = Decimal(0)
    rounding: Decimal = Decimal("0.01")

    def __post_init__(self) -> None:
        for name in ("energy_price", "event_payment", "floor", "rounding"):
            _require_amount(name, getattr(self, name))
        if self.rounding == 0:
            raise SettlementError("rounding to steps of 0 makes no sense")
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise SettlementError(f"{self.currency!r} is no currency code")

    def exact(self, delivered_kwh: Decimal) -> Decimal:
        """What one home's delivery is worth before rounding and floor."""
        with localcontext(prec=_DIGITS):
            return self.energy_price * delivered_kwh + (self.event_payment if delivered_kwh > 0 else 0)

    def total(self, delivered_kwh: Iterable[Decimal]) -> Decimal:
        """What the whole event pays: the homes' exact worth, at least the floor, rounded half up."""
        homes = list(delivered_kwh)
        with localcontext(prec=_DIGITS):
            worth = sum(map(self.exact, homes), Decimal(0))
            least = self.floor if homes else Decimal(0)
            steps = (max(worth, least) / self.rounding).quantize(Decimal(1), ROUND_HALF_UP)
            return (steps * self.rounding).quantize(self.rounding)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One home's delivery [kWh] and amount."""

    home: str
    delivered_kwh: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """An event's payments, homes by name; `inputs_hash` is `fingerprint` of all that decided them."""

    lines: tuple[StatementLine, ...]
    delivered_kwh: Decimal
    total: Decimal
    currency: str
    method: str
    inputs_hash: str


def settled_kwh(delivered_kwh: Iterable[float]) -> Decimal:
    """A home's energy as it is paid: intervals summed, then rounded half up to 0.001 kWh.

    Raises
    ------
    SettlementError
        For energies that are negative or not finite.
    """
    total = sum((Decimal(repr(float(value))) for value in delivered_kwh), Decimal(0))
    _require_amount("delivered energy", total)
    return total.quantize(ENERGY_STEP_KWH, ROUND_HALF_UP)


def settle(rule: PaymentRule, delivered_kwh: Mapping[str, Decimal]) -> Statement:
    """Pay each home its part of the rule on the total.

    Parameters
    ----------
    rule
        How delivery is paid.
    delivered_kwh
        Per home [kWh], >= 0, from `settled_kwh`.

    Raises
    ------
    SettlementError
        For energies that are negative or not finite.
    """
    homes = sorted(delivered_kwh)
    for home in homes:
        _require_amount(f"delivered energy of {home}", delivered_kwh[home])
    worth = [rule.exact(delivered_kwh[home]) for home in homes]
    total = rule.total(delivered_kwh[home] for home in homes)
    amounts = split(total, weights=worth, step=rule.rounding)
    inputs = {"method": METHOD, "rule": asdict(rule), "delivered_kwh": dict(delivered_kwh)}
    return Statement(
        lines=tuple(
            StatementLine(home, delivered_kwh[home], amount)
            for home, amount in zip(homes, amounts, strict=True)
        ),
        delivered_kwh=sum((delivered_kwh[home] for home in homes), Decimal(0)),
        total=total,
        currency=rule.currency,
        method=METHOD,
        inputs_hash=fingerprint(inputs),
    )


def split(total: Decimal, *, weights: list[Decimal], step: Decimal) -> list[Decimal]:
    """Parts of `total` in proportion to `weights`, each a multiple of `step`, that sum to it exactly.

    Largest remainder; ties go to the earlier part. Weights that are all 0 count as equal. `total` must be
    a multiple of `step`, and 0 where there are no weights.
    """
    if not weights:
        return []
    with localcontext(prec=_DIGITS):
        known = sum(weights, Decimal(0))
        if known == 0:
            weights, known = [Decimal(1)] * len(weights), Decimal(len(weights))
        steps = total / step
        ideal = [steps * weight / known for weight in weights]
        whole = [part.to_integral_value(ROUND_FLOOR) for part in ideal]
        left = int(steps - sum(whole, Decimal(0)))
        by_remainder = sorted(range(len(weights)), key=lambda index: (whole[index] - ideal[index], index))
        for index in by_remainder[:left]:
            whole[index] += 1
        return [(part * step).quantize(step) for part in whole]


def _require_amount(name: str, value: Decimal) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        raise SettlementError(f"{name} is {value!r}, must be a finite Decimal of 0 or more")
