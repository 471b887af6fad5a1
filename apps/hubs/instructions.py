"""Instructions: queue them, hand them to the link, follow their states."""

import dataclasses
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max

from apps.common.bulk import bulk_copy
from apps.common.redis import publish
from apps.hubs.errors import OrderInvalidError
from apps.hubs.models import Hub, Instruction
from apps.sites.preferences import preferences_refused
from vpp.protocols.link.instruction import TERMINAL, ForbiddenTransition, State, advance
from vpp.protocols.link.messages import CapacityLimits, DevicePayload, Droop, InstructionStatus, Schedule
from vpp.protocols.link.messages import Instruction as InstructionMessage
from vpp.protocols.ores.orders import SETTINGS, Change, change_of

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
    """What one hub should do: one of schedule, droop, limits and device, or end what `subject` ordered before."""

    hub_id: uuid.UUID
    subject: str
    schedule: Schedule | None
    not_before: datetime
    expires_at: datetime
    reason: str = ""
    droop: Droop | None = None
    limits: CapacityLimits | None = None
    device: DevicePayload | None = None
    priority: int = 100


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
            subject=order.subject,
            schedule=_plain(order.schedule),
            droop=_plain(order.droop),
            limits=_checked(order.limits),
            device=_checked(order.device),
            priority=order.priority,
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
    """Return what is to be sent to these hubs, marked as sent; `resend` repeats what has no answer yet.

    What a hub's agent would not understand, and take for a revocation, is rejected instead.
    """
    states = [Instruction.State.QUEUED, *([Instruction.State.SENT] if resend else [])]
    waiting = list(
        Instruction.objects.select_for_update(of=("self",))
        .filter(hub_id__in=list(hub_ids), state__in=states, expires_at__gt=now)
        .order_by("pk")
    )
    waiting = _reject_beyond_agents(waiting, now=now)
    Instruction.objects.filter(pk__in=[one.pk for one in waiting]).update(
        state=Instruction.State.SENT, sent_at=now
    )
    return [(str(one.hub_id), _message(one)) for one in waiting]


def instructions_holding(*, hub_id: str, now: datetime) -> list[InstructionMessage]:
    """Return what a hub has taken and what holds still, for one that forgot it."""
    rows = Instruction.objects.filter(hub_id=hub_id, expires_at__gt=now).order_by("revision")
    newest = {row.instruction_id: row for row in rows}
    taken = {Instruction.State.ACKNOWLEDGED, Instruction.State.APPLIED, Instruction.State.VERIFIED}
    return [_message(row) for row in newest.values() if row.state in taken]


@transaction.atomic
def instructions_hand_over(*, from_hub: Hub, to_hub: Hub, now: datetime) -> int:
    """Let a hub that takes another's place go on with its orders; return how many."""
    held = list(
        Instruction.objects.select_for_update()
        .filter(hub=from_hub, state__in=OPEN, expires_at__gt=now)
        .order_by("pk")
    )
    Instruction.objects.filter(pk__in=[one.pk for one in held]).update(
        state=Instruction.State.EXPIRED, state_reason="the hub was replaced", ended_at=now
    )
    orders = [
        Order(
            hub_id=to_hub.pk,
            subject=one.subject,
            not_before=one.not_before,
            expires_at=one.expires_at,
            reason=one.reason,
            priority=one.priority,
            **content,
        )
        for one in held
        if one.subject and any((content := _content(one)).values())
    ]
    instructions_queue(orders=orders, now=now)
    return len(orders)


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


def hubs_holding(*, hub_ids: Iterable[uuid.UUID], subject: str, now: datetime) -> set[uuid.UUID]:
    """Return which of these hubs were told to do something about a subject that is not over."""
    ids = [uuid.uuid5(_NAMESPACE, f"{hub_id}:{subject}") for hub_id in hub_ids]
    rows = Instruction.objects.filter(instruction_id__in=ids).order_by("revision")
    columns = ("hub_id", "expires_at", "schedule", "limits", "device")
    newest = {row[0]: row for row in rows.values_list(*columns)}
    return {
        hub_id
        for hub_id, ends_at, *content in newest.values()
        if ends_at > now and any(part is not None for part in content)
    }


def orders_held(*, site_id: int, subjects: Iterable[str], at: datetime) -> list[tuple[Instruction, str]]:
    """Return what a home's hubs were told to do about subjects, as it held at an instant, each with its subject."""
    hub_ids = list(Hub.objects.filter(site_id=site_id).values_list("pk", flat=True))
    names = {uuid.uuid5(_NAMESPACE, f"{hub_id}:{one}"): one for hub_id in hub_ids for one in subjects}
    rows = Instruction.objects.filter(instruction_id__in=names, created_at__lte=at).order_by("revision")
    newest = {row.instruction_id: row for row in rows}
    return [
        (row, names[id_])
        for id_, row in newest.items()
        if row.not_before <= at < row.expires_at
        and any(part is not None for part in (row.schedule, row.limits, row.device))
    ]


def instruction_counts(*, hub_ids: Iterable[uuid.UUID], subject: str) -> dict[str, int]:
    """Return how many of these hubs are in which state with the newest order of a subject."""
    ids = [uuid.uuid5(_NAMESPACE, f"{hub_id}:{subject}") for hub_id in hub_ids]
    rows = Instruction.objects.filter(instruction_id__in=ids).order_by("revision")
    newest = dict(rows.values_list("instruction_id", "state"))
    return dict(Counter(newest.values()))


