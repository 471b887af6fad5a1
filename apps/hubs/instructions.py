"""Instructions: queue them, hand them to the link, follow their states."""

import dataclasses
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max

from apps.common.bulk import bulk_copy
from apps.common.redis import publish
from apps.hubs.models import Instruction
from vpp.protocols.link.instruction import TERMINAL, ForbiddenTransition, State, advance
from vpp.protocols.link.messages import Droop, InstructionStatus, Schedule
from vpp.protocols.link.messages import Instruction as InstructionMessage

# One running order a hub and purpose: a new revision replaces the one before.
_NAMESPACE = uuid.UUID("6f1c0d9c-51f0-4b8e-9e5a-0f1f5a2a4a10")
OPEN = [
    Instruction.State.QUEUED,
    Instruction.State.SENT,
    Instruction.State.ACKNOWLEDGED,
    Instruction.State.APPLIED,
]


@dataclasses.dataclass(frozen=True)
class Order:
    """What one hub should do: follow `schedule` or `droop`, or with neither end what `subject` ordered before."""

    hub_id: uuid.UUID
    subject: str
    schedule: Schedule | None
    not_before: datetime
    expires_at: datetime
    reason: str = ""
    droop: Droop | None = None


@transaction.atomic
def instructions_queue(*, orders: Sequence[Order], now: datetime) -> list[Instruction]:
    """Queue the next revision of each order; older revisions that are still open expire."""
    ids = [uuid.uuid5(_NAMESPACE, f"{order.hub_id}:{order.subject}") for order in orders]
    held = Instruction.objects.filter(instruction_id__in=ids)
    newest = dict(held.values_list("instruction_id").annotate(Max("revision")))
    held.filter(state__in=OPEN).update(
        state=Instruction.State.EXPIRED, state_reason="replaced by a newer revision", ended_at=now
    )
    made = [
        Instruction(
            instruction_id=id_,
            revision=newest.get(id_, 0) + 1,
            hub_id=order.hub_id,
            schedule=msgspec.to_builtins(order.schedule) if order.schedule else None,
            droop=msgspec.to_builtins(order.droop) if order.droop else None,
            reason=order.reason[:200],
            not_before=order.not_before,
            expires_at=order.expires_at,
            created_at=now,
        )
        for id_, order in zip(ids, orders, strict=True)
    ]
    bulk_copy(Instruction, made)
    hub_ids = [str(order.hub_id) for order in orders]
    if hub_ids:
        transaction.on_commit(lambda: publish("instructions", hub_ids))
    return made


@transaction.atomic
def instructions_take(
    *, hub_ids: Iterable[str], now: datetime, resend: bool = False
) -> list[tuple[str, InstructionMessage]]:
    """Return what is to be sent to these hubs, marked as sent; `resend` repeats what has no answer yet."""
    states = [Instruction.State.QUEUED, *([Instruction.State.SENT] if resend else [])]
    waiting = list(
        Instruction.objects.select_for_update(of=("self",))
        .filter(hub_id__in=list(hub_ids), state__in=states, expires_at__gt=now)
        .order_by("pk")
    )
    Instruction.objects.filter(pk__in=[one.pk for one in waiting]).update(
        state=Instruction.State.SENT, sent_at=now
    )
    return [(str(one.hub_id), _message(one)) for one in waiting]


def waiting_hub_ids(*, now: datetime) -> list[str]:
    """Return the hubs that have an instruction queued."""
    queued = Instruction.objects.filter(state=Instruction.State.QUEUED, expires_at__gt=now)
    return [str(hub_id) for hub_id in queued.values_list("hub_id", flat=True).distinct()]


@transaction.atomic
def instruction_statuses_apply(
    *, reports: Sequence[tuple[str, InstructionStatus]], now: datetime
) -> set[int]:
    """Take over what hubs report; return which reports name nothing of theirs or cannot follow."""
    refused = set()
    for index, (hub_id, report) in enumerate(reports):
        found = _find(hub_id, report)
        if found is None:
            refused.add(index)
            continue
        current: State = found.state  # type: ignore[assignment]
        try:
            state = advance(current, report.state)
        except ForbiddenTransition:
            refused.add(index)
            continue
        if state != found.state:
            _set_state(found, state, reason=report.reason, now=now)
    return refused


def instruction_counts(*, hub_ids: Iterable[uuid.UUID], subject: str) -> dict[str, int]:
    """Return how many of these hubs are in which state with the newest order of a subject."""
    ids = [uuid.uuid5(_NAMESPACE, f"{hub_id}:{subject}") for hub_id in hub_ids]
    rows = Instruction.objects.filter(instruction_id__in=ids).order_by("revision")
    newest = dict(rows.values_list("instruction_id", "state"))
    return dict(Counter(newest.values()))


def instructions_verify(*, hub_ids: Iterable[uuid.UUID]) -> int:
    """Mark applied schedules whose effect was seen in the measurements."""
    applied = Instruction.objects.filter(hub_id__in=list(hub_ids), state=Instruction.State.APPLIED)
    return applied.filter(droop__isnull=True).update(state=Instruction.State.VERIFIED)


def instructions_expire(*, now: datetime) -> int:
    """End what is open past its validity."""
    return Instruction.objects.filter(state__in=OPEN[:2], expires_at__lte=now).update(
        state=Instruction.State.EXPIRED, state_reason="not delivered before it expired", ended_at=now
    )


def _find(hub_id: str, report: InstructionStatus) -> Instruction | None:
    try:
        wanted = uuid.UUID(report.instruction_id)
    except ValueError:
        return None
    return (
        Instruction.objects.select_for_update()
        .filter(instruction_id=wanted, revision=report.revision, hub_id=hub_id)
        .first()
    )


def _set_state(instruction: Instruction, state: State, *, reason: str, now: datetime) -> None:
    instruction.state = state
    instruction.state_reason = reason[:200]
    if state == "acknowledged":
        instruction.acknowledged_at = now
    if state in TERMINAL:
        instruction.ended_at = now
    instruction.save(update_fields=["state", "state_reason", "acknowledged_at", "ended_at"])


def _message(instruction: Instruction) -> InstructionMessage:
    held: Any = instruction.schedule
    return InstructionMessage(
        id=str(instruction.instruction_id),
        revision=instruction.revision,
        not_before=milliseconds(instruction.not_before),
        expires_at=milliseconds(instruction.expires_at),
        schedule=msgspec.convert(held, Schedule) if held else None,
        reason=instruction.reason,
        droop=msgspec.convert(instruction.droop, Droop) if instruction.droop else None,
    )


def milliseconds(at: datetime) -> int:
    """Return the link's form of an instant."""
    return round(at.astimezone(UTC).timestamp() * 1000)
