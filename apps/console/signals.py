"""What operators see of signals that are no sheds: what was asked, planned together, and passed on."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.common.charts import Chart, Series, chart, stepped
from apps.dispatch.models import Plan
from apps.dispatch.passed_on import is_passed_on, passed_on_states
from apps.dispatch.selectors import plans_steering
from apps.programs.models import GridSignal, Program
from apps.programs.selectors import opted_out_site_ids, signals_of_organization

SHOWN_PLANS: Final = 20
UNITS: Final[Mapping[str, str]] = {
    "ghg": "g",
    "import_limit": "kW",
    "export_limit": "kW",
    "setpoint": "kW",
}
ALERTS: Final[Mapping[str, str]] = {
    "level": "Homes are asked to give, as by a level of their program.",
    "charge_state": "Batteries are kept full while it holds.",
    "notice": "Nothing is asked of homes; households read it on their page.",
}


@dataclasses.dataclass(frozen=True)
class HubState:
    """How many hubs are in a state with what was passed on to them, and why."""

    state: str
    reason: str
    count: int


@dataclasses.dataclass(frozen=True)
class OtherSignalPage:
    """Everything the page of a signal that is no shed shows."""

    signal: GridSignal
    asked: Chart | None
    plan: Plan | None
    plans: list[Plan]
    power: Chart | None
    batteries: Chart | None
    prices: Chart | None
    saved: float | None
    together: list[GridSignal]
    passed_on: bool
    hubs: list[HubState]
    opted_out: int


def other_page(*, signal: GridSignal, zone: ZoneInfo, now: datetime) -> OtherSignalPage:
    """Return the page of a signal that steers, is passed on or only read."""
    plans = list(plans_steering(signal=signal)[:SHOWN_PLANS]) if signal.is_steered else []
    plan = plans[0] if plans else None
    fleet: dict[str, Any] = plan.fleet if plan else {}
    passed_on = is_passed_on(signal)
    return OtherSignalPage(
        signal=signal,
        asked=asked_chart(signal, zone=zone, now=now),
        plan=plan,
        plans=plans,
        power=power_chart(plan, zone=zone, now=now) if plan and fleet else None,
        batteries=batteries_chart(plan, zone=zone, now=now) if plan and fleet else None,
        prices=limits_chart(plan, zone=zone) if plan else None,
        saved=fleet["cost_at_rest"] - fleet["cost"] if fleet else None,
        together=planned_together(plan, but=signal) if plan else [],
        passed_on=passed_on,
        hubs=_hubs(signal, now=now) if passed_on else [],
        opted_out=len(opted_out_site_ids(signal_id=signal.pk)),
    )


def alert_asks(signal: GridSignal) -> str:
    """Say what an alert asks of homes; nothing for what is no alert."""
    return ALERTS[signal.kind] if "alert" in signal.detail else ""


def planned_together(plan: Plan, *, but: GridSignal | None = None) -> list[GridSignal]:
    """Return the signals that a steered plan followed from, the one apart."""
    held = signals_of_organization(organization=plan.signal.organization).filter(pk__in=plan.steers)
    return [signal for signal in held if signal != but]


def asked_chart(signal: GridSignal, *, zone: ZoneInfo, now: datetime) -> Chart | None:
    """Draw what a signal asks for over its time; None where it says no numbers."""
    values = signal.values
    if all(value is None for value in values):
        return None
    unit = UNITS.get(signal.kind, str(signal.detail.get("currency") or signal.program.currency))
    if signal.kind == GridSignal.Kind.CHARGE_STATE:
        share = signal.detail.get("unit") != "kWh"
        unit = "%" if share else "kWh"
        values = [value * 100 if share and value is not None else value for value in values]
    points = stepped(signal.starts_at, signal.interval_s, values=values)
    return chart(
        title="What is asked over time",
        period=(signal.starts_at, signal.ends_at),
        series=[Series("target", f"{signal.get_kind_display().capitalize()} asked", points)],
        zone=zone,
        unit=unit,
        now=now,
    )


def power_chart(plan: Plan, *, zone: ZoneInfo, now: datetime | None = None) -> Chart:
    """Draw what all homes draw with the plan and without."""
    lines = [
        ("baseline", "With batteries at rest", plan.fleet["idle_kw"]),
        ("planned", "As planned", plan.fleet["planned_kw"]),
    ]
    lines += [("target", name, values) for name, values in _fleet_limits(plan)]
    return lines_chart(plan, "Power of all homes with the plan and without", lines=lines, zone=zone, now=now)


def batteries_chart(plan: Plan, *, zone: ZoneInfo, now: datetime | None = None) -> Chart:
    """Draw what batteries take, upwards, and give, downwards."""
    lines = [
        ("battery", "Charging", plan.fleet["charge_kw"]),
        ("asked", "Discharging", [-value for value in plan.fleet["discharge_kw"]]),
    ]
    return lines_chart(
        plan, "Charging (up) and discharging (down)", lines=lines, zone=zone, now=now, shape="area"
    )


def limits_chart(plan: Plan, *, zone: ZoneInfo) -> Chart | None:
    """Draw what limits cost; None where none costs anything."""
    binding = [(name, row) for name, row in plan.limit_prices.items() if max(map(abs, row), default=0) > 5e-4]
    binding.sort(key=lambda one: -max(map(abs, one[1])))
    lines = [
        (css, name, [abs(value) for value in row])
        for css, (name, row) in zip(("heat", "grid"), binding, strict=False)
    ]
    title = f"What one more kWh through a limit would save [{plan.signal.program.currency}]"
    return lines_chart(plan, title, lines=lines, zone=zone, unit="") if lines else None


def _fleet_limits(plan: Plan) -> list[tuple[str, list[float | None]]]:
    """Limits of all homes together, on the plan's intervals."""
    if plan.signal.program.capacity_scope != Program.CapacityScope.FLEET:
        return []
    limits: dict[str, list[float | None]] = plan.fleet.get("limits", {})
    return [(name, row) for name, row in limits.items() if any(value is not None for value in row)]


def lines_chart(
    plan: Plan,
    title: str,
    *,
    lines: Sequence[tuple[str, str, Sequence[float | None]]],
    zone: ZoneInfo,
    now: datetime | None = None,
    unit: str = "kW",
    shape: Any = "line",
) -> Chart:
    """Draw values on a plan's intervals."""
    ends_at = plan.starts_at + timedelta(seconds=plan.interval_s * len(plan.target_kw))
    series = [
        Series(css, name, stepped(plan.starts_at, plan.interval_s, values=values), shape)
        for css, name, values in lines
    ]
    return chart(title=title, period=(plan.starts_at, ends_at), series=series, zone=zone, unit=unit, now=now)


def _hubs(signal: GridSignal, *, now: datetime) -> list[HubState]:
    found = passed_on_states(signal=signal, now=now)
    return [HubState(state, reason, count) for (state, reason), count in sorted(found.items())]
