"""Computing stored settlements again: what is shown must follow from what is stored, to the last digit."""

import dataclasses
from decimal import Decimal

from apps.settlement.inputs import kept_text, rule_of_run
from apps.settlement.models import SettlementRun, Statement
from apps.settlement.services import interval_lines
from vpp.errors import VppError
from vpp.settlement.compute import Settled, compute
from vpp.settlement.fingerprint import text_fingerprint
from vpp.settlement.inputs import SettlementInputs, inputs_from_text
from vpp.settlement.statement import StatementLine as PaidHome

LINE_FIELDS = ("starts_at", "baseline_kwh", "metered_kwh", "delivered_kwh", "status", "note")


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was found of one run; without kept inputs nothing can be said."""

    run: SettlementRun
    checked: bool
    differences: list[str]


def run_verify(*, run: SettlementRun) -> Verification:
    """Compute every line of a run from its stored inputs and compare."""
    text = kept_text(run=run)
    if text is None:
        return Verification(run, checked=False, differences=[])
    try:
        inputs = inputs_from_text(text)
        settled = compute(inputs)
        found = _differences(run, inputs, settled=settled, text_hash=text_fingerprint(text))
    except VppError as error:
        found = [f"the stored inputs cannot be settled: {error.detail}"]
    return Verification(run, checked=True, differences=found)


def _differences(
    run: SettlementRun, inputs: SettlementInputs, *, settled: Settled, text_hash: str
) -> list[str]:
    previous = run.previous.amount if run.previous else run.amount
    pairs: list[tuple[str, object, object]] = [
        ("hash of the inputs", run.input_hash, text_hash),
        ("hash of what is computed", run.input_hash, settled.input_hash),
        ("rule", rule_of_run(run), inputs.rule),
        ("delivered energy", run.delivered_kwh, settled.statement.delivered_kwh),
        ("amount", run.amount, settled.statement.total),
        ("currency", run.currency, settled.statement.currency),
        ("adjustment", run.adjustment, settled.statement.total - previous),
    ]
    statements = {statement.site_id: statement for statement in run.statements.prefetch_related("lines")}
    pairs.append(("homes", sorted(map(str, statements)), sorted(settled.names)))
    before: dict[int, Decimal] = (
        dict(run.previous.statements.values_list("site_id", "amount")) if run.previous else {}
    )
    paid = {line.home: line for line in settled.statement.lines}
    for row, name in enumerate(settled.names):
        statement = statements.get(int(name))
        if statement is not None:
            paid_before = before.get(int(name), Decimal(0)) if run.previous else statement.amount
            pairs += _statement_pairs(statement, paid[name], settled=settled, row=row, inputs=inputs)
            pairs.append((f"adjustment of site {name}", statement.adjustment, statement.amount - paid_before))
    return [
        f"{what}: stored {stored}, computed {computed}"
        for what, stored, computed in pairs
        if stored != computed
    ]


def _statement_pairs(
    statement: Statement, computed: PaidHome, *, settled: Settled, row: int, inputs: SettlementInputs
) -> list[tuple[str, object, object]]:
    name = computed.home
    parts = [[part.kind, str(part.amount)] for part in computed.parts]
    stored_lines = sorted(statement.lines.all(), key=lambda line: line.starts_at)
    expected = interval_lines(statement, settled, row=row, inputs=inputs)
    pairs: list[tuple[str, object, object]] = [
        (f"delivered energy of site {name}", statement.delivered_kwh, computed.delivered_kwh),
        (f"committed energy of site {name}", statement.committed_kwh, computed.committed_kwh),
        (f"amount of site {name}", statement.amount, computed.amount),
        (f"parts of site {name}", statement.parts, parts),
        (f"lines of site {name}", len(stored_lines), len(expected)),
    ]
    for stored, line in zip(stored_lines, expected, strict=False):
        where = f"of site {name} at {line.starts_at:%H:%M}"
        pairs += [(f"{field} {where}", getattr(stored, field), getattr(line, field)) for field in LINE_FIELDS]
    return pairs
