"""Hub enrollment: register, claim, authenticate, revoke; and what the link tells of a hub's presence."""

import base64
import binascii
import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import IntegrityError, transaction
from django.db.models import F

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.common.redis import publish
from apps.hubs import guesses
from apps.hubs.device_inbox import devices_hand_over
from apps.hubs.errors import (
    ClaimCodeTakenError,
    ClaimCodeWrongError,
    HubRevokedError,
    HubUnclaimedError,
    HubUnknownError,
    SignatureError,
    SiteHasHubError,
)
from apps.hubs.instructions import instructions_hand_over
from apps.hubs.models import Hub
from apps.hubs.tokens import TOKEN_S, HubToken, challenge_redeem, token_issue
from apps.sites.models import Site
from apps.sites.services import resources_sync
from vpp.protocols.link.auth import ClaimCodeError, authenticate_payload, claim_digest, register_payload
from vpp.protocols.link.messages import FEATURES

CLAIM_VALID = timedelta(days=7)


@dataclasses.dataclass(frozen=True)
class Registration:
    """What a hub sends on its first start."""

    public_key: str
    claim_digest: str
    signature: str
    model: str
    serial: str
    agent_version: str


def hub_register(*, registration: Registration, now: datetime) -> tuple[Hub, bool]:
    """Take note of a hub that proves it holds its key; return it and whether it is new.

    `now` is the machine's time: claim codes expire in real days.
    """
    key = _decoded(registration.public_key, length=32)
    payload = register_payload(registration.public_key, registration.claim_digest)
    _verify(key, payload, signature=registration.signature)
    try:
        return _register(key, registration, now=now)
    except ClaimCodeTakenError:
        if Hub.objects.filter(public_key=key).exists():  # the hub knocked twice at once: it is known by now
            return _register(key, registration, now=now)
        raise


def _register(key: bytes, registration: Registration, *, now: datetime) -> tuple[Hub, bool]:
    try:
        with transaction.atomic():
            hub = Hub.objects.select_for_update().filter(public_key=key).first()
            if hub is None:
                hub = Hub(public_key=key, created_at=now)
            if hub.state == Hub.State.REVOKED:
                raise HubRevokedError("this hub was revoked; reset it to make a new key")
            created = hub._state.adding
            if hub.state == Hub.State.UNCLAIMED:
                hub.claim_digest = registration.claim_digest
                hub.claim_expires_at = now + CLAIM_VALID
            hub.model, hub.serial = registration.model, registration.serial
            hub.agent_version = registration.agent_version
            hub.save()
    except IntegrityError as error:
        raise ClaimCodeTakenError("another hub shows this claim code; make a new one") from error
    return hub, created


def hub_claim(
    *, site: Site, code: str, actor: str, machine_now: datetime, now: datetime, replaces: bool = False
) -> Hub:
    """Bind the hub that shows `code` to `site`; `actor` has few wrong guesses.

    With `replaces`, a hub that the site has is shut out, and the new one takes its place: measurements and earnings
    are the site's and stay, orders that still hold go to the new one.
    """
    guesses.check(actor)
    try:
        return _claim(site=site, code=code, actor=actor, machine_now=machine_now, now=now, replaces=replaces)
    except ClaimCodeWrongError:
        guesses.count(actor)
        raise


