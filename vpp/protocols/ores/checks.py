"""Remote diagnostics: named checks of the hub, each of which reads and changes nothing."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from vpp.protocols.link.checks import CHECKS
from vpp.protocols.ores.facts import Checked, CheckState, Home
from vpp.protocols.ores.messages import Query
from vpp.protocols.ores.values import at_of, at_or_none

# The names of vpp.protocols.link.checks, written out so that the description has them.
CheckName = Literal["logs", "config", "devices", "link", "outbox", "disk", "clock", "update"]


class DiagnosticRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which check the hub is asked for."""

    name: CheckName


class Diagnostic(msgspec.Struct, kw_only=True):
    """A check that the hub was asked for, and what it found, without secrets."""

    diagnostic_id: str
    name: str
    state: CheckState
    asked_at: datetime
    answered_at: datetime | None
    answer: str
    is_truncated: bool


class DiagnosticsQuery(Query, kw_only=True):
    """How many."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


class Diagnostics(msgspec.Struct, kw_only=True):
    """The checks that there are, and those that the hub was asked for, the newest first."""

    site_id: int | None
    at: datetime
    checks: dict[str, str]
    results: list[Diagnostic]


def diagnostics(home: Home, query: DiagnosticsQuery) -> Diagnostics:
    """GET /device/diagnostics/remote"""
    facts = home.facts()
    results = [_shown(one) for one in home.checks(limit=query.limit)]
    return Diagnostics(site_id=facts.site_id, at=at_of(facts.now), checks=CHECKS, results=results)


def diagnostic_ask(home: Home, sent: DiagnosticRequest) -> Diagnostic:
    """POST /device/diagnostics/remote"""
    return _shown(home.check(sent.name))


def _shown(one: Checked) -> Diagnostic:
    return Diagnostic(
        diagnostic_id=one.check_id,
        name=one.name,
        state=one.state,
        asked_at=at_of(one.asked_at),
        answered_at=at_or_none(one.answered_at),
        answer=one.answer,
        is_truncated=one.is_truncated,
    )
