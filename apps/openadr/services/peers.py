"""What operators do with connections to utilities' VTNs through the pages; noted in the audit log without secrets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.common.outgoing.addresses import CallbackError, target_of
from apps.openadr.guard import Connection
from apps.openadr.models import VenConnection3
from apps.openadr.ven2b import connections as connections_2b
from apps.openadr.ven2b.connections import ConnectionInvalidError
from apps.openadr.ven3 import connections as connections_3
from apps.programs.models import Program

UNNOTED = frozenset({"ca_pem", "certificate_pem"})


def peer_add(
    *,
    organization: Organization,
    program: Program | None,
    is_2b: bool,
    secret: str,
    fields: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> Connection:
    """Connect the tenant to a utility's VTN on the Internet; `secret` is a client's (3.x) or our key (2.0b)."""
    _check_public(fields)
    with transaction.atomic():
        made: Connection
        if not is_2b:
            made = connections_3.connection_create(
                organization=organization, program=program, client_secret=secret, now=now, public_only=True, **fields
            )  # fmt: skip
        elif program is None:
            raise ConnectionInvalidError("choose the program that the utility's events are for")
        else:
            made = connections_2b.connection_create(
                program=program, key_pem=secret, now=now, public_only=True, **fields
            )
        _note(made, "ven_connection_create", actor=actor, now=now, **_told(fields))
    return made


def peer_change(
    *, connection: Connection, secret: str, fields: Mapping[str, Any], actor: str, now: datetime
) -> Connection:
    """Change a connection; an empty secret leaves it as it is. One that was made for a closed network stays there."""
    if connection.public_only:
        _check_public(fields)
    elif any(
        getattr(connection, name) != fields.get(name, "") for name in ("url", "token_url") if name in fields
    ):
        _check_public(fields)
        fields = {**fields, "public_only": True}
    with transaction.atomic():
        changed: Connection
        if isinstance(connection, VenConnection3):
            changed = connections_3.connection_change(connection=connection, client_secret=secret, **fields)
        else:
            changed = connections_2b.connection_change(connection=connection, key_pem=secret, **fields)
        has_secret = bool(secret)
        _note(
            changed, "ven_connection_change", actor=actor, now=now, secret_changed=has_secret, **_told(fields)
        )
    return changed


@transaction.atomic
def peer_switch(*, connection: Connection, enabled: bool, actor: str, now: datetime) -> None:
    """Begin or stop to speak with a VTN; what it asked until now stays asked."""
    if isinstance(connection, VenConnection3):
        connections_3.connection_set_enabled(connection=connection, enabled=enabled)
    else:
        connections_2b.connection_set_enabled(connection=connection, enabled=enabled)
    _note(connection, "ven_connection_switch", actor=actor, now=now, enabled=enabled)


def _check_public(fields: Mapping[str, Any]) -> None:
    for name in ("url", "token_url"):
        url = str(fields.get(name) or "")
        if not url and name == "token_url":
            continue
        try:
            target_of(url)
        except CallbackError as error:
            raise ConnectionInvalidError(
                f"{url[:80] or 'nothing'} is not the https address of a server on the Internet"
            ) from error


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in UNNOTED}


def _note(connection: Connection, action: str, *, actor: str, now: datetime, **details: Any) -> None:
    audit(
        organization=connection.organization, actor=actor, action=action,
        subject=f"connection {connection.name}"[:160], now=now, connection=connection.pk, **details,
    )  # fmt: skip
