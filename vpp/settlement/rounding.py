"""Amounts in steps of a currency, and parts that sum to a whole."""

from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Final, Literal

RoundingMode = Literal["half_up", "half_even", "down"]

# Decimal's default 28 digits would round a product of long prices and energies.
DIGITS: Final = 60
_MODES: Final[dict[RoundingMode, str]] = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "down": ROUND_DOWN,
}


def round_step(amount: Decimal, *, step: Decimal, mode: RoundingMode) -> Decimal:
    """Round to a multiple of `step`; an amount below zero is rounded by its magnitude."""
    with localcontext(prec=DIGITS):
        return ((amount / step).quantize(Decimal(1), _MODES[mode]) * step).quantize(step)


def split(total: Decimal, *, weights: list[Decimal], step: Decimal) -> list[Decimal]:
    """Parts of `total` in proportion to `weights`, each a multiple of `step`, that sum to it exactly.

    Largest remainder; ties go to the earlier part. Weights that are all 0 count as equal. `total` must be
    a multiple of `step`, and 0 where there are no weights.
    """
    if not weights:
        return []
    with localcontext(prec=DIGITS):
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
