"""From when on a condition is an incident: the defaults, and what an organization has set instead."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.alerts.errors import RuleInvalidError, RuleUnknownError
from apps.alerts.models import AlertRule, IncidentKind, Severity

Kind = IncidentKind
LONGEST_AFTER_S: Final = 7 * 86_400
MOST_SINGLE: Final = 1_000


@dataclasses.dataclass(frozen=True)
class Rule:
    """The rule that holds for one kind of condition.

    `unit` says what its threshold counts (none: it has none), `lasts` whether time plays a part, `gathers` whether
    many of one area are one.
    """

    kind: str
    severity: str
    threshold: float = 0.0
    unit: str = ""
    after_s: int = 0
    most_single: int = 20
    enabled: bool = True
    is_default: bool = True
    lasts: bool = False
    gathers: bool = False

    @property
    def after(self) -> timedelta:
        return timedelta(seconds=self.after_s)

    @property
    def after_min(self) -> float:
        return self.after_s / 60

    @property
    def label(self) -> str:
        return str(IncidentKind(self.kind).label)


_DEFAULTS: Final = (
    Rule(Kind.HUB_OFFLINE, Severity.WARNING, after_s=900, lasts=True, gathers=True),
    Rule(Kind.DATA_QUARANTINED, Severity.WARNING, 20, "values set aside in an hour", gathers=True),
    Rule(Kind.CLOCK_WRONG, Severity.WARNING, 5, "rows with a wrong clock in an hour", gathers=True),
    Rule(Kind.EVENT_SHORT, Severity.CRITICAL, 20, "% below the target", after_s=300, lasts=True),
    Rule(Kind.PLAN_INFEASIBLE, Severity.CRITICAL, 50, "% of the target not planned"),
    Rule(Kind.CONNECTION_FAILING, Severity.CRITICAL, after_s=300, lasts=True),
    Rule(Kind.UPDATE_FAILED, Severity.WARNING, 1, "hubs that failed"),
    Rule(Kind.SETTLEMENT_LATE, Severity.CRITICAL, after_s=1800, lasts=True),
    Rule(Kind.MARKET_PAUSED, Severity.WARNING),
    Rule(Kind.AREA_OVER_LIMIT, Severity.CRITICAL, 100, "% of the area's limit", after_s=120, lasts=True),
    Rule(Kind.WEBHOOK_DISABLED, Severity.WARNING),
)
DEFAULTS: Final[Mapping[str, Rule]] = {rule.kind: rule for rule in _DEFAULTS}


def rule_of(*, organization_id: int, kind: str) -> Rule:
    """Return the rule that holds for a kind."""
    held = AlertRule.objects.filter(organization_id=organization_id, kind=kind).first()
    return DEFAULTS[kind] if held is None else _held(held)


def rules_of_kind(*, kind: str) -> Mapping[int, Rule]:
    """Return every organization's rule of a kind by its number; whoever has none of its own has the default."""
    default = DEFAULTS[kind]
    return defaultdict(
        lambda: default, {one.organization_id: _held(one) for one in AlertRule.objects.filter(kind=kind)}
    )


def rules_of_organization(*, organization: Organization) -> list[Rule]:
    """Return all rules, in the order of their kinds."""
    own = {one.kind: _held(one) for one in AlertRule.objects.filter(organization=organization)}
    return [own.get(kind, default) for kind, default in DEFAULTS.items()]


def _held(own: AlertRule) -> Rule:
    return dataclasses.replace(
        DEFAULTS[own.kind], severity=own.severity, threshold=own.threshold, after_s=own.after_s,
        most_single=own.most_single, enabled=own.enabled, is_default=False,
    )  # fmt: skip


@transaction.atomic
def rule_set(*, organization: Organization, wanted: Rule, actor: str, now: datetime) -> Rule:
    """Let a rule hold from now on; one that says what the default says is the default again."""
    _check(wanted)
    default = DEFAULTS[wanted.kind]
    values = {
        name: getattr(wanted, name) for name in ("severity", "threshold", "after_s", "most_single", "enabled")
    }
    if all(value == getattr(default, name) for name, value in values.items()):
        AlertRule.objects.filter(organization=organization, kind=wanted.kind).delete()
    else:
        AlertRule.objects.update_or_create(organization=organization, kind=wanted.kind, defaults=values)
    audit(
        organization=organization, actor=actor, action="alert_rule_set", subject=f"alert rule {wanted.kind}", now=now,
        **values,
    )  # fmt: skip
    return rule_of(organization_id=organization.pk, kind=wanted.kind)


def rule_reset(*, organization: Organization, kind: str, actor: str, now: datetime) -> Rule:
    """Let the default of a kind hold again."""
    if kind not in DEFAULTS:
        raise RuleUnknownError("no such kind of condition")
    return rule_set(organization=organization, wanted=DEFAULTS[kind], actor=actor, now=now)


def rule_change(
    *, organization: Organization, kind: str, changes: Mapping[str, Any], actor: str, now: datetime
) -> Rule:
    """Change some values of a rule; a value that plays no part for its kind is refused."""
    if kind not in DEFAULTS:
        raise RuleUnknownError("no such kind of condition")
    default = DEFAULTS[kind]
    plays = {"threshold": bool(default.unit), "after_s": default.lasts, "most_single": default.gathers}
    idle = sorted(name for name in changes if not plays.get(name, True))
    if idle:
        raise RuleInvalidError(f"{idle[0]} plays no part for {kind}")
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        held = rule_of(organization_id=organization.pk, kind=kind)
        wanted = dataclasses.replace(held, **changes)
        return rule_set(organization=organization, wanted=wanted, actor=actor, now=now)


def _check(wanted: Rule) -> None:
    rules = [
        (wanted.kind in DEFAULTS, "no such kind of condition"),
        (wanted.severity in Severity.values, "the severity is info, warning or critical"),
        (math.isfinite(wanted.threshold) and 0 <= wanted.threshold <= 1e6, "the threshold is a number from 0 on"),
        (0 <= wanted.after_s <= LONGEST_AFTER_S, "a condition may last from 0 seconds to 7 days"),
        (1 <= wanted.most_single <= MOST_SINGLE, f"between 1 and {MOST_SINGLE} incidents of their own"),
    ]  # fmt: skip
    said = [message for good, message in rules if not good]
    if said:
        raise RuleInvalidError(said[0])
