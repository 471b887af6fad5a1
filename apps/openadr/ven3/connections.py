"""Writes of connections to utilities' 3.x VTNs."""

import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.openadr.models import VenConnection3
from apps.openadr.ven2b.connections import ConnectionInvalidError, ConnectionTakenError
from apps.openadr.ven2b.secrets import decrypt, encrypt, renew
from apps.programs.models import Program


@transaction.atomic
def connection_create(
    *,
    organization: Organization,
    name: str,
    url: str,
    now: datetime,
    program: Program | None = None,
    client_secret: str = "",
    **options: Any,
) -> VenConnection3:
    """Connect a tenant to a utility's VTN; `options` are further fields of the connection."""
    made = VenConnection3(
        organization=organization, program=program, name=name, url=url.rstrip("/"), created_at=now,
        client_secret_encrypted=encrypt(client_secret), callback_key=secrets.token_urlsafe(32),
        callback_token_encrypted=encrypt(secrets.token_urlsafe(32)), **options,
    )  # fmt: skip
    _check(made)
    _save(made)
    return made


@transaction.atomic
def connection_change(
    *, connection: VenConnection3, client_secret: str = "", **fields: Any
) -> VenConnection3:
    """Change a connection; without another secret the present one stays. At another address or by another name we are new."""
    held = VenConnection3.objects.select_for_update(of=("self",)).get(pk=connection.pk)
    was = (held.url, held.name)
    for name, value in fields.items():
        setattr(held, name, value)
    held.url = held.url.rstrip("/")
    if client_secret:
        held.client_secret_encrypted = encrypt(client_secret)
    if held.token_auth == VenConnection3.TokenAuth.NONE and not client_secret:
        held.client_id, held.client_secret_encrypted = "", ""
    if (held.url, held.name) != was:
        held.ven_id, held.targets, held.resources, held.subscription_id = "", [], {}, ""
    _check(held)
    _save(held)
    return held


def _save(connection: VenConnection3) -> None:
    try:
        with transaction.atomic():
            connection.save()
    except IntegrityError as error:
        raise ConnectionTakenError("there is a connection of that name to that VTN already") from error


@transaction.atomic
def connection_set_secret(*, connection: VenConnection3, client_secret: str) -> None:
    """Take another secret; the next token is asked for with it."""
    VenConnection3.objects.filter(pk=connection.pk).update(client_secret_encrypted=encrypt(client_secret))


@transaction.atomic
def connection_set_enabled(*, connection: VenConnection3, enabled: bool) -> None:
    """Start or stop to speak with a VTN."""
    VenConnection3.objects.filter(pk=connection.pk).update(enabled=enabled)


@transaction.atomic
def connection_registered(*, pk: int, ven_id: str, targets: Sequence[str]) -> None:
    """Keep what the VTN calls us, and what it grants us; an empty id forgets it."""
    VenConnection3.objects.filter(pk=pk).update(ven_id=ven_id, targets=list(targets))


@transaction.atomic
def connection_resources_set(*, pk: int, resources: dict[str, Any]) -> None:
    """Keep which resources the VTN knows of us."""
    VenConnection3.objects.filter(pk=pk).update(resources=resources)


@transaction.atomic
def connection_subscribed(*, pk: int, subscription_id: str) -> None:
    """Keep our subscription's id; empty where there is none."""
    VenConnection3.objects.filter(pk=pk).update(subscription_id=subscription_id)


@transaction.atomic
def connection_woken(*, callback_key: str, now: datetime) -> None:
    """Note that a VTN called: its events are to be read."""
    VenConnection3.objects.filter(callback_key=callback_key).update(woken_at=now)


@transaction.atomic
def connection_noted(*, pk: int, now: datetime, error: str = "") -> None:
    """Note a good round with what else it has to say."""
    VenConnection3.objects.filter(pk=pk).update(
        last_answer_at=now, last_error=_text(error), failing_since=None, lost_since=None
    )


@transaction.atomic
def connection_failed(*, pk: int, now: datetime, error: str) -> None:
    """Note what went wrong; after a long silence, that communication is lost. Nothing else changes by it."""
    held = VenConnection3.objects.select_for_update().get(pk=pk)
    held.last_error = _text(error)
    held.failing_since = held.failing_since or now
    heard_at = held.last_answer_at or held.created_at
    if held.lost_since is None and now - heard_at > timedelta(seconds=held.lost_after_s):
        held.lost_since = heard_at
    held.save(update_fields=["last_error", "failing_since", "lost_since"])


@transaction.atomic
def connections_reencrypt() -> int:
    """Write all secrets anew under the present SECRET_KEY; return of how many connections."""
    count = 0
    for held in VenConnection3.objects.select_for_update().order_by("pk"):
        held.client_secret_encrypted = renew(held.client_secret_encrypted)
        held.callback_token_encrypted = renew(held.callback_token_encrypted)
        held.save(update_fields=["client_secret_encrypted", "callback_token_encrypted"])
        count += 1
    return count


def connection_get(*, pk: int) -> VenConnection3:
    """Return a connection with what it belongs to."""
    return VenConnection3.objects.select_related("organization", "program__organization").get(pk=pk)


def callback_url(connection: VenConnection3) -> str:
    """Return where a VTN calls us."""
    return f"{settings.SITE_URL.rstrip('/')}/openadr3/callbacks/{connection.callback_key}"


def callback_is_authentic(*, callback_key: str, token: str) -> bool | None:
    """Tell whether a caller knows the token of an enabled connection's callback; None for no such callback."""
    held = VenConnection3.objects.filter(callback_key=callback_key, enabled=True).first()
    if held is None:
        return None
    return secrets.compare_digest(decrypt(held.callback_token_encrypted).encode(), token.encode())


def is_safe(url: str) -> bool:
    """Whether secrets may be said there: over TLS, or to this machine, or in a closed network that says so."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    if parts.scheme == "https":
        return True
    return parts.scheme == "http" and (settings.OPENADR_ALLOW_PRIVATE_CALLBACKS or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(connection: VenConnection3) -> None:
    for url in filter(None, (connection.url, connection.token_url)):
        if not is_safe(url):
            raise ConnectionInvalidError(f"{url[:80]!r} is no https address")
    if not connection.url:
        raise ConnectionInvalidError("a connection needs the VTN's address")
    program = connection.program
    if program is not None and program.organization_id != connection.organization_id:
        raise ConnectionInvalidError("the program belongs to another organization")
    needs_token = connection.token_auth != VenConnection3.TokenAuth.NONE
    if needs_token != bool(connection.client_id and connection.client_secret_encrypted):
        raise ConnectionInvalidError(
            "a client id and its secret belong together, and to a way of saying them"
        )
    if connection.version == "3.0.1" and connection.transport == VenConnection3.Transport.MQTT:
        raise ConnectionInvalidError("OpenADR 3.0.1 has no MQTT; choose webhook or poll")
    try:
        connection.clean_fields(exclude=["organization", "program"])
    except ValidationError as error:
        raise ConnectionInvalidError(
            "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
        ) from error


def _text(text: str) -> str:
    """Return what the database can keep of a text."""
    return text.replace("\x00", "").encode(errors="replace").decode()[:300]
