"""What the fleet would answer to a wish that nobody has sent: the real question, nothing stored, nobody told."""

import dataclasses
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import msgspec
from django.core.cache import cache

from apps.common.errors import DomainError
from apps.common.progress import Begins, unheard, waiting
from apps.common.queue import enqueue_on_commit
from apps.dispatch.errors import AnswerUnderWayError
from apps.flexibility.stages import STAGES
from apps.programs.models import SHED_KINDS, STEERED_KINDS, GridSignal, Program
from apps.programs.selectors import opted_out_of_any, program_by_number, steered_signals
from vpp.errors import VppError
from vpp.translate.grid_signal import GridSignalDraft

PREVIEW_TASK: Final = "dispatch.preview_signal"
KEPT_S: Final = 3600
BUSY_S: Final = 60
PREVIEW_QUEUED: Final[Mapping[str, Any]] = waiting({"queued": "Waiting for a worker"}, "queued")
SHED_STAGES: Final = {**STAGES, "plan": "Which home gives what"}
STEERED_STAGES: Final = {
    "wishes": "What utilities wish",
    "forecast": "What homes are about to draw",
    "plan": "When batteries charge and give",
}
PASSED_ON: Final[Mapping[str, str]] = {
    "device": "Devices that know this payload get it; the platform decides nothing.",
    "notice": "People are shown this; the platform does nothing else.",
}


@dataclasses.dataclass(frozen=True)
class Wished:
    """A wish with what goes with it beside the draft: whom it is for and how important it is."""

    draft: GridSignalDraft
    priority: int | None = None
    targets: Collection[str] = ()


@dataclasses.dataclass(frozen=True)
class Preview:
    """The fleet's answer over the intervals from `starts_at` on [kW]; what does not apply is empty.

    For a shed `target_kw`, `planned_kw` and `shortfall_kw` say what would be asked of homes, given, and missing. For what
    steers batteries `idle_kw` is drawn by all homes with batteries at rest and `planned_kw` with the plan.
    """

    kind: str
    starts_at: datetime
    interval_s: int
    homes: int
    taking_part: int
    silent: int
    busy: int
    status: str
    seconds: float
    explanation: list[str]
    target_kw: list[float] = dataclasses.field(default_factory=list)
    planned_kw: list[float] = dataclasses.field(default_factory=list)
    shortfall_kw: list[float] = dataclasses.field(default_factory=list)
    idle_kw: list[float] = dataclasses.field(default_factory=list)


def signal_preview(*, program: Program, wished: Wished, now: datetime, begins: Begins = unheard) -> Preview:
    """Decide what the fleet would answer, as it would be decided now; `begins` is told of each stage."""
    signal = _unsaved(program, wished, now=now)
    if signal.kind in SHED_KINDS:
        return _shed(signal, now=now, begins=begins)
    if signal.kind in STEERED_KINDS:
        return _steered(signal, now=now, begins=begins)
    return Preview(
        kind=signal.kind, starts_at=signal.starts_at, interval_s=signal.interval_s, homes=0, taking_part=0, silent=0,
        busy=0, status="passed on", seconds=0.0, explanation=[PASSED_ON[signal.kind]],
    )  # fmt: skip


def _unsaved(program: Program, wished: Wished, *, now: datetime) -> GridSignal:
    draft = wished.draft
    return GridSignal(
        organization=program.organization, program=program, kind=draft.kind, name="preview", source="preview",
        starts_at=draft.starts_at, ends_at=draft.ends_at, interval_s=draft.interval_s, target_kw=list(draft.target_kw),
        values=list(draft.values), detail=dict(draft.detail), priority=wished.priority, targets=list(wished.targets),
        received_at=now,
    )  # fmt: skip


def _shed(signal: GridSignal, *, now: datetime, begins: Begins) -> Preview:
    from apps.dispatch.gathering import explanation_of, fleet_of, request_of
    from apps.dispatch.question import decide

    started = time.perf_counter()
    fleet = fleet_of(signal=signal, now=now, store=False, begins=begins)
    begins("plan")
    request = request_of(signal=signal, fleet=fleet, reason="preview", now=now)
    result = decide(request, fleet, last=None).result
    return Preview(
        kind=signal.kind, starts_at=request.starts_at, interval_s=signal.interval_s, homes=len(fleet.sites),
        taking_part=int(result.active.sum()), silent=len(request.silent), busy=len(request.busy), status=result.status,
        seconds=time.perf_counter() - started, explanation=explanation_of(request, fleet, result=result),
        target_kw=list(signal.target_kw[request.first :]), planned_kw=result.shed_kw.sum(axis=0).round(4).tolist(),
        shortfall_kw=result.shortfall_kw.round(4).tolist(),
    )  # fmt: skip


