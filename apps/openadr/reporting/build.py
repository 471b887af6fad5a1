"""The reports that an event asks for, without a word of how they travel."""

import dataclasses
import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice

import msgspec
import numpy as np

from apps.openadr.reporting.homes import Asked, homes_asked
from apps.openadr.reporting.quantities import Quantity, quantity_of
from apps.openadr.reporting.states import state_rows
from apps.openadr.reporting.wishes import Group, groups_of
from apps.openadr.wire import CLIENT_NAME, rfc3339
from apps.programs.models import GridSignal, Program
from vpp.protocols.openadr3.common import AGGREGATED_REPORT
from vpp.protocols.openadr3.event import EventRequest
from vpp.protocols.openadr3.report import ReportRequest
from vpp.protocols.openadr3.reporting import DueReport, ReportRequestError, reports_due
from vpp.protocols.openadr3.timing import Draw, no_shift
from vpp.translate.openadr3_measured import Quality, ReportedSeries, Wanted, measured_report

# Of one wish at once; the rest follows at the next look.
MOST_AT_ONCE = 50
MOST_CELLS = 250_000


@dataclasses.dataclass(frozen=True)
class BuiltReport:
    """A report, and what it fulfils: the same for the same wish and time."""

    key: str
    due_at: datetime
    request: ReportRequest


@dataclasses.dataclass(frozen=True)
class Built:
    """Reports, up to when they are complete, and sentences about those that cannot be made."""

    reports: list[BuiltReport]
    until: datetime
    refused: list[str]


@dataclasses.dataclass(frozen=True)
class AskedEvent:
    """An event as reports need it; `event_id` is its number at the VTN that has it."""

    program: Program
    request: EventRequest
    event_id: str
    said_at: datetime
    targets: Collection[str] = ()
    signal: GridSignal | None = None
    draw: Draw = no_shift
    client_name: str = CLIENT_NAME


def reports_for(
    *,
    program: Program,
    targets: Collection[str],
    request: EventRequest,
    said_at: datetime,
    since: datetime | None,
    now: datetime,
    event_id: str = "",
    signal: GridSignal | None = None,
    draw: Draw = no_shift,
) -> list[ReportRequest]:
    """Return what is to be reported now on an event of any VTN, of what became due since the last call's `now`.

    Without `signal`, the shed that the event made, baselines are computed and no home counts as curtailed.
    """
    event = AskedEvent(program, request, event_id, said_at, targets, signal, draw)
    return [one.request for one in reports_built(event=event, since=since, now=now).reports]


def reports_built(*, event: AskedEvent, since: datetime | None, now: datetime) -> Built:
    """Build all that became due after `since` (None: ever) until now."""
    reports: list[BuiltReport] = []
    until, refused = now, []
    for group in groups_of(event.request)[0]:
        try:
            due = list(islice(_due(event, group, since=since, now=now), MOST_AT_ONCE))
            reports += [_built(event, group, due=one, now=now) for one in due if one.intervals]
        except ReportRequestError as error:
            refused.append(error.detail)
            continue
        if len(due) == MOST_AT_ONCE:
            until = min(until, due[-1].at + group.wait)
    return Built(reports, until, refused)


def _due(event: AskedEvent, group: Group, *, since: datetime | None, now: datetime) -> Iterator[DueReport]:
    return reports_due(
        group.descriptor, event.request, said_at=event.said_at, draw=event.draw,
        since=None if since is None else since - group.wait, until=now - group.wait,
    )  # fmt: skip


def _built(event: AskedEvent, group: Group, *, due: DueReport, now: datetime) -> BuiltReport:
    starts_at = due.intervals[0].period.starts_at
    homes = homes_asked(
        program=event.program,
        targets=[event.targets, group.descriptor.targets or ()],
        at=min(starts_at, now),
        by_home=not group.descriptor.aggregate,
    )
    rows = 1 if group.descriptor.aggregate else len(homes)
    if rows * len(due.intervals) * len(group.wanted) > MOST_CELLS:
        raise ReportRequestError(
            f"a report of {len(homes)} homes over {len(due.intervals)} intervals is too large; ask for an aggregate or less"
        )
    asked = Asked(event.program, homes, due.intervals, event.signal, now)
    names = [AGGREGATED_REPORT] if group.descriptor.aggregate else homes.names
    if not len(homes):
        names = []
    request = measured_report(
        event_id=event.event_id,
        client_name=event.client_name,
        report_name=f"{' '.join(one.payload_type for one in group.wanted)} {rfc3339(due.at)}",
        resource_names=names,
        intervals=due.intervals,
        series=[_series(asked, wanted, together=group.descriptor.aggregate) for wanted in group.wanted],
        with_quality=group.with_quality,
    )
    return BuiltReport(_key(group, due), due.at, request)


def _series(asked: Asked, wanted: Wanted, *, together: bool) -> ReportedSeries:
    if not len(asked.homes):
        return ReportedSeries(wanted, [], [])
    if wanted.is_state:
        return ReportedSeries(wanted, *state_rows(asked, together=together))
    found = quantity_of(asked, wanted)
    return _reported(wanted, found.aggregated() if together else found)


def _reported(wanted: Wanted, found: Quantity) -> ReportedSeries:
    words: list[Quality] = ["ESTIMATED", "OK"]
    marks = np.asarray(found.whole, dtype=np.intp).tolist()
    applies = found.applies.tolist()
    values: list[Sequence[float] | None] = [
        row if fits else None for row, fits in zip(found.values.tolist(), applies, strict=True)
    ]
    quality: list[Sequence[Quality] | None] = [
        [words[mark] for mark in row] if fits else None for row, fits in zip(marks, applies, strict=True)
    ]
    return ReportedSeries(wanted, values, quality)


def _key(group: Group, due: DueReport) -> str:
    """The wish by its content, and when it is due: a changed wish is another one."""
    said = msgspec.json.encode([group.descriptor, group.wanted, group.with_quality])
    return f"{hashlib.sha256(said).hexdigest()[:24]} {due.at.isoformat(timespec='milliseconds')}"
