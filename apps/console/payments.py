"""What operators see and decide about payments: rules with their preview, and objections."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.programs.models import Program
from apps.programs.payment import OWN_FIELDS, payment_rule
from apps.programs.selectors import programs_of_organization
from apps.programs.services import program_set_payment
from apps.settlement.disputes import Corrected, dispute_accept, dispute_reject
from apps.settlement.errors import DisputeInvalidError
from apps.settlement.models import Dispute, StatementLine
from apps.settlement.preview import Preview, payment_preview
from apps.settlement.selectors import disputes_of_organization
from vpp.settlement.config import config_of, rule_from_config

LABELS = {
    "energy_price": "Per delivered kWh",
    "event_payment": "Per home and event",
    "currency": "Currency",
    "capacity_price": "Per committed kW",
    "capacity_per": "Capacity price is per",
    "month_events": "Events that share a month's price",
    "performance_cap": "Performance counts up to",
    "tiers": "Tiers of performance, a line each: from, times",
    "penalty_price": "Penalty per missing kWh",
    "penalty_threshold": "Penalty below this share of the commitment",
    "penalty_cap": "Most a home is charged per event (empty: no limit)",
    "home_floor": "Least a home gets for an event",
    "floor": "Least an event pays in all",
    "rounding": "Smallest amount",
    "rounding_mode": "Rounding",
    "rounding_per": "What is rounded",
}
CHOICES: Mapping[str, Sequence[tuple[str, str]]] = {
    "capacity_per": [("event", "event"), ("month", "month")],
    "rounding_mode": [
        ("half_up", "to the nearest, halves up"),
        ("half_even", "to the nearest, halves to the even digit"),
        ("down", "down"),
    ],
    "rounding_per": [
        ("event", "the whole event, split among homes"),
        ("statement", "each home's statement"),
        ("line", "each line of a statement"),
    ],
}


@dataclasses.dataclass(frozen=True)
class Field:
    name: str
    label: str
    value: str
    choices: Sequence[tuple[str, str]] = ()


@dataclasses.dataclass(frozen=True)
class DisputePage:
    """An objection with the intervals it may correct."""

    dispute: Dispute
    lines: list[StatementLine]


def program_of_organization(*, organization: Organization, program_id: int) -> Program | None:
    """Return the tenant's program."""
    return programs_of_organization(organization=organization).filter(pk=program_id).first()


def rule_fields(*, program: Program, sent: Mapping[str, str] | None = None) -> list[Field]:
    """Return the form: what was typed, else what the program pays."""
    config = config_of(payment_rule(program=program))
    return [
        Field(
            name,
            label,
            value=sent.get(name, "") if sent is not None else _shown(config[name]),
            choices=CHOICES.get(name, ()),
        )
        for name, label in LABELS.items()
    ]


def preview(*, program: Program, sent: Mapping[str, str]) -> Preview:
    """Pay past events by the typed rule."""
    return payment_preview(program=program, changes=changes(sent))


def save(*, user: User, program: Program, sent: Mapping[str, str], now: datetime) -> Program:
    """Make the typed rule the program's; viewers may not."""
    _check_operator(user, program.organization)
    typed = payment_rule(program=program, changes=changes(sent))
    plain = config_of(rule_from_config({"energy_price": "0", "currency": "EUR"}))
    rules = {
        name: value
        for name, value in config_of(typed).items()
        if name not in OWN_FIELDS and value != plain[name]
    }
    return program_set_payment(
        program=program,
        energy_price=typed.energy_price,
        event_payment=typed.event_payment,
        currency=typed.currency,
        payment_rules=rules,
        actor=user.email,
        now=now,
    )


def changes(sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the form's fields as configuration."""
    typed: dict[str, Any] = {name: sent[name].strip() for name in LABELS if name in sent}
    if "tiers" in typed:
        typed["tiers"] = [_tier(line) for line in typed["tiers"].splitlines() if line.strip()]
    if typed.get("penalty_cap") == "":
        typed["penalty_cap"] = None
    if typed.get("month_events", "").isdecimal() and typed["month_events"].isascii():
        typed["month_events"] = int(typed["month_events"][:9])
    return typed


def dispute_page(*, organization: Organization, dispute_id: int) -> DisputePage | None:
    """Return the tenant's objection."""
    dispute = disputes_of_organization(organization=organization).filter(pk=dispute_id).first()
    if dispute is None:
        return None
    return DisputePage(dispute, list(dispute.statement.lines.order_by("starts_at")))


def answer(*, user: User, shown: DisputePage, sent: Mapping[str, str], now: datetime) -> None:
    """Accept or reject an objection; viewers may not."""
    dispute = shown.dispute
    _check_operator(user, dispute.statement.run.signal.organization)
    note = sent.get("note", "")
    if sent.get("do") == "accept":
        corrections = _corrections(shown.lines, sent)
        dispute_accept(dispute=dispute, user=user, note=note, corrections=corrections, now=now)
    elif sent.get("do") == "reject":
        dispute_reject(dispute=dispute, user=user, note=note, now=now)
    else:
        raise DisputeInvalidError("accept or reject it")


def _corrections(lines: Sequence[StatementLine], sent: Mapping[str, str]) -> list[Corrected]:
    """Read a form of one field per interval: empty keeps it, "-" leaves it out, a number is its net energy."""
    found = []
    for line in lines:
        typed = sent.get(f"kwh_{line.pk}", "").strip()
        if typed:
            value = None if typed == "-" else _number(typed)
            found.append(Corrected(line.starts_at.astimezone(UTC), value, sent.get("why", "")))
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DisputeInvalidError(f"{text[:40]!r} is no energy") from None


def _tier(line: str) -> dict[str, str]:
    at_least, _, factor = line.strip().partition(" ")
    return {"at_least": at_least, "factor": factor.strip()}


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(f"{tier['at_least']} {tier['factor']}" for tier in value)
    return "" if value is None else str(value)


def _check_operator(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can decide about payments")
