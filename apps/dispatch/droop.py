"""Answers to the grid's frequency, sent ahead: no message from here would come in time."""

import dataclasses
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.hubs.instructions import Order, instruction_counts, instructions_queue
from apps.hubs.selectors import active_hubs_by_site
from apps.programs.models import Program
from apps.programs.selectors import enrolled_site_ids
from vpp.dispatch.droop import DroopCurve, DroopError
from vpp.protocols.link.messages import Droop

LONGEST = timedelta(days=366)


class DroopInvalidError(DomainError):
    code = "droop_invalid"


@transaction.atomic
def droop_set(
    *, program: Program, settings: dict[str, float] | None, ends_at: datetime, actor: str, now: datetime
) -> int:
    """Send settings to the hubs of a program's homes, or with None take them back; return how many are told."""
    if not now < ends_at <= now + LONGEST:
        raise DroopInvalidError("the settings must end after now and within a year")
    try:
        curve = None if settings is None else DroopCurve(**settings)
    except DroopError as error:
        raise DroopInvalidError(error.detail) from error
    hubs = active_hubs_by_site(site_ids=enrolled_site_ids(program=program, at=now))
    orders = [
        Order(
            hub_id=hub.pk,
            subject=_subject(program),
            schedule=None,
            droop=None if curve is None else Droop(**dataclasses.asdict(curve)),
            not_before=now,
            expires_at=ends_at,
            reason=f"frequency response of {program.name}",
        )
        for hub in hubs.values()
    ]
    instructions_queue(orders=orders, now=now)
    audit(
        organization=program.organization, actor=actor, action="droop_set", subject=f"program {program.pk}", now=now,
        settings=settings, ends_at=ends_at.isoformat(), hubs=len(orders),
    )  # fmt: skip
    return len(orders)


def droop_states(*, program: Program, now: datetime) -> dict[str, int]:
    """Return how many hubs of a program's homes are how far with what they were sent last."""
    hubs = active_hubs_by_site(site_ids=enrolled_site_ids(program=program, at=now))
    return instruction_counts(hub_ids=[hub.pk for hub in hubs.values()], subject=_subject(program))


def _subject(program: Program) -> str:
    return f"droop:{program.pk}"
