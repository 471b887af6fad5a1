"""How a program reads what a utility asks, rule by rule in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.accounts.models import AuditEntry, Organization
from apps.accounts.selectors import audit_about
from apps.programs.errors import ProgramInvalidError
from apps.programs.models import Enrollment, GridSignal, Program
from apps.programs.selectors import counted, programs_of_organization
from apps.programs.services import program_set_dispatch, program_set_signals

SETTINGS: Final = ("program_set_signals", "program_set_dispatch")
NAMES: Final[Mapping[str, str]] = {
    "level_shares": "shares of levels 1, 2, 3",
    "capacity_scope": "limits hold for",
    "carbon_price": "price of a kg of greenhouse gas",
    "reserve_kw": "reserve in kW",
    "most_events": "events a home at most",
    "most_events_days": "within days",
}


@dataclass(frozen=True)
class Rules:
    """The form's fields as text."""

    level_1: str
    level_2: str
    level_3: str
    capacity_scope: str
    carbon_price: str
    reserve_kw: str
    most_events: str
    most_events_days: str


@dataclass(frozen=True)
class PastChange:
    """A change of rules that can be taken back."""

    entry: AuditEntry
    differences: list[str]


def program_rows(*, organization: Organization) -> QuerySet[Program]:
    """Return the tenant's programs with how many homes take part and how many events there were."""
    found = programs_of_organization(organization=organization).select_related("openadr")
    return found.annotate(homes=counted(Enrollment, Q(ends_at=None)), events=counted(GridSignal, Q()))


def rules_of(program: Program) -> Rules:
    """Return a program's rules as the form shows them."""
    one, two, three = (f"{share * 100:g}" for share in program.level_shares)
    most = "" if program.most_events is None else str(program.most_events)
    return Rules(
        one, two, three, program.capacity_scope, f"{program.carbon_price.normalize():f}", f"{program.reserve_kw:g}", most,
        str(program.most_events_days),
    )  # fmt: skip


def rules_sent(sent: Mapping[str, str]) -> Rules:
    """Return the rules as typed."""
    return Rules(**{name: sent.get(name, "").strip()[:40] for name in Rules.__dataclass_fields__})


@transaction.atomic
def rules_save(*, program: Program, rules: Rules, actor: str, now: datetime) -> None:
    """Make the typed rules the program's; only what differs is written and noted."""
    held = rules_of(program)
    shares = [
        _number(text, name="a level's share") / 100 for text in (rules.level_1, rules.level_2, rules.level_3)
    ]
    carbon = _decimal(rules.carbon_price)
    reserve = _number(rules.reserve_kw, name="the reserve")
    most = _whole(rules.most_events, name="the number of events") if rules.most_events else None
    days = _whole(rules.most_events_days, name="the number of days")
    if _part(rules, held, first=True):
        program_set_signals(
            program=program, level_shares=[round(one, 6) for one in shares], capacity_scope=rules.capacity_scope,
            carbon_price=carbon, actor=actor, now=now,
        )  # fmt: skip
    if _part(rules, held, first=False):
        program_set_dispatch(
            program=program, reserve_kw=reserve, most_events=most, most_events_days=days, actor=actor, now=now
        )


def _part(rules: Rules, held: Rules, *, first: bool) -> bool:
    names = list(Rules.__dataclass_fields__)
    return any(getattr(rules, name) != getattr(held, name) for name in (names[:5] if first else names[5:]))


@transaction.atomic
def change_undo(*, program: Program, entry_id: int, actor: str, now: datetime) -> None:
    """Set again what one change replaced; that is a change of its own."""
    entry = _settings(program).filter(pk=entry_id).first()
    was = entry.detail.get("was") if entry is not None else None
    if entry is None or not was:
        raise ProgramInvalidError("what it was before is not known")
    if entry.action == "program_set_signals":
        was = {**was, "carbon_price": Decimal(was["carbon_price"])}
        program_set_signals(program=program, actor=actor, now=now, **was)
    else:
        program_set_dispatch(program=program, actor=actor, now=now, **was)


def changes_of(program: Program) -> list[PastChange]:
    """Return the newest changes of a program's rules."""
    return [PastChange(entry, _differences(entry.detail)) for entry in _settings(program)[:10]]


def _settings(program: Program) -> QuerySet[AuditEntry]:
    found = audit_about(organization=program.organization, subject=f"program {program.pk}")
    return found.filter(action__in=SETTINGS)


def _differences(detail: Mapping[str, Any]) -> list[str]:
    was = detail.get("was") or {}
    return [
        f"{NAMES[name]}: {_shown(was[name])} → {_shown(value)}"
        for name, value in detail.items()
        if name in was and _shown(was[name]) != _shown(value)
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{one * 100:g} %" for one in value)
    if isinstance(value, int | float) or (isinstance(value, str) and value[:1].isdigit()):
        return f"{float(value):g}"
    return "no limit" if value is None else str(value)


def _number(text: str, *, name: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ProgramInvalidError(f"{name}: {text!r} is no number") from None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise ProgramInvalidError(f"the price of greenhouse gas: {text!r} is no number") from None


def _whole(text: str, *, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ProgramInvalidError(f"{name}: {text!r} is no whole number")
    return int(text)
