"""What a tenant's own operators do through the pages: the same as a utility through the API, noted in the audit log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import ApiClient, Organization
from apps.accounts.services import Credential, api_client_create, audit
from apps.openadr.errors import BodyError, ObjectUnknownError
from apps.openadr.models import EventObject, ProgramObject, Ven2b, VenObject
from apps.openadr.models.objects import audience
from apps.openadr.notify.outbox import announce
from apps.openadr.selectors import operators_view
from apps.openadr.services.events import event_object_create, event_object_delete
from apps.openadr.services.vens import ven_replace
from apps.openadr.vtn2b.vens import ven_create as ven2b_create
from apps.openadr.vtn2b.vens import ven_set_targets
from apps.programs.models import Program

LONGEST_NAME: Final = 128
LONGEST_FINGERPRINT: Final = 64


@transaction.atomic
def event_compose(*, program: Program, body: dict[str, Any], actor: str, now: datetime) -> EventObject:
    """Send an event of a program; `body` is a 3.1 event's but for the programID."""
    viewer = operators_view(organization=program.organization)
    held = program_adopt(program=program, now=now)
    event = event_object_create(viewer=viewer, body={**body, "programID": held.pk}, now=now)
    audit(
        organization=program.organization, actor=actor, action="event_compose", subject=f"event {event.pk}", now=now,
        program=program.pk, event=event.content,
    )  # fmt: skip
    return event


@transaction.atomic
def event_withdraw(*, event: EventObject, actor: str, now: datetime) -> EventObject:
    """Cancel an event, whoever sent it: homes are released, VENs are told, the record stays."""
    viewer = operators_view(organization=event.organization)
    gone = event_object_delete(viewer=viewer, object_id=event.pk, if_match=None, now=now)
    audit(
        organization=event.organization, actor=actor, action="event_withdraw", subject=f"event {event.pk}", now=now
    )  # fmt: skip
    return gone


@transaction.atomic
def program_adopt(*, program: Program, now: datetime) -> ProgramObject:
    """Return a program as OpenADR shows it; one that no utility made is shown from now on."""
    locked = Program.objects.select_for_update().get(pk=program.pk)
    found = ProgramObject.objects.filter(program=locked).first()
    if found is None:
        found = ProgramObject.objects.create(
            organization=locked.organization, client=None, content={"programName": locked.name}, program=locked,
            audience=audience(locked.organization_id, ()), created_at=now, modified_at=now,
        )  # fmt: skip
        announce(found, "CREATE", now=now)
    if found.deleted_at is not None:
        raise ObjectUnknownError("this program has ended")
    return found


@transaction.atomic
def credential_create(
    *, organization: Organization, name: str, role: str, actor: str, now: datetime, scopes: Sequence[str] = ()
) -> Credential:
    """Create a partner's credential, for some of its role's scopes or all; its secret is in the answer alone."""
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise BodyError("a credential needs a name of at most 128 characters", code="name_invalid")
    if role not in ApiClient.Role.values or role == ApiClient.Role.APP:
        raise BodyError("choose what the credential is for", code="role_invalid")
    made = api_client_create(organization=organization, name=name, role=role, allowed_scopes=scopes)
    audit(
        organization=organization, actor=actor, action="api_client_create", subject=f"credential {name}", now=now,
        client_id=made.client_id, role=role, scopes=list(scopes),
    )  # fmt: skip
    return made


@transaction.atomic
def ven_targets(*, ven: VenObject, targets: list[str], actor: str, now: datetime) -> VenObject:
    """Change what a VEN of 3.1 is granted; all else of it stays."""
    body = {
        **ven.content,
        "objectType": "BL_VEN_REQUEST",
        "clientID": ven.client_key,
        "venName": ven.name,
        "targets": targets,
    }
    viewer = operators_view(organization=ven.organization)
    changed = ven_replace(viewer=viewer, object_id=ven.pk, if_match=None, body=body, now=now)
    _note_targets(ven, was=ven.targets, targets=changed.targets, actor=actor, now=now)
    return changed


@transaction.atomic
def ven2b_targets(*, ven: Ven2b, targets: list[str], actor: str, now: datetime) -> Ven2b:
    """Change what a VEN of 2.0b may see."""
    changed = ven_set_targets(ven=ven, targets=targets)
    _note_targets(ven, was=ven.targets, targets=changed.targets, actor=actor, now=now)
    return changed


@transaction.atomic
def ven2b_let_in(
    *, organization: Organization, sent: Mapping[str, str], targets: list[str], actor: str, now: datetime
) -> Ven2b:
    """Let a VEN of 2.0b in before it registers; `sent` has name, vtn_id, fingerprint and common_name."""
    if not sent["name"] or any(len(text) > LONGEST_NAME or "\x00" in text for text in sent.values()):
        raise BodyError(
            "a VEN needs a name, and no field may be longer than 128 characters", code="name_invalid"
        )
    if len(sent["fingerprint"]) > LONGEST_FINGERPRINT:
        raise BodyError(
            "a fingerprint is ten pairs of digits with colons between them", code="fingerprint_invalid"
        )
    ven = ven2b_create(
        organization=organization, vtn_id=sent["vtn_id"] or "ores-vtn", name=sent["name"], now=now,
        fingerprint=sent["fingerprint"].upper(), common_name=sent["common_name"], targets=targets,
    )  # fmt: skip
    audit(
        organization=organization, actor=actor, action="ven_create", subject=f"VEN {ven.name}"[:160], now=now
    )
    return ven


def _note_targets(
    ven: VenObject | Ven2b, *, was: list[str], targets: list[str], actor: str, now: datetime
) -> None:
    audit(
        organization=ven.organization, actor=actor, action="ven_set_targets", subject=f"VEN {ven.name}"[:160], now=now,
        targets=targets, was={"targets": was},
    )  # fmt: skip
