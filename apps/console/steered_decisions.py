"""One decision on prices, limits and charge states as operators see it, and what else could have been."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from apps.common.charts import Chart
from apps.console.decisions import (
    ComparedRow,
    Known,
    answer_shown,
    compared_rows,
    forecasts_known,
    gap_text,
    homes_named,
    typed_number,
)
from apps.console.signals import (
    batteries_chart,
    limits_chart,
    lines_chart,
    planned_together,
    power_chart,
)
from apps.dispatch.errors import WhatIfInvalidError
from apps.dispatch.models import Plan
from apps.dispatch.steered_homes import SteeredHomes, steered_homes
from apps.programs.models import GridSignal


@dataclasses.dataclass(frozen=True)
class SteeredDecision:
    """All that the page of a steered plan's revision shows."""

    plan: Plan
    together: list[GridSignal]
    power: Chart | None
    batteries: Chart | None
    prices: Chart
    limits: Chart | None
    saved: float | None
    gap: str
    known: list[Known]
    homes: SteeredHomes
    token: str
    answer: dict[str, Any] | None
    answer_power: Chart | None
    answer_rows: list[ComparedRow]


def steered_decision(*, plan: Plan, zone: ZoneInfo, page_number: str, token: str) -> SteeredDecision:
    """Return the page of a steered plan."""
    fleet, answer = plan.fleet, answer_shown(plan, token)
    other = (answer or {}).get("instead")
    return SteeredDecision(
        plan=plan,
        together=planned_together(plan),
        power=power_chart(plan, zone=zone) if fleet else None,
        batteries=batteries_chart(plan, zone=zone) if fleet else None,
        prices=_prices(plan, zone=zone),
        limits=limits_chart(plan, zone=zone),
        saved=fleet["cost_at_rest"] - fleet["cost"] if fleet else None,
        gap=gap_text(plan.gap),
        known=_known(plan),
        homes=steered_homes(plan=plan, page_number=page_number),
        token=token,
        answer=answer,
        answer_power=_compared(plan, other, zone=zone) if other else None,
        answer_rows=compared_rows(plan, answer) if answer else [],
    )


def steered_changes(plan: Plan, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the form's fields as a change; what is empty stays as it was."""
    found: dict[str, Any] = {}
    if typed := sent.get("price_factor", "").strip():
        found["price_factor"] = typed_number(typed, least=0.0)
    if ids := homes_named(plan, sent.get("without", "")):
        found["without"] = ids
    if not found:
        raise WhatIfInvalidError("change something: the prices or the homes")
    return found


def _prices(plan: Plan, *, zone: ZoneInfo) -> Chart:
    lines = [("used", "A kWh from the grid", plan.price_per_kwh)]
    sell = plan.inputs.get("wish", {}).get("sell")
    if isinstance(sell, list):
        lines.append(("grid", "A kWh fed in", sell))
    title = f"Prices the plan went by [{plan.signal.program.currency}]"
    return lines_chart(plan, title, lines=lines, zone=zone, unit="")


def _compared(plan: Plan, other: Mapping[str, Any], *, zone: ZoneInfo) -> Chart:
    lines = [
        ("planned", "Planned", plan.planned_kw),
        ("delivered", "Planned instead", other["planned_kw"]),
    ]
    title = "Less drawn than at rest: the plan and what would have been planned instead"
    return lines_chart(plan, title, lines=lines, zone=zone)


def _known(plan: Plan) -> list[Known]:
    inputs: dict[str, Any] = plan.inputs
    found = forecasts_known(inputs.get("forecast", {}))
    published: dict[str, Any] = inputs.get("published", {})
    if published.get("known"):
        note = f"for {published['known']} of {published['known'] + published['assumed']} quarter-hours"
        found.append(Known("Published prices", datetime.fromisoformat(published["published_at"]), note))
    elif published:
        note = "none published; a usual price stands where no signal says one"
        found.append(Known("Published prices", plan.created_at, note))
    planned, left = len(inputs.get("sites", ())), len(inputs.get("notes", ()))
    found.append(Known("Batteries with a known state of charge", plan.created_at, str(planned)))
    if left:
        found.append(Known("Homes left alone", plan.created_at, str(left)))
    return found
