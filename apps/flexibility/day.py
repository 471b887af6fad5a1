"""What homes could draw less and more in each quarter-hour of the next day, by grid area: looked at and kept."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apps.accounts.models import Organization
from apps.flexibility.models import DayCapacity
from apps.flexibility.question import STEP, Question

QUARTERS: Final = 96
# Each quarter-hour's power is one that could be held for so long.
HOLD_H: Final = 1.0
# A look that is older than this is not shown: a new one is made.
OLDEST: Final = timedelta(minutes=15)


@dataclasses.dataclass(frozen=True)
class Held:
    """What homes could hold all day [kW], and what is known of them; ages [s] are as of the look."""

    less_sure_kw: float
    less_kw: float
    more_kw: float
    homes: int
    counted: int
    by_kind: dict[str, int]
    left_out: dict[str, int]
    oldest_s: float | None
    median_s: float | None


@dataclasses.dataclass(frozen=True)
class AreaDay:
    """A grid area's homes, and what they could do in each quarter-hour [kW]."""

    homes: int
    less_kw: list[float]
    more_kw: list[float]


@dataclasses.dataclass(frozen=True)
class Day:
    """A day of an organization's homes, by area (0: none)."""

    computed_at: datetime
    starts_at: datetime
    areas: dict[int, AreaDay]
    held: Held


def quarter_of(now: datetime) -> datetime:
    """Return when the quarter-hour of `now` began."""
    return now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0)


def day_refresh(*, organization: Organization, now: datetime) -> None:
    """Look at the next day, and keep it."""
    found = day_look(organization=organization, now=now)
    DayCapacity.objects.update_or_create(
        organization=organization,
        defaults={
            "computed_at": found.computed_at, "starts_at": found.starts_at, "held": dataclasses.asdict(found.held),
            "areas": {str(area_id): dataclasses.asdict(one) for area_id, one in found.areas.items()},
        },
    )  # fmt: skip


def day_kept(*, organization: Organization, now: datetime) -> Day | None:
    """Return the day that was looked at last, without what is over; None where that is long ago or never was."""
    row = DayCapacity.objects.filter(organization=organization).first()
    if row is None or not row.computed_at <= now <= row.computed_at + OLDEST:
        return None
    over = (quarter_of(now) - row.starts_at) // STEP
    areas = {
        int(area_id): AreaDay(one["homes"], one["less_kw"][over:], one["more_kw"][over:])
        for area_id, one in row.areas.items()
    }
    return Day(row.computed_at, row.starts_at + STEP * over, areas, Held(**row.held))


def day_look(*, organization: Organization, now: datetime) -> Day:
    """Look at the next day from the snapshot of all homes; PortfolioUnknownError where there is none."""
    # Imported here: the web door starts without numpy.
    from apps.flexibility.portfolio import portfolio_answer

    starts_at = quarter_of(now)
    question = Question(starts_at, starts_at + STEP * QUARTERS)
    answer = portfolio_answer(organization=organization, question=question, now=now)
    areas = _areas(organization, starts_at=starts_at, now=now)
    return Day(answer.computed_at, starts_at, areas, held_of(answer))


def held_of(answer: Any) -> Held:
    """Return what an answer about a whole day says."""
    return Held(
        less_sure_kw=float(answer.shed.sure_kw),
        less_kw=float(answer.shed.expected_kw),
        more_kw=float(answer.more_load.expected_kw),
        homes=answer.homes,
        counted=answer.counted,
        by_kind=answer.by_kind,
        left_out=answer.left_out,
        oldest_s=answer.oldest_s,
        median_s=answer.median_s,
    )


def _areas(organization: Organization, *, starts_at: datetime, now: datetime) -> dict[int, AreaDay]:
    import numpy as np

    from apps.flexibility import packing
    from apps.flexibility.available import homes_available

    arrays = packing.read_arrays(organization.pk)
    if not len(arrays["site_id"]):
        return {}
    found = homes_available(
        organization=organization, site_ids=arrays["site_id"].tolist(), starts_at=starts_at, count=QUARTERS, hold_h=HOLD_H,
        now=now,
    )  # fmt: skip
    area_ids, place = np.unique(arrays["grid_area_id"], return_inverse=True)
    order = np.argsort(place, kind="stable")
    homes = np.bincount(place, minlength=len(area_ids))
    begins = np.concatenate([[0], np.cumsum(homes)[:-1]])
    less, more = (
        np.add.reduceat(np.nan_to_num(side[order]), begins, axis=0).round(3)
        for side in (found.shed_kw, found.more_kw)
    )
    return {
        int(area_id): AreaDay(int(homes[at]), less[at].tolist(), more[at].tolist())
        for at, area_id in enumerate(area_ids)
    }
