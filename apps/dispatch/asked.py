"""What was asked of homes, put together from all plans of a signal as arrays."""

import dataclasses
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from apps.common.copying import copy_out
from apps.dispatch.models import Plan
from apps.dispatch.selectors import first_interval
from apps.programs.models import GridSignal

Floats = NDArray[np.float64]
# An array of numbers as the database hands it out: a head of five numbers, then a size before each value.
HEAD = (5,)
CELL = np.dtype([("size", ">i4"), ("value", ">f8")])


@dataclasses.dataclass(frozen=True)
class Asked:
    """(N, T) mean shed asked of the homes `site_id`, rising, in the intervals of a signal [kW]."""

    site_id: NDArray[np.int64]
    shed_kw: Floats


def asked_of_homes(*, signal: GridSignal, site_ids: Collection[int] | None = None) -> Asked:
    """Return what was asked of some homes, or of all that any plan had a schedule for.

    A new plan counts from when it was made; in the interval it fell into, each word counts for its time.
    """
    count = len(signal.target_kw)
    plans = signal.plans.defer("inputs", "explanation").order_by("revision")
    parts = [
        (plan, first, *_schedules(plan, count=count - first, site_ids=site_ids))
        for plan in plans
        if (first := first_interval(plan=plan, signal=signal)) is not None
    ]
    ids = np.unique(np.concatenate([np.empty(0, np.int64), *(found for _, _, found, _ in parts)]))
    asked = np.zeros((len(ids), count))
    for plan, first, found, shed_kw in parts:
        past = min(1.0, max(0.0, (plan.created_at - plan.starts_at).total_seconds() / signal.interval_s))
        before = asked[:, first].copy()
        asked[:, first:] = 0.0
        asked[np.searchsorted(ids, found), first:] = shed_kw
        asked[:, first] = past * before + (1.0 - past) * asked[:, first]
    return Asked(ids, asked)


def _schedules(
    plan: Plan, *, count: int, site_ids: Collection[int] | None
) -> tuple[NDArray[np.int64], Floats]:
    """Homes and (N, count) shed of a plan, filled up with zeros or cut to `count` intervals."""
    wanted = None if site_ids is None else list(site_ids)
    rows = copy_out(
        "SELECT site_id, (shed_kw || array_fill(0::float8, ARRAY[%s]))[1:%s] FROM dispatch_schedule "
        "WHERE plan_id = %s AND (%s::bigint[] IS NULL OR site_id = ANY(%s))",
        [count, count, plan.pk, wanted, wanted],
        fields=[("site", ">i8"), ("shed", np.dtype([("head", ">i4", HEAD), ("cells", CELL, (count,))]))],
    )
    return rows["site"].astype(np.int64), rows["shed"]["cells"]["value"].astype(np.float64)
