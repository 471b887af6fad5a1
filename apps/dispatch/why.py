"""Why a home did what it did: the orders its hub held at an instant, each with its plan and signal."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.dispatch.models import Plan
from apps.hubs.instructions import orders_held
from apps.hubs.models import Instruction
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_known_to_site
from apps.sites.models import Resource, Site
from apps.sites.selectors import resource_keys


@dataclasses.dataclass(frozen=True)
class Why:
    """An order that held at an instant, the first being the one that is followed; `battery_kw` charges above 0."""

    order: Instruction
    battery_kw: float | None
    plan: Plan | None
    signals: list[GridSignal]


def why_at(*, site: Site, at: datetime) -> list[Why]:
    """Return what a home's hub was told to do at an instant, the most important first."""
    signals = signals_known_to_site(site=site, at=at)
    subjects = {f"signal:{signal.pk}" for signal in signals if signal.is_shed}
    subjects |= {f"{signal.kind}:{signal.pk}" for signal in signals}
    subjects |= {f"steered:{signal.program_id}" for signal in signals}
    held = orders_held(site_id=site.pk, subjects=subjects, at=at)
    found = [_why(order, subject, signals=signals, site=site, at=at) for order, subject in held]
    return sorted(found, key=lambda one: (one.order.schedule is None, one.order.priority, one.order.pk))


def _why(order: Instruction, subject: str, *, signals: list[GridSignal], site: Site, at: datetime) -> Why:
    kind, _, number = subject.partition(":")
    plans = Plan.objects.filter(schedules__site=site, created_at__lte=order.created_at).defer("inputs")
    if kind == "steered":
        plan = plans.filter(signal__program_id=int(number), solver__startswith="steered")
    else:
        plan = plans.filter(signal_id=UUID(number))
    newest = plan.select_related("signal").order_by("-created_at", "-pk").first() if order.schedule else None
    chosen = {str(one) for one in newest.steers} if newest and kind == "steered" else {number}
    return Why(
        order=order,
        battery_kw=_battery_kw(order.schedule, site=site, at=at),
        plan=newest,
        signals=[signal for signal in signals if str(signal.pk) in chosen],
    )


def _battery_kw(schedule: dict[str, Any] | None, *, site: Site, at: datetime) -> float | None:
    """What the battery was told at an instant; None where nothing was said of it."""
    keys = resource_keys(site_ids=[site.pk], kinds=[Resource.Kind.BATTERY]).get(site.pk, {})
    powers = (schedule or {}).get("resources", {}).get(keys.get(Resource.Kind.BATTERY))
    if not schedule or not powers:
        return None
    starts_at = datetime.fromtimestamp(schedule["starts_at"] / 1000, UTC)
    index = (at - starts_at) // timedelta(seconds=schedule["interval_s"])
    return float(powers[index]) if 0 <= index < len(powers) else None
