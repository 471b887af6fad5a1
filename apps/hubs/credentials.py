"""Credentials of resource managers at homes without a hub; the first one makes the cloud the home's hub."""

import dataclasses
import hashlib
import secrets
from datetime import datetime

from django.db import transaction

from apps.accounts.services import audit
from apps.common.redis import publish
from apps.hubs.errors import (
    S2CredentialInvalidError,
    S2CredentialUnknownError,
    SiteHasHubError,
    TooManyS2CredentialsError,
)
from apps.hubs.models import Hub, S2Credential
from apps.hubs.services import hub_revoke
from apps.sites.models import Site

MOST_A_HOME = 8
_PREFIX = "s2_"
_TOKEN_LENGTH = len(_PREFIX) + 43


@dataclasses.dataclass(frozen=True)
class Made:
    """A credential with its token, which is shown once."""

    credential: S2Credential
    token: str


@dataclasses.dataclass(frozen=True, slots=True)
class S2Identity:
    """Whose resource manager is speaking."""

    credential_id: int
    hub_id: str
    site_id: int
    role: str

    @property
    def key(self) -> str:
        """Its name among the link's connections."""
        return connection_key(self.credential_id)


def connection_key(credential_id: int) -> str:
    """Return how a credential's connection is named on the link and its bus."""
    return f"s2:{credential_id}"


@transaction.atomic
def s2_credential_create(*, site: Site, name: str, role: str, actor: str, now: datetime) -> Made:
    """Let one resource manager of a home without a hub connect to the cloud."""
    name = name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise S2CredentialInvalidError("a name has 1 to 80 characters")
    if role not in S2Credential.Role.values:
        known = ", ".join(one for one in S2Credential.Role.values if one)
        raise S2CredentialInvalidError(f"a role is one of {known}, or left out")
    hub = _virtual_hub(site, now=now)
    if hub.s2_credentials.filter(revoked_at=None).count() >= MOST_A_HOME:
        raise TooManyS2CredentialsError(f"a home has at most {MOST_A_HOME}; revoke one first")
    token = _PREFIX + secrets.token_urlsafe(32)
    made = S2Credential.objects.create(
        hub=hub, name=name, role=role, digest=_digest(token), created_by=actor[:254], created_at=now
    )
    _audit(made, site, action="s2_credential_create", actor=actor, now=now)
    return Made(credential=made, token=token)


@transaction.atomic
def s2_credential_revoke(*, site: Site, credential_id: int, actor: str, now: datetime) -> S2Credential:
    """Shut a resource manager out; its connection is closed. With the last one the cloud steps back."""
    _locked(site)
    held = S2Credential.objects.filter(pk=credential_id, hub__site=site, revoked_at=None).first()
    if held is None:
        raise S2CredentialUnknownError("this home has no such credential")
    held.revoked_at = now
    held.save(update_fields=["revoked_at"])
    _audit(held, site, action="s2_credential_revoke", actor=actor, now=now)
    transaction.on_commit(lambda: publish("hubs", [connection_key(held.pk)]))
    if held.hub.state == Hub.State.ACTIVE and not held.hub.s2_credentials.filter(revoked_at=None).exists():
        hub_revoke(organization=site.organization, hub_id=str(held.hub_id), actor=actor, now=now)
    return held


def s2_credentials_of_site(*, site: Site) -> list[S2Credential]:
    """Return the credentials that a home's resource managers can show now, the oldest first."""
    live = S2Credential.objects.filter(hub__site=site, hub__state=Hub.State.ACTIVE, revoked_at=None)
    return list(live.order_by("pk"))


def s2_identity(*, token: str) -> S2Identity | None:
    """Return whose token this is, or None."""
    if len(token) != _TOKEN_LENGTH or not token.startswith(_PREFIX):
        return None
    return _identity(digest=_digest(token))


def s2_identity_holds(*, identity: S2Identity) -> bool:
    """Return whether a credential that was shown is good still."""
    return _identity(pk=identity.credential_id) == identity


def s2_meter_expected(*, hub_id: str) -> bool:
    """Return whether one of a home's resource managers is its meter."""
    live = S2Credential.objects.filter(hub_id=hub_id, revoked_at=None)
    return live.filter(role=S2Credential.Role.GRID).exists()


def s2_credential_seen(*, credential_id: int, now: datetime) -> None:
    """Note that a resource manager connected."""
    S2Credential.objects.filter(pk=credential_id).update(seen_at=now)


def _identity(**wanted: object) -> S2Identity | None:
    live = S2Credential.objects.filter(
        revoked_at=None, hub__state=Hub.State.ACTIVE, hub__kind=Hub.Kind.VIRTUAL
    )
    found = live.filter(**wanted).values_list("pk", "hub_id", "hub__site_id", "role").first()
    if found is None:
        return None
    return S2Identity(credential_id=found[0], hub_id=str(found[1]), site_id=found[2], role=found[3])


def _virtual_hub(site: Site, *, now: datetime) -> Hub:
    _locked(site)
    hub = Hub.objects.filter(site=site, state=Hub.State.ACTIVE).first()
    if hub is None:
        return Hub.objects.create(
            kind=Hub.Kind.VIRTUAL,
            organization=site.organization,
            site=site,
            state=Hub.State.ACTIVE,
            model="in the cloud",
            created_at=now,
            claimed_at=now,
        )
    if hub.kind != Hub.Kind.VIRTUAL:
        raise SiteHasHubError("this home has a hub; connect the device to the hub")
    return hub


def _locked(site: Site) -> None:
    Site.objects.select_for_update().get(pk=site.pk)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _audit(credential: S2Credential, site: Site, *, action: str, actor: str, now: datetime) -> None:
    audit(
        organization=site.organization,
        actor=actor,
        action=action,
        subject=f"S2 credential {credential.pk}",
        now=now,
        site=site.pk,
        name=credential.name,
        role=credential.role,
    )
