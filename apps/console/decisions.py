"""One decision as operators see it: what was asked, known and decided, and what else could have been."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import User
from apps.accounts.selectors import is_operator
from apps.common.charts import Chart, Series, chart, stepped
from apps.dispatch.answers import answer_found, answer_request
from apps.dispatch.errors import WhatIfInvalidError
from apps.dispatch.homes import HomesInPlan, homes_in_plan
from apps.dispatch.models import Plan
from apps.sites.selectors import sites_of_organization

MOST_LIMITS = 2
WEIGHTS = {
    "cycle_cost": "Wear of batteries, per kWh",
    "ev_discomfort": "Charging a car later, per kWh",
    "heat_discomfort": "Heating later, per kWh",
    "fairness": "Unequal shares, per kWh",
    "shortfall": "What is missing, per kWh",
}


@dataclasses.dataclass(frozen=True)
class Known:
    """Something a plan went by, and when that was known."""

    what: str
    at: datetime | None
    note: str


@dataclasses.dataclass(frozen=True)
class WeightField:
    name: str
    label: str
    value: str
    was: str


@dataclasses.dataclass(frozen=True)
class ComparedRow:
    """An interval of the plan beside another answer's; prices per kWh."""

    at: datetime
    price: float
    price_instead: float
    planned_kw: float
    planned_instead_kw: float


@dataclasses.dataclass(frozen=True)
class Decision:
    """All that the page of a plan's revision shows."""

    plan: Plan
    power: Chart
    prices: Chart | None
    gap: str
    known: list[Known]
    homes: HomesInPlan
    token: str
    answer: dict[str, Any] | None
    answer_power: Chart | None
    answer_rows: list[ComparedRow]
    weights: list[WeightField]


def decision(
    *, plan: Plan, zone: ZoneInfo, page_number: str, token: str, sent: Mapping[str, str]
) -> Decision:
    """Return the page of a plan."""
    answer = answer_shown(plan, token)
    return Decision(
        plan=plan,
        power=_power(plan, zone=zone),
        prices=_prices(plan, zone=zone) if any(plan.price_per_kwh) or _limits(plan) else None,
        gap=gap_text(plan.gap),
        known=_known(plan),
        homes=homes_in_plan(plan=plan, page_number=page_number),
        token=token,
        answer=answer,
        answer_power=_compared(plan, answer, zone=zone) if answer else None,
        answer_rows=compared_rows(plan, answer) if answer else [],
        weights=_weight_fields(plan, sent),
    )


def answer_shown(plan: Plan, token: str) -> dict[str, Any] | None:
    """Return the answer to what was asked of a plan; None where nothing was."""
    if not token:
        return None
    gone = {"kind": "problem", "detail": "This answer is not kept any more; ask again."}
    return answer_found(plan=plan, token=token) or gone


def ask(*, user: User, plan: Plan, change: Callable[[], dict[str, Any]]) -> str:
    """Ask for a replay, or what the typed change would do; viewers may not, it costs computing time."""
    if not is_operator(user=user, organization=plan.signal.organization):
        raise OperatorOnlyError("only an operator can have a plan computed again")
    return answer_request(plan=plan, change=change())


