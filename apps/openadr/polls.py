"""A VEN's poll for events as one statement that gives the answer's text: token, grants, objects and hiding.

Only what succeeds is answered here. Everything else, and everything unusual, is None, and the ordinary views
answer it with the right error. What both answer is the same; a test compares them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

LARGEST_PAGE = 50
LONGEST_ID = 128

# The whole set of what a VEN belongs to is computed once, so that the index on audiences is asked one time. What the
# server sets is put before the content's text: taking the content apart to put it in costs more than all the rest.
STATEMENT = """
WITH who AS MATERIALIZED (
    SELECT client.id, client.organization_id, token.scope, coalesce(ven.grants, '{}') AS grants,
        ARRAY[client.organization_id::text]
        || ARRAY(SELECT client.organization_id || ':' || held FROM unnest(ven.grants) AS held) AS audiences
    FROM oauth2_provider_accesstoken AS token
    JOIN accounts_apiclient AS client ON client.id = token.application_id AND client.role = 'ven' AND client.revoked_at IS NULL
    LEFT JOIN openadr_venobject AS ven
        ON ven.organization_id = client.organization_id AND ven.client_key = client.client_id
    WHERE token.token_checksum = %(checksum)s AND token.expires > %(machine_now)s AND {unrestricted}
)
SELECT who.id, who.scope, (
    SELECT coalesce(string_agg(shown.text, ',' ORDER BY shown.created_at, shown.id), '')
    FROM (
        SELECT created_at, id,
            '{"id":' || to_json(id)::text || ',"objectType":"EVENT","createdDateTime":"'
            || to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","modificationDateTime":"'
            || to_char(modified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '",'
            || substr((
                CASE WHEN audience <@ (SELECT audiences FROM who) THEN content
                ELSE jsonb_set(content, '{targets}', (
                    SELECT coalesce(jsonb_agg(target ORDER BY place), '[]')
                    FROM jsonb_array_elements_text(content -> 'targets') WITH ORDINALITY AS one(target, place)
                    WHERE target = ANY((SELECT grants FROM who)::text[])
                )) END
            )::text, 2) AS text
        FROM openadr_eventobject
        WHERE audience && (SELECT audiences FROM who) AND deleted_at IS NULL
            AND (%(program_id)s::text IS NULL OR program_object_id = %(program_id)s)
            AND (NOT %(active)s OR ends_at IS NULL OR ends_at > %(now)s)
        ORDER BY created_at, id OFFSET %(skip)s LIMIT %(limit)s
    ) AS shown
)
FROM who
""".replace("{unrestricted}", "coalesce(token.resource::text, '') IN ('', '[]', 'null')")


@dataclass(frozen=True)
class Poll:
    """What a VEN asks for."""

    program_id: str | None
    active: bool
    skip: int
    limit: int


def is_object_id(text: str) -> bool:
    """Whether `text` can be the id of an object: others are not looked up."""
    return 0 < len(text) <= LONGEST_ID and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def poll_of(query: Mapping[str, str]) -> Poll | None:
    """Read a query that needs no second look."""
    asked = dict(query)
    program_id, active = asked.pop("programID", None), asked.pop("active", "false")
    skip, limit = (
        asked.pop(name, default) for name, default in (("skip", "0"), ("limit", str(LARGEST_PAGE)))
    )
    is_plain = all(text.isascii() and text.isdecimal() and len(text) < 9 for text in (skip, limit))
    if asked or not is_plain or int(limit) > LARGEST_PAGE or active not in {"true", "false"}:
        return None
    if program_id is not None and not is_object_id(program_id):
        return None
    return Poll(program_id, active == "true", int(skip), int(limit))


def parameters_of(*, token: str, poll: Poll, machine_now: datetime, now: datetime) -> dict[str, Any]:
    """Return what the statement asks for."""
    return {
        "checksum": hashlib.sha256(token.encode(errors="replace")).hexdigest(),
        "machine_now": machine_now, "now": now, "program_id": poll.program_id, "active": poll.active,
        "skip": poll.skip, "limit": poll.limit,
    }  # fmt: skip


def answer_of(row: tuple[Any, ...] | None) -> tuple[int, str] | None:
    """Return the client's key and the JSON text of its events, or None where this is no VEN's good token."""
    if row is None or "read_targets" not in row[1].split():
        return None
    return row[0], f"[{row[2]}]"


def events_text(*, token: str, poll: Poll, machine_now: datetime, now: datetime) -> tuple[int, str] | None:
    """Ask on Django's own connection."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, parameters_of(token=token, poll=poll, machine_now=machine_now, now=now))
        return answer_of(cursor.fetchone())
