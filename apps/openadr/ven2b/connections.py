"""Writes of connections to utilities' VTNs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.x509 import load_pem_x509_certificate
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.common.errors import ConflictError, DomainError
from apps.openadr.models import VenConnection2b, VenReport2b
from apps.openadr.ven2b.secrets import decrypt, encrypt, renew
from apps.openadr.wire2b import Signer
from apps.programs.models import Program
from vpp.protocols.openadr2b.vtn_messages import Registered


class ConnectionInvalidError(DomainError):
    code = "connection_invalid"


class ConnectionTakenError(ConflictError):
    code = "connection_taken"


@transaction.atomic
def connection_create(
    *,
    program: Program,
    name: str,
    url: str,
    now: datetime,
    certificate_pem: str = "",
    key_pem: str = "",
    level_kw: Sequence[float] = (),
    **options: Any,
) -> VenConnection2b:
    """Connect a program to a utility's VTN; `options` are further fields of the connection."""
    made = VenConnection2b(
        organization=program.organization, program=program, name=name, url=url.rstrip("/"), created_at=now,
        certificate_pem=certificate_pem, key_pem_encrypted=encrypt(key_pem), level_kw=list(level_kw), **options,
    )  # fmt: skip
    _check(made, key_pem)
    _save(made)
    return made


@transaction.atomic
def connection_change(*, connection: VenConnection2b, key_pem: str = "", **fields: Any) -> VenConnection2b:
    """Change a connection; without another key the present one stays, and goes with its certificate.

    At another address or by another name we register anew.
    """
    held = VenConnection2b.objects.select_for_update(of=("self",)).get(pk=connection.pk)
    was = (held.url, held.name)
    for name, value in fields.items():
        setattr(held, name, value)
    held.url = held.url.rstrip("/")
    if not key_pem and held.certificate_pem:
        key_pem = decrypt(held.key_pem_encrypted)
    held.key_pem_encrypted = encrypt(key_pem)
    if (held.url, held.name) != was:
        held.registration_id, held.ven_id, held.vtn_id, held.reports_offered = "", "", "", False
    _check(held, key_pem)
    _save(held)
    return held


def _save(connection: VenConnection2b) -> None:
    try:
        with transaction.atomic():
            connection.save()
    except IntegrityError as error:
        raise ConnectionTakenError("there is a connection of that name to that VTN already") from error


@transaction.atomic
def connection_set_enabled(*, connection: VenConnection2b, enabled: bool) -> None:
    """Start or stop to speak with a VTN."""
    VenConnection2b.objects.filter(pk=connection.pk).update(enabled=enabled)


@transaction.atomic
def connection_registered(*, pk: int, registered: Registered, now: datetime) -> None:
    """Keep what the VTN calls us; under a new registration reports are offered and asked for anew."""
    VenReport2b.objects.filter(connection_id=pk).update(done=True)
    VenConnection2b.objects.filter(pk=pk).update(
        registration_id=registered.registration_id[:128], ven_id=registered.ven_id[:128], vtn_id=registered.vtn_id[:128],
        asked_poll_s=registered.poll.total_seconds() if registered.poll else None, last_answer_at=now, last_error="",
        reports_offered=False,
    )  # fmt: skip


@transaction.atomic
def connection_offered(*, pk: int) -> None:
    """The VTN knows what we can report."""
    VenConnection2b.objects.filter(pk=pk).update(reports_offered=True)


@transaction.atomic
def connection_forgotten(*, pk: int) -> None:
    """The registration holds no more; our venID stays, so that the VTN may know us again."""
    VenConnection2b.objects.filter(pk=pk).update(registration_id="")


@transaction.atomic
def connection_noted(*, pk: int, now: datetime, error: str = "") -> None:
    """Note that the VTN answered, or what went wrong."""
    found = VenConnection2b.objects.filter(pk=pk)
    if error:
        found.update(last_error=error[:300])
    else:
        found.update(last_answer_at=now, last_error="")


@transaction.atomic
def connections_reencrypt() -> int:
    """Write all secrets anew under the present SECRET_KEY; return how many."""
    count = 0
    for connection in (
        VenConnection2b.objects.select_for_update().exclude(key_pem_encrypted="").order_by("pk")
    ):
        connection.key_pem_encrypted = renew(connection.key_pem_encrypted)
        connection.save(update_fields=["key_pem_encrypted"])
        count += 1
    return count


def connection_get(*, pk: int) -> VenConnection2b:
    """Return a connection with what it belongs to."""
    return VenConnection2b.objects.select_related("organization", "program__organization").get(pk=pk)


def signer_of(connection: VenConnection2b) -> Signer | None:
    """Return what signs a connection's messages, if they are signed."""
    if not connection.signs:
        return None
    key_pem = decrypt(connection.key_pem_encrypted).encode()
    return Signer(certificate_pem=connection.certificate_pem.encode(), key_pem=key_pem)


def _check(connection: VenConnection2b, key_pem: str) -> None:
    parts = urlsplit(connection.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConnectionInvalidError(f"{connection.url[:80]!r} is no http(s) address")
    if bool(connection.certificate_pem) != bool(key_pem):
        raise ConnectionInvalidError("a certificate and its key belong together")
    if connection.signs and not key_pem:
        raise ConnectionInvalidError("signing needs a certificate and its key")
    try:
        if key_pem:
            load_pem_x509_certificate(connection.certificate_pem.encode())
            Signer(certificate_pem=connection.certificate_pem.encode(), key_pem=key_pem.encode())
        connection.clean_fields(exclude=["organization", "program"])
    except ValidationError as error:
        raise ConnectionInvalidError(
            "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
        ) from error
    except (ValueError, TypeError) as error:
        raise ConnectionInvalidError(f"the certificate or its key cannot be read: {error}") from error
