"""A program's own rules as one set of fields: each group is checked and noted by its own service."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.programs import services
from apps.programs.enrollments import plan_running
from apps.programs.errors import AlreadyEnrolledError
from apps.programs.models import Program
from apps.sites.models import Site

PAYMENT: Final = ("energy_price", "event_payment", "currency")
BASELINE: Final = {"baseline_method": "method", "holidays": "holidays"}


@transaction.atomic
def program_add(
    *, organization: Organization, name: str, rules: Mapping[str, Any], actor: str, now: datetime
) -> Program:
    """Create a program with its rules."""
    program = services.program_create(organization=organization, name=name, now=now)
    audit(
        organization=organization, actor=actor, action="program_create", subject=f"program {program.pk}", now=now,
        name=name,
    )  # fmt: skip
    return program_change(program=program, changes=rules, actor=actor, now=now)


@transaction.atomic
def program_change(*, program: Program, changes: Mapping[str, Any], actor: str, now: datetime) -> Program:
    """Change what a program pays, how it is measured, how its homes are asked and how signals are read."""
    acts: Mapping[str, Any] = {"actor": actor, "now": now}
    if "name" in changes and changes["name"] != program.name:
        was = program.name
        program = services.program_rename(program=program, name=changes["name"])
        audit(
            organization=program.organization, actor=actor, action="program_rename", subject=f"program {program.pk}",
            now=now, name=program.name, was=was,
        )  # fmt: skip
    if {*PAYMENT, "payment_rules"} & set(changes):
        rules = changes.get("payment_rules")
        paid = _of(program, changes, names=PAYMENT)
        program = services.program_set_payment(program=program, payment_rules=rules, **paid, **acts)
    if set(BASELINE) & set(changes):
        held = _of(program, changes, names=BASELINE)
        said = {BASELINE[name]: value for name, value in held.items()}
        program = services.program_set_baseline(program=program, **said, **acts)
    if set(services.DISPATCH_RULES) & set(changes):
        asked = _of(program, changes, names=services.DISPATCH_RULES)
        program = services.program_set_dispatch(program=program, **asked, **acts)
    if set(services.SIGNAL_RULES) & set(changes):
        read = _of(program, changes, names=services.SIGNAL_RULES)
        program = services.program_set_signals(program=program, **read, **acts)
    return program


def _of(program: Program, changes: Mapping[str, Any], *, names: Any) -> dict[str, Any]:
    return {name: changes.get(name, getattr(program, name)) for name in names}


@transaction.atomic
def program_close(*, program: Program, actor: str, now: datetime) -> Program:
    """End a program for good, by a person's or a client's wish."""
    name = program.name
    ended = services.program_end(program=program, now=now)
    audit(
        organization=program.organization, actor=actor, action="program_end", subject=f"program {program.pk}", now=now,
        name=name,
    )  # fmt: skip
    return ended


@transaction.atomic
def homes_enroll(
    *, program: Program, site_ids: Sequence[int], sites: Mapping[int, Site], actor: str, now: datetime
) -> list[tuple[int, str]]:
    """Let many homes take part from now on; return what became of each. Running events are planned anew once."""
    results = []
    for site_id in site_ids:
        outcome = "not_found"
        if site_id in sites:
            try:
                services.enrollment_create(program=program, site=sites[site_id], now=now)
                outcome = "enrolled"
            except AlreadyEnrolledError:
                outcome = "already_enrolled"
        results.append((site_id, outcome))
    joined = [site_id for site_id, outcome in results if outcome == "enrolled"]
    if joined:
        audit(
            organization=program.organization, actor=actor, action="enrollment_create", subject=f"program {program.pk}",
            now=now, sites=joined,
        )  # fmt: skip
        plan_running(program=program, reason="homes have joined", now=now)
    return results
