"""What a payment rule would have paid for events of the past; nothing is stored."""

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import median
from typing import Any

from django.db.models import Exists, OuterRef

from apps.programs.models import GridSignal, Program
from apps.programs.payment import payment_rule
from apps.settlement.models import SettlementRun
from vpp.settlement.rules import PaymentRule

NEWEST = 20


@dataclasses.dataclass(frozen=True)
class Spread:
    """Amounts per home: least, median (mean of the middle two), most; None without homes."""

    least: Decimal | None
    middle: Decimal | None
    most: Decimal | None


@dataclasses.dataclass(frozen=True)
class PreviewedEvent:
    """One past event under both rules."""

    signal: GridSignal
    homes: int
    currency_before: str
    currency_after: str
    amount_before: Decimal
    amount_after: Decimal
    before: Spread
    after: Spread


@dataclasses.dataclass(frozen=True)
class Preview:
    """The program's newest settled events; `left_out` were settled before their inputs were kept."""

    rule: PaymentRule
    events: list[PreviewedEvent]
    left_out: int


def payment_preview(*, program: Program, changes: Mapping[str, Any]) -> Preview:
    """Pay the newest settled events again, by the program's rule with `changes`."""
    rule = payment_rule(program=program, changes=changes)
    later = SettlementRun.objects.filter(signal=OuterRef("signal"), version__gt=OuterRef("version"))
    runs = (
        SettlementRun.objects.filter(~Exists(later), signal__program=program)
        .select_related("signal")
        .order_by("-signal__starts_at")[:NEWEST]
    )
    found = [_previewed(run, rule) for run in runs]
    events = [one for one in found if one is not None]
    return Preview(rule, events, len(found) - len(events))


def _previewed(run: SettlementRun, rule: PaymentRule) -> PreviewedEvent | None:
    from apps.settlement.inputs import kept_inputs
    from vpp.settlement.compute import compute

    inputs = kept_inputs(run=run)
    if inputs is None:
        return None
    after = compute(dataclasses.replace(inputs, rule=rule)).statement
    before = list(run.statements.values_list("amount", flat=True))
    return PreviewedEvent(
        signal=run.signal,
        homes=len(after.lines),
        currency_before=run.currency,
        currency_after=after.currency,
        amount_before=run.amount,
        amount_after=after.total,
        before=_spread(before),
        after=_spread([line.amount for line in after.lines]),
    )


def _spread(amounts: Sequence[Decimal]) -> Spread:
    if not amounts:
        return Spread(None, None, None)
    return Spread(min(amounts), median(amounts), max(amounts))
