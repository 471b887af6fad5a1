"""Named checks that an operator asks a hub for: queue them, hand them to the link, keep the answers."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.services import audit
from apps.common.redis import publish
from apps.hubs.errors import CheckUnknownError, HubRevokedError, HubTooOldError
from apps.hubs.models import Diagnosis, Hub
from vpp.protocols.link.checks import CHECKS
from vpp.protocols.link.messages import Check, CheckResult

VALID = timedelta(minutes=30)
KEPT_A_HUB = 50
_OPEN = [Diagnosis.State.QUEUED, Diagnosis.State.SENT]


@transaction.atomic
def diagnosis_ask(*, hub: Hub, name: str, actor: str, now: datetime) -> Diagnosis:
    """Ask a hub for a check; old answers go when there are too many."""
    if name not in CHECKS:
        raise CheckUnknownError(f"there is no check {name[:40]!r}; known are {', '.join(CHECKS)}")
    if hub.state != Hub.State.ACTIVE or hub.organization is None:
        raise HubRevokedError("this hub is not active")
    if "diagnostics" not in hub.features:
        raise HubTooOldError("the hub's agent is too old for checks; update it first")
    made = Diagnosis.objects.create(hub=hub, name=name, asked_by=actor, asked_at=now, expires_at=now + VALID)
    kept = Diagnosis.objects.filter(hub=hub).order_by("-asked_at", "-pk").values("pk")[:KEPT_A_HUB]
    Diagnosis.objects.filter(hub=hub).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    audit(
        organization=hub.organization,
        actor=actor,
        action="diagnosis_ask",
        subject=f"hub {hub.pk}",
        now=now,
        check=name,
    )
    transaction.on_commit(lambda: publish("instructions", [str(hub.pk)]))
    return made


@transaction.atomic
def diagnoses_take(*, hub_ids: Iterable[str], now: datetime, resend: bool = False) -> list[tuple[str, Check]]:
    """Return the checks to ask these hubs for, marked as sent; `resend` repeats what has no answer yet."""
    states = _OPEN if resend else _OPEN[:1]
    waiting = list(
        Diagnosis.objects.select_for_update(of=("self",))
        .filter(
            hub_id__in=list(hub_ids),
            state__in=states,
            expires_at__gt=now,
            hub__features__contains="diagnostics",
        )
        .order_by("pk")
    )
    Diagnosis.objects.filter(pk__in=[one.pk for one in waiting]).update(state=Diagnosis.State.SENT)
    return [(str(one.hub_id), Check(id=str(one.pk), name=one.name)) for one in waiting]


def diagnosed_hub_ids(*, now: datetime) -> list[str]:
    """Return the hubs for which a check is queued."""
    queued = Diagnosis.objects.filter(state=Diagnosis.State.QUEUED, expires_at__gt=now)
    return [str(hub_id) for hub_id in queued.values_list("hub_id", flat=True).distinct()]


@transaction.atomic
def diagnosis_answered(*, hub_id: str, result: CheckResult, now: datetime) -> bool:
    """Keep an answer; False for one that nobody asked this hub for. The first one counts."""
    try:
        wanted = uuid.UUID(result.id)
    except ValueError:
        return False
    held = Diagnosis.objects.select_for_update().filter(pk=wanted, hub_id=hub_id).first()
    if held is None:
        return False
    if held.answered_at is None:
        held.state = Diagnosis.State.REFUSED if result.refused else Diagnosis.State.ANSWERED
        held.answer, held.truncated, held.answered_at = result.answer, result.truncated, now
        held.save(update_fields=["state", "answer", "truncated", "answered_at"])
    return True


def diagnoses_expire(*, now: datetime) -> int:
    """End checks that no hub answered in time; an answer that comes later is kept all the same."""
    return Diagnosis.objects.filter(state__in=_OPEN, expires_at__lte=now).update(
        state=Diagnosis.State.EXPIRED
    )
