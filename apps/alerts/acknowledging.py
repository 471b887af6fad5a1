"""What operators do with incidents: acknowledge, snooze, and take it back."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.alerts.errors import IncidentInvalidError, IncidentStateError, IncidentUnknownError
from apps.alerts.incidents import BUS
from apps.alerts.models import Incident, IncidentNote
from apps.common.redis import publish

LONGEST_NOTE: Final = 500
SNOOZES: Final = {
    "1h": timedelta(hours=1), "8h": timedelta(hours=8), "1d": timedelta(days=1), "7d": timedelta(days=7),
}  # fmt: skip
Act = IncidentNote.Act


@transaction.atomic
def incident_acknowledge(
    *, organization: Organization, incident_id: int, note: str, actor: str, now: datetime
) -> Incident:
    """Note that somebody takes care of an open incident."""
    held = _locked(organization, incident_id)
    if held.acknowledged_at is not None:
        raise IncidentStateError(f"{held.acknowledged_by} has acknowledged this already")
    held.acknowledged_at, held.acknowledged_by = now, actor
    return _saved(held, Act.ACKNOWLEDGED, actor=actor, note=note, now=now)


@transaction.atomic
def incident_unacknowledge(
    *, organization: Organization, incident_id: int, actor: str, now: datetime
) -> Incident:
    """Take an acknowledgement back."""
    held = _locked(organization, incident_id)
    if held.acknowledged_at is None:
        raise IncidentStateError("this is not acknowledged")
    held.acknowledged_at, held.acknowledged_by = None, ""
    return _saved(held, Act.UNACKNOWLEDGED, actor=actor, note="", now=now)


@transaction.atomic
def incident_snooze(
    *, organization: Organization, incident_id: int, wish: str, note: str, actor: str, now: datetime
) -> Incident:
    """Keep an open incident out of the way for a time."""
    if wish not in SNOOZES:
        raise IncidentInvalidError(f"snooze for one of {', '.join(SNOOZES)}")
    held = _locked(organization, incident_id)
    held.snoozed_until = now + SNOOZES[wish]
    said = f"for {wish}{': ' if note.strip() else ''}{note.strip()}"
    return _saved(held, Act.SNOOZED, actor=actor, note=said, now=now)


@transaction.atomic
def incident_wake(*, organization: Organization, incident_id: int, actor: str, now: datetime) -> Incident:
    """End a snooze."""
    held = _locked(organization, incident_id)
    if held.snoozed_until is None or held.snoozed_until <= now:
        raise IncidentStateError("this is not snoozed")
    held.snoozed_until = None
    return _saved(held, Act.WOKEN, actor=actor, note="", now=now)


def _locked(organization: Organization, incident_id: int) -> Incident:
    found = Incident.objects.select_for_update(of=("self",)).select_related("organization")
    held = found.filter(organization=organization, pk=incident_id).first()
    if held is None:
        raise IncidentUnknownError("no such incident")
    if not held.is_open:
        raise IncidentStateError("this has ended by itself already")
    return held


def _saved(held: Incident, act: Act, *, actor: str, note: str, now: datetime) -> Incident:
    said = note.strip()
    if len(said) > LONGEST_NOTE:
        raise IncidentInvalidError(f"a note has at most {LONGEST_NOTE} characters")
    held.changed_at = now
    held.save()
    IncidentNote.objects.create(incident=held, act=act, actor=actor, note=said, at=now)
    audit(
        organization=held.organization, actor=actor, action=f"incident_{act.value}", subject=f"incident {held.pk}",
        now=now, title=held.title, note=said,
    )  # fmt: skip
    transaction.on_commit(lambda: publish(BUS, [held.organization_id]))
    return held
