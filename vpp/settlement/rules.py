"""What a program pays, as one frozen rule.

The kinds of payment are those of utilities' demand-response programs: capacity for a commitment, scaled by
how much of it came, energy, a sum per event, and penalties. The names and the order of the steps are this
platform's own; no single tariff was copied, so a program whose tariff differs in a detail must be checked
against its text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, Literal, get_args

from vpp.settlement.errors import RuleError
from vpp.settlement.rounding import DIGITS, RoundingMode

CapacityPer = Literal["event", "month"]
RoundingPer = Literal["event", "statement", "line"]
LARGEST: Final = Decimal(1_000_000)

_AMOUNTS: Final = (
    "energy_price",
    "event_payment",
    "capacity_price",
    "penalty_price",
    "penalty_threshold",
    "performance_cap",
    "floor",
    "home_floor",
    "rounding",
)


@dataclass(frozen=True, slots=True)
class Tier:
    """From this performance factor on, capacity is paid times `factor`."""

    at_least: Decimal
    factor: Decimal


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
    capacity_price
        Per committed kW and event or month, times the performance factor, >= 0.
    capacity_per
        Whether `capacity_price` is for one event, or for a month of `month_events` events.
    month_events
        How many events share a month's capacity price, as agreed beforehand; the number of events that
        do come changes nothing.
    tiers
        Steps of the performance factor, rising; below the first nothing is paid. None: in proportion.
    performance_cap
        The most that delivered / committed counts for.
    penalty_price
        Per kWh missing to the threshold, >= 0.
    penalty_threshold
        Share of the commitment (0 to 1) below which a penalty is due.
    penalty_cap
        The most a home is charged per event; None is no cap.
    floor
        The least the whole event pays where there is at least one home, >= 0.
    home_floor
        The least a home gets for an event it was asked in, >= 0: no statement is negative.
    rounding
        Smallest amount of the currency.
    rounding_mode
        What becomes of half a step, or of every part of one (down).
    rounding_per
        What is rounded: the event once, split by largest remainder; each statement; or each of its lines.
    """

    energy_price: Decimal
    currency: str
    event_payment: Decimal = Decimal(0)
    capacity_price: Decimal = Decimal(0)
    capacity_per: CapacityPer = "event"
    month_events: int = 1
    tiers: tuple[Tier, ...] = ()
    performance_cap: Decimal = Decimal(1)
    penalty_price: Decimal = Decimal(0)
    penalty_threshold: Decimal = Decimal(0)
    penalty_cap: Decimal | None = None
    floor: Decimal = Decimal(0)
    home_floor: Decimal = Decimal(0)
    rounding: Decimal = Decimal("0.01")
    rounding_mode: RoundingMode = "half_up"
    rounding_per: RoundingPer = "event"

    def __post_init__(self) -> None:
        for name in _AMOUNTS:
            require_amount(name, getattr(self, name))
        if self.penalty_cap is not None:
            require_amount("penalty_cap", self.penalty_cap)
        if self.penalty_threshold > 1:
            raise RuleError(f"penalty_threshold is {self.penalty_threshold}, must be a share from 0 to 1")
        if self.rounding == 0:
            raise RuleError("rounding to steps of 0 makes no sense")
        if type(self.month_events) is not int or not 1 <= self.month_events <= 1000:
            raise RuleError(f"month_events is {self.month_events!r}, must be a whole number from 1 to 1000")
        self._require_words()
        _require_tiers(self.tiers)

    @property
    def needs_commitment(self) -> bool:
        """Whether it cannot be applied without knowing what each home was asked for."""
        return self.capacity_price > 0 or self.penalty_price > 0

    def performance(self, *, delivered_kwh: Decimal, committed_kwh: Decimal) -> Decimal:
        """Delivered / committed energy, at most `performance_cap`; 0 where nothing was committed."""
        if committed_kwh <= 0:
            return Decimal(0)
        with localcontext(prec=DIGITS):
            return min(delivered_kwh / committed_kwh, self.performance_cap)

    def capacity_factor(self, performance: Decimal) -> Decimal:
        """What capacity is paid times at this performance."""
        if not self.tiers:
            return performance
        reached = [tier.factor for tier in self.tiers if tier.at_least <= performance]
        return reached[-1] if reached else Decimal(0)

    def _require_words(self) -> None:
        known: dict[str, tuple[str, ...]] = {
            "capacity_per": get_args(CapacityPer),
            "rounding_mode": get_args(RoundingMode),
            "rounding_per": get_args(RoundingPer),
        }
        for name, words in known.items():
            if getattr(self, name) not in words:
                raise RuleError(f"{name} is {getattr(self, name)!r}, must be one of {', '.join(words)}")
        code = self.currency
        if not (isinstance(code, str) and len(code) == 3 and code.isascii() and code.isupper()):
            raise RuleError(f"currency: {code!r} is no currency code")


def require_amount(name: str, value: object) -> None:
    """Refuse what is no finite Decimal from 0 to `LARGEST`.

    Raises
    ------
    RuleError
        Naming the field.
    """
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= LARGEST:
        raise RuleError(f"{name} is {value!r}, must be a finite Decimal from 0 to {LARGEST}")


def _require_tiers(tiers: Sequence[Tier]) -> None:
    for index, tier in enumerate(tiers):
        require_amount(f"tiers[{index}].at_least", tier.at_least)
        require_amount(f"tiers[{index}].factor", tier.factor)
        if index and tier.at_least <= tiers[index - 1].at_least:
            raise RuleError(f"tiers[{index}].at_least must be above the tier before")
