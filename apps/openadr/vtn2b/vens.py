"""Writes of VENs: letting in, registering, leaving."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.common.errors import ConflictError
from apps.openadr.models import Ven2b
from apps.sites.models import Site
from vpp.protocols.openadr2b.ven_messages import PartyRegistration
from vpp.protocols.openadr2b.vocabulary import (
    COMPLIANCE_ERROR,
    INVALID_ID,
    NOT_AUTHORIZED,
    PROFILE,
    TRANSPORT,
    OpenADR2bError,
)


class VenTakenError(ConflictError):
    code = "ven_taken"


@transaction.atomic
def ven_create(
    *,
    organization: Organization,
    vtn_id: str,
    name: str,
    now: datetime,
    ven_id: str = "",
    fingerprint: str = "",
    common_name: str = "",
    targets: Sequence[str] = (),
    site: Site | None = None,
) -> Ven2b:
    """Let a VEN in; its id is allocated now, so that it can be configured before it registers."""
    if site is not None and site.organization_id != organization.pk:
        raise VenTakenError("the home belongs to another organization")
    try:
        with transaction.atomic():
            return Ven2b.objects.create(
                organization=organization, vtn_id=vtn_id, name=name, ven_id=ven_id or f"ven-{uuid.uuid4().hex}",
                fingerprint=fingerprint, common_name=common_name, targets=list(targets), site=site, created_at=now,
            )  # fmt: skip
    except IntegrityError as error:
        raise VenTakenError(f"there is a VEN with that name or id already: {name}") from error


@transaction.atomic
def ven_set_targets(*, ven: Ven2b, targets: Sequence[str]) -> Ven2b:
    """Change what a VEN may see; at its next poll it is told."""
    held = Ven2b.objects.select_for_update().get(pk=ven.pk)
    held.targets, held.seen_digest = list(targets), ""
    held.save(update_fields=["targets", "seen_digest"])
    return held


@transaction.atomic
def ven_register(
    *, organization: Organization, vtn_id: str, wish: PartyRegistration, peer: str, now: datetime
) -> Ven2b:
    """Register a VEN that was let in; one that is registered keeps its registration."""
    if wish.profile_name != PROFILE or wish.transport_name != TRANSPORT or not wish.pull:
        raise OpenADR2bError(
            "only profile 2.0b over simpleHttp with pull is offered", response_code=COMPLIANCE_ERROR
        )
    known = Ven2b.objects.select_for_update().filter(organization=organization, vtn_id=vtn_id)
    ven = (
        known.filter(ven_id=wish.ven_id).first() if wish.ven_id else known.filter(name=wish.ven_name).first()
    )
    if ven is None or not is_peer(ven, peer):
        raise OpenADR2bError("this VEN has not been let in", response_code=NOT_AUTHORIZED)
    if wish.registration_id and wish.registration_id != ven.registration_id:
        raise OpenADR2bError("that is not this VEN's registration", response_code=INVALID_ID)
    if ven.registration_id is None:
        ven.registration_id, ven.registered_at = uuid.uuid4().hex, now
    # Whoever registers may have lost everything: it is told of all its events.
    ven.shown, ven.seen_digest, ven.heard_at = {}, "", now
    ven.save()
    return ven


@transaction.atomic
def ven_deregister(*, ven: Ven2b, registration_id: str, now: datetime) -> None:
    """End a registration; the VEN stays let in."""
    held = Ven2b.objects.select_for_update().get(pk=ven.pk)
    if not registration_id or held.registration_id != registration_id:
        raise OpenADR2bError("that is not this VEN's registration", response_code=INVALID_ID)
    held.registration_id = held.registered_at = None
    held.shown, held.seen_digest, held.heard_at = {}, "", now
    held.save()


def is_peer(ven: Ven2b, peer: str) -> bool:
    """Whether the certificate at the other end is the VEN's; `peer` is as the door wrote it: "fingerprint CN"."""
    if not peer:
        return True  # the door lets nobody in without a certificate unless it was told to
    fingerprint, _, common_name = peer.partition(" ")
    if ven.fingerprint:
        return ven.fingerprint == fingerprint
    return bool(ven.common_name) and ven.common_name == common_name