def _steered(signal: GridSignal, *, now: datetime, begins: Begins) -> Preview:
    from apps.dispatch.steered import status_of, steered_explanation, steered_sites
    from apps.dispatch.steering import gather, solve
    from apps.dispatch.steering_parts import parts_of
    from apps.dispatch.steering_wish import HORIZON, grid_of

    started = time.perf_counter()
    begins("wishes")
    running = steered_signals(program=signal.program, now=now)
    signals = sorted([*running, signal], key=lambda one: one.rank)
    sites = steered_sites(signal.program, signals, now=now)
    grid = grid_of(signals=signals, now=now)
    parts = parts_of(program=signal.program, signals=signals, sites=sites, grid=grid, now=now)
    opted_out = opted_out_of_any(signals=running)
    begins("forecast")
    steered = gather(program=signal.program, parts=parts, sites=sites, opted_out=opted_out, now=now)
    begins("plan")
    found = None if steered.question is None else solve(steered.question)
    said = steered_explanation(signals, steered, found=found)
    if signal.starts_at >= now + HORIZON:
        said.insert(
            0,
            "It begins after the hours that are planned now; batteries are planned by it when it comes near.",
        )
    drawn = steered.rest_kw if found is None else steered.rest_kw + found.homes.grid_kw.sum(axis=0)
    return Preview(
        kind=signal.kind, starts_at=grid.starts_at, interval_s=grid.interval_s, homes=len(sites),
        taking_part=len(steered.sites), silent=0, busy=0, status=status_of(found),
        seconds=time.perf_counter() - started, explanation=said,
        planned_kw=drawn.round(4).tolist(), idle_kw=steered.idle_kw.round(4).tolist(),
        shortfall_kw=[] if found is None else found.above_kw.sum(axis=0).round(4).tolist(),
    )  # fmt: skip


def preview_request(*, program: Program, wished: Wished) -> str:
    """Have a preview worked out in the background, one a program at a time; return its name."""
    token = uuid4().hex
    if not cache.add(_busy(program.pk), token, BUSY_S):
        raise AnswerUnderWayError("a preview of this program is being worked out; try again in a moment")
    cache.set(_key(program.pk, token), dict(PREVIEW_QUEUED), KEPT_S)
    enqueue_on_commit(PREVIEW_TASK, program_id=program.pk, token=token, wished=msgspec.to_builtins(wished))
    return token


def preview_work(*, program_id: int, token: str, wished: Mapping[str, Any], now: datetime) -> None:
    """Work a preview out; what cannot be answered says why."""
    found: dict[str, Any]
    try:
        program = program_by_number(program_id=program_id)
        asked = msgspec.convert(wished, Wished)
        stages = SHED_STAGES if asked.draft.kind in SHED_KINDS else STEERED_STAGES
        begins = preview_told(program_id=program_id, token=token, stages=stages)
        said = signal_preview(program=program, wished=asked, now=now, begins=begins)
        found = {"kind": "preview", "preview": said}
    except (DomainError, VppError) as error:
        found = {"kind": "problem", "detail": error.detail}
    finally:
        cache.delete(_busy(program_id))
    cache.set(_key(program_id, token), found, KEPT_S)


def preview_found(*, program: Program, token: str) -> dict[str, Any] | None:
    """Return a preview, `waiting` with its stage while it is worked out, None where it is not known (any more)."""
    found: dict[str, Any] | None = cache.get(_key(program.pk, token))
    return found


def preview_told(*, program_id: int, token: str, stages: Mapping[str, str]) -> Begins:
    """Return what keeps for the page which stage begins."""
    return lambda stage: cache.set(_key(program_id, token), waiting(stages, stage), KEPT_S)


def _key(program_id: int, token: str) -> str:
    return f"signal-preview:{program_id}:{token[:32]}"


def _busy(program_id: int) -> str:
    return f"signal-preview-busy:{program_id}"
