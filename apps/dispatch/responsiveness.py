"""How homes answer when they are asked: kept as sums, learned when a signal has ended."""

import math
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from apps.dispatch.models import SiteResponsiveness, Tracker
from apps.dispatch.selectors import asked_kw, baseline_kw, interval_at
from apps.flexibility.selectors import flexibility_of_signal
from apps.programs.models import GridSignal
from apps.telemetry.selectors import minute_mean_kw
from vpp.dispatch.responsiveness import Memory, Responsiveness, estimate, learn

Floats = NDArray[np.float64]
SUMS = [item.name for item in fields(Memory)]
MINUTE_S = 60
# A long event is looked at in longer steps: each look is a query over all homes.
MOST_LOOKS = 90


def responsiveness_of(*, site_ids: Sequence[int]) -> Responsiveness:
    """Return what to expect of each home, in the order given."""
    return estimate(_memory(site_ids))


@transaction.atomic
def responsiveness_learn(*, signal_id: UUID, now: datetime) -> None:
    """Learn from an ended signal how its homes answered, once a signal."""
    tracker = Tracker.objects.select_for_update().filter(signal_id=signal_id, learned_at=None).first()
    if tracker is None:
        return
    signal = GridSignal.objects.get(pk=signal_id)
    asked = asked_kw(signal=signal)
    site_ids = sorted(site_id for site_id, values in asked.items() if max(values) > 0)
    minutes = math.ceil((signal.ends_at - signal.starts_at).total_seconds() / MINUTE_S)
    step_s = MINUTE_S * math.ceil(minutes / MOST_LOOKS)
    wanted, given = _history(signal, site_ids, asked=asked, step_s=step_s)
    memory = learn(_memory(site_ids), asked_kw=wanted, delivered_kw=given, step_s=step_s)
    _keep(site_ids, memory, now=now)
    tracker.learned_at = now
    tracker.save(update_fields=["learned_at"])


def _history(
    signal: GridSignal, site_ids: list[int], *, asked: dict[int, list[float]], step_s: int
) -> tuple[Floats, Floats]:
    """Asked and delivered power (homes, looks) over the signal; NaN where nothing was measured."""
    flexibility = flexibility_of_signal(signal_id=signal.pk)
    known = [baseline_kw(row=flexibility.get(site_id), signal=signal) for site_id in site_ids]
    wanted, given = [], []
    at, step = signal.starts_at, timedelta(seconds=step_s)
    while at < signal.ends_at:
        index = interval_at(signal=signal, at=at)
        assert index is not None
        measured = minute_mean_kw(site_ids=site_ids, starts_at=at, ends_at=min(at + step, signal.ends_at))
        wanted.append([max(asked[site_id][index], 0.0) for site_id in site_ids])
        given.append(
            [
                np.nan if baseline is None else baseline[index] - measured.get(site_id, np.nan)
                for site_id, baseline in zip(site_ids, known, strict=True)
            ]
        )
        at += step
    shape = (len(wanted), len(site_ids))
    return np.array(wanted).reshape(shape).T, np.array(given).reshape(shape).T


def _memory(site_ids: Sequence[int]) -> Memory:
    rows = SiteResponsiveness.objects.filter(site_id__in=site_ids).values_list("site_id", *SUMS)
    found = {site_id: sums for site_id, *sums in rows}
    nothing = [0.0] * len(SUMS)
    table = np.array([found.get(site_id, nothing) for site_id in site_ids], dtype=np.float64)
    return Memory(*table.reshape(len(site_ids), len(SUMS)).T)


def _keep(site_ids: list[int], memory: Memory, *, now: datetime) -> None:
    columns = [getattr(memory, name).tolist() for name in SUMS]
    rows = [
        SiteResponsiveness(site_id=site_id, learned_at=now, **dict(zip(SUMS, values, strict=True)))
        for site_id, *values in zip(site_ids, *columns, strict=True)
        if values[0] > 0
    ]
    SiteResponsiveness.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["site"], update_fields=[*SUMS, "learned_at"]
    )