def instruction_reasons(*, hub_ids: Iterable[uuid.UUID], subject: str) -> dict[tuple[str, str], int]:
    """Return how many of these hubs are in which state with the newest order of a subject, and why."""
    ids = [uuid.uuid5(_NAMESPACE, f"{hub_id}:{subject}") for hub_id in hub_ids]
    rows = Instruction.objects.filter(instruction_id__in=ids).order_by("revision")
    newest = {
        id_: (state, reason)
        for id_, state, reason in rows.values_list("instruction_id", "state", "state_reason")
    }
    return dict(Counter(newest.values()))


def instructions_verify(*, hub_ids: Iterable[uuid.UUID]) -> int:
    """Mark applied schedules, or their revocation, whose effect was seen in the measurements."""
    applied = Instruction.objects.filter(hub_id__in=list(hub_ids), state=Instruction.State.APPLIED)
    schedules = applied.filter(droop__isnull=True, limits__isnull=True, device__isnull=True)
    return schedules.update(state=Instruction.State.VERIFIED)


def instructions_expire(*, now: datetime) -> int:
    """End what is open past its validity."""
    return Instruction.objects.filter(state__in=OPEN[:2], expires_at__lte=now).update(
        state=Instruction.State.EXPIRED, state_reason="not delivered before it expired", ended_at=now
    )


def _reject_beyond_agents(waiting: list[Instruction], *, now: datetime) -> list[Instruction]:
    """Reject what needs a newer agent than its hub has; return the rest."""
    asking = {one.hub_id for one in waiting if one.limits or one.device}
    features: dict[uuid.UUID, list[str]] = {}
    if asking:
        features = dict(Hub.objects.filter(pk__in=asking).values_list("pk", "features"))
    kept, beyond = [], []
    for one in waiting:
        lacking = _lacking(one, features)
        if lacking is None:
            kept.append(one)
            continue
        one.state, one.ended_at = Instruction.State.REJECTED, now
        one.state_reason = f"the hub's agent is too old for {lacking}"
        beyond.append(one)
    Instruction.objects.bulk_update(beyond, ["state", "state_reason", "ended_at"])
    return kept


def _lacking(instruction: Instruction, features: Mapping[uuid.UUID, list[str]]) -> str | None:
    known = features.get(instruction.hub_id, [])
    if instruction.limits and "limits" not in known:
        return "limits"
    if instruction.device and "device" not in known:
        return "device payloads"
    return None


def _plain(content: msgspec.Struct | None) -> Any:
    return None if content is None else msgspec.to_builtins(content)


def _checked(content: msgspec.Struct | None) -> Any:
    """Return the plain form of what comes from outside, or raise OrderInvalidError where no hub could read it."""
    plain = _plain(content)
    try:
        text = json.dumps(plain, allow_nan=False)
        msgspec.json.decode(text, type=type(content))
    except (ValueError, msgspec.ValidationError) as error:
        raise OrderInvalidError(f"no hub could read this: {error}") from error
    if "\\u0000" in text:
        raise OrderInvalidError("a text has a NUL")
    return plain


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
    if state == "rejected" and (instruction.device or {}).get("kind") == SETTINGS:
        _take_back(instruction, reason=reason, now=now)
    instruction.save(update_fields=["state", "state_reason", "acknowledged_at", "ended_at"])


def _take_back(refused: Instruction, *, reason: str, now: datetime) -> None:
    """What the hub refuses of its owner's preferences does not count for plans either."""
    site_id = Hub.objects.values_list("site_id", flat=True).get(pk=refused.hub_id)
    earlier = Instruction.objects.filter(
        instruction_id=refused.instruction_id, revision__lt=refused.revision, acknowledged_at__isnull=False
    ).exclude(state=Instruction.State.REJECTED)
    accepted = earlier.order_by("-revision").first()
    if site_id is not None:
        preferences_refused(
            site_id=site_id, refused_ms=_settings(refused).set_at, reason=reason, now=now,
            accepted_ms=(_settings(accepted).at or -1) if accepted else -1,
        )  # fmt: skip


def _settings(instruction: Instruction) -> Change:
    assert instruction.device is not None
    return change_of(instruction.device["values"][0])


def _message(instruction: Instruction) -> InstructionMessage:
    return InstructionMessage(
        id=str(instruction.instruction_id),
        revision=instruction.revision,
        not_before=milliseconds(instruction.not_before),
        expires_at=milliseconds(instruction.expires_at),
        reason=instruction.reason,
        priority=instruction.priority,
        **_content(instruction),
    )


def _content(instruction: Instruction) -> dict[str, Any]:
    """Return what it orders, of all that it could."""
    return {
        "schedule": msgspec.convert(instruction.schedule, Schedule) if instruction.schedule else None,
        "droop": msgspec.convert(instruction.droop, Droop) if instruction.droop else None,
        "limits": msgspec.convert(instruction.limits, CapacityLimits) if instruction.limits else None,
        "device": msgspec.convert(instruction.device, DevicePayload) if instruction.device else None,
    }


def milliseconds(at: datetime) -> int:
    """Return the link's form of an instant."""
    return round(at.astimezone(UTC).timestamp() * 1000)