def changes(plan: Plan, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the form's fields as a change; what is empty stays as it was."""
    found: dict[str, Any] = {}
    if typed := sent.get("target_kw", "").split():
        values = [typed_number(one, least=0.0) for one in typed]
        count = len(plan.target_kw)
        if len(values) not in (1, count):
            raise WhatIfInvalidError(f"the target needs one number, or {count}: one for each interval")
        found["target_kw"] = values * count if len(values) == 1 else values
    for name in ("without", "also"):
        if ids := homes_named(plan, sent.get(name, "")):
            found[name] = ids
    weights = {name: typed_number(sent[name], least=0.0) for name in WEIGHTS if sent.get(name, "").strip()}
    if weights:
        found["weights"] = weights
    if not found:
        raise WhatIfInvalidError("change something: the target, the homes or a weight")
    return found


def gap_text(gap: float | None) -> str:
    """How far the plan can be from the least cost, as it was proven."""
    if gap is None:
        return "how near the least cost it is was not proven"
    if gap < 5e-7:
        return "proven to be of least cost"
    share = f"{gap * 100:.2f} %" if gap >= 5e-5 else "0.01 %"
    return f"proven to be within {share} of the least cost"


def homes_named(plan: Plan, text: str) -> list[int]:
    """Return the numbers of homes named a line each; names are those of the plan's homes."""
    names = {line.strip() for line in text.splitlines() if line.strip()}
    if not names:
        return []
    rows = sites_of_organization(organization=plan.signal.organization).filter(name__in=names)
    known = frozenset(plan.inputs.get("sites", ()))
    found = {site.pk: site.name for site in rows if site.pk in known}
    if missing := sorted(names - set(found.values())):
        raise WhatIfInvalidError(f"the plan knew no home by the name of {missing[0][:80]!r}")
    return sorted(found)


def typed_number(text: str, *, least: float) -> float:
    """Return a number as typed, or say what is wrong with it."""
    try:
        value = float(text)
    except ValueError:
        raise WhatIfInvalidError(f"{text[:40]!r} is no number") from None
    if not (math.isfinite(value) and value >= least):
        raise WhatIfInvalidError(f"{text[:40]!r} must be {least:g} or more")
    return value


def _power(plan: Plan, *, zone: ZoneInfo) -> Chart:
    short = [value if value > 0.005 else None for value in plan.shortfall_kw]
    at = _starts(plan)
    missing = Series(
        "short",
        "Missing",
        [(start, value) for start, value in zip(at, short, strict=True)],
        "bars",
        width_s=plan.interval_s,
    )
    series = [
        *([missing] if any(short) else []),
        Series("planned", "Planned", stepped(plan.starts_at, plan.interval_s, values=plan.planned_kw)),
        Series("target", "Target", stepped(plan.starts_at, plan.interval_s, values=plan.target_kw)),
    ]
    return _chart(plan, "Target, planned and missing load reduction", series=series, zone=zone)


def _prices(plan: Plan, *, zone: ZoneInfo) -> Chart:
    series = [
        Series("used", "One more kWh", stepped(plan.starts_at, plan.interval_s, values=plan.price_per_kwh))
    ]
    colors = ("heat", "grid")
    series += [
        Series(css, name, stepped(plan.starts_at, plan.interval_s, values=[abs(value) for value in row]))
        for css, (name, row) in zip(colors, _limits(plan)[:MOST_LIMITS], strict=False)
    ]
    title = f"What one more kWh would cost [{plan.signal.program.currency}]"
    return _chart(plan, title, series=series, zone=zone, unit="")


def _limits(plan: Plan) -> list[tuple[str, list[float]]]:
    """The limits that cost something, the dearest first."""
    found = [(name, row) for name, row in plan.limit_prices.items() if any(abs(one) > 5e-4 for one in row)]
    return sorted(found, key=lambda one: -max(map(abs, one[1])))


def _compared(plan: Plan, answer: Mapping[str, Any], *, zone: ZoneInfo) -> Chart | None:
    other = answer.get("instead")
    if not other:
        return None
    series = [
        Series(css, label, stepped(plan.starts_at, plan.interval_s, values=values))
        for css, label, values in (
            ("planned", "Planned", plan.planned_kw),
            ("delivered", "Planned instead", other["planned_kw"]),
            ("target", "Target of the question", other["target_kw"]),
        )
    ]
    return _chart(plan, "The plan and what would have been planned instead", series=series, zone=zone)


def compared_rows(plan: Plan, answer: Mapping[str, Any]) -> list[ComparedRow]:
    """Return a plan's intervals beside another answer's."""
    other = answer.get("instead")
    if not other:
        return []
    columns = (plan.price_per_kwh, other["price_per_kwh"], plan.planned_kw, other["planned_kw"])
    return [ComparedRow(*row) for row in zip(_starts(plan), *columns, strict=True)]


def _chart(plan: Plan, title: str, *, series: list[Series], zone: ZoneInfo, unit: str = "kW") -> Chart:
    ends_at = plan.starts_at + timedelta(seconds=plan.interval_s * len(plan.target_kw))
    return chart(title=title, period=(plan.starts_at, ends_at), series=series, zone=zone, unit=unit)


def _starts(plan: Plan) -> list[datetime]:
    return [
        plan.starts_at + timedelta(seconds=plan.interval_s * index) for index in range(len(plan.target_kw))
    ]


def _known(plan: Plan) -> list[Known]:
    inputs: dict[str, Any] = plan.inputs
    found = forecasts_known(inputs.get("forecast", {}))
    states = inputs.get("states", [])
    charged = sum(1 for state in states if state.get("battery_soc") is not None)
    found.append(
        Known("Homes", plan.created_at, f"{len(states)}, {charged} of them with a known state of charge")
    )
    for name, what in (("silent", "Silent homes"), ("opted_out", "Opted out")):
        if inputs.get(name):
            found.append(Known(what, plan.created_at, str(len(inputs[name]))))
    return found


def forecasts_known(source: Mapping[str, Any]) -> list[Known]:
    """Return which forecasts a plan went by, and when they were issued."""
    names = {"load": "Forecast of load", "pv": "Forecast of sun"}
    found = [
        Known(names.get(run["quantity"], run["quantity"]), datetime.fromisoformat(run["issued_at"]), "")
        for run in source.get("runs", [])
    ]
    if homes := len(source.get("computed_now", ())):
        note = f"for {homes} home{'' if homes == 1 else 's'} without an issued forecast"
        found.append(Known("Forecast from past days", datetime.fromisoformat(source["issued_at"]), note))
    return found


def _weight_fields(plan: Plan, sent: Mapping[str, str]) -> list[WeightField]:
    kept: dict[str, float] = plan.inputs.get("weights", {})
    return [
        WeightField(name, label, sent.get(name, ""), f"{kept[name]:g}" if name in kept else "")
        for name, label in WEIGHTS.items()
    ]