@transaction.atomic
def _claim(*, site: Site, code: str, actor: str, machine_now: datetime, now: datetime, replaces: bool) -> Hub:
    try:
        digest = claim_digest(code)
    except ClaimCodeError as error:
        raise ClaimCodeWrongError(error.detail, code=error.code) from error
    hub = Hub.objects.select_for_update().filter(claim_digest=digest, state=Hub.State.UNCLAIMED).first()
    if hub is None or hub.claim_expires_at is None or hub.claim_expires_at <= machine_now:
        raise ClaimCodeWrongError(
            "no hub is waiting with this claim code; check it, or restart the hub for a new one"
        )
    old = Hub.objects.filter(site=site, state=Hub.State.ACTIVE).first()
    if old is not None:
        if not replaces:
            raise SiteHasHubError("this home has a hub already; replace it, or revoke it first")
        hub_revoke(organization=site.organization, hub_id=str(old.pk), actor=actor, now=now)
    hub.site, hub.organization, hub.state = site, site.organization, Hub.State.ACTIVE
    hub.claim_digest, hub.claimed_at = "", now
    hub.save()
    if old is not None:
        instructions_hand_over(from_hub=old, to_hub=hub, now=now)
        devices_hand_over(from_hub=old, to_hub=hub, now=now)
    audit(
        organization=site.organization,
        actor=actor,
        action="hub_replace" if old else "hub_claim",
        subject=f"hub {hub.pk}",
        now=now,
        site=site.pk,
    )
    return hub


def hub_authenticate(*, hub_id: str, challenge: str, signature: str) -> dict[str, Any]:
    """Exchange a signed challenge for a link token."""
    hub = hub_get(hub_id=hub_id)
    if hub.public_key is None:
        raise HubUnknownError("no machine is this hub: the cloud stands in for it")
    challenge_redeem(challenge, hub_id=hub_id)
    _verify(bytes(hub.public_key), authenticate_payload(hub_id, challenge), signature=signature)
    if hub.state == Hub.State.REVOKED:
        raise HubRevokedError("this hub was revoked")
    if hub.state != Hub.State.ACTIVE or hub.site_id is None:
        raise HubUnclaimedError("nobody has entered this hub's claim code yet")
    token = token_issue(HubToken(str(hub.pk), hub.site_id, hub.generation))
    return {"token": token, "expires_in": TOKEN_S, "site_id": hub.site_id}


def hub_get(*, hub_id: str) -> Hub:
    """Return the hub or raise HubUnknownError."""
    hub = Hub.objects.filter(pk=hub_id).first()
    if hub is None:
        raise HubUnknownError("no such hub; register first")
    return hub


@transaction.atomic
def hub_revoke(*, organization: Organization, hub_id: str, actor: str, now: datetime) -> Hub:
    """Shut a hub out for good; its tokens die at once, its connection is closed."""
    hub = Hub.objects.select_for_update().filter(pk=hub_id, organization=organization).first()
    if hub is None:
        raise HubUnknownError("no such hub")
    hub.state, hub.generation = Hub.State.REVOKED, hub.generation + 1
    hub.save()
    audit(organization=organization, actor=actor, action="hub_revoke", subject=f"hub {hub.pk}", now=now)
    transaction.on_commit(lambda: publish("hubs", [str(hub_id)]))
    return hub


def hub_connected(
    *,
    hub_id: str,
    site_id: int,
    agent_version: str,
    features: Iterable[str] = (),
    resources: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    """Note that a hub is on the link, what its agent knows of what there is, and what its resources are."""
    known = [feature for feature in FEATURES if feature in set(features)]
    Hub.objects.filter(pk=hub_id).update(connected_at=now, agent_version=agent_version[:40], features=known)
    if resources:
        resources_sync(site_id=site_id, resources=resources)


def hub_disconnected(*, hub_id: str, connected_at: datetime, now: datetime) -> None:
    """Note that a connection ended, unless a newer one has begun."""
    Hub.objects.filter(pk=hub_id, connected_at__lte=connected_at).update(disconnected_at=now)


def hubs_all_disconnected(*, now: datetime) -> None:
    """Note at the link's start that no hub is on it yet."""
    Hub.objects.filter(connected_at__isnull=False, disconnected_at__isnull=True).update(disconnected_at=now)
    Hub.objects.filter(disconnected_at__lt=F("connected_at")).update(disconnected_at=now)


def _decoded(text: str, *, length: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DomainError("not base64", code="encoding_invalid") from error
    if len(raw) != length:
        raise DomainError(f"expected {length} bytes, got {len(raw)}", code="encoding_invalid")
    return raw


def _verify(key: bytes, payload: bytes, *, signature: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(_decoded(signature, length=64), payload)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the signature does not match the key") from error
