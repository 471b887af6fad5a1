"""What the fleet could give and take in each quarter-hour of the next day, by grid area, and how sure that is."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.core.cache import cache

from apps.accounts.models import Organization
from apps.common.charts import Chart, Series, chart, stepped
from apps.common.errors import DomainError
from apps.console.capability import REASONS
from apps.flexibility.question import STEP, Question
from apps.programs.portfolio import Scope, portfolio_flexibility
from apps.sites.selectors import grid_areas_of_organization

if TYPE_CHECKING:
    from apps.flexibility.portfolio import Answer

QUARTERS = 96
HOLD_H = 1.0
KEPT_S = 60


@dataclasses.dataclass(frozen=True)
class QuarterRow:
    """What could be given and taken in a quarter-hour, held for an hour [kW]."""

    starts_at: datetime
    less_kw: float
    more_kw: float


@dataclasses.dataclass(frozen=True)
class AreaRow:
    """A grid area now and over the day [kW]."""

    name: str
    area_id: int | None
    homes: int
    less_now_kw: float
    more_now_kw: float
    least_less_kw: float
    least_more_kw: float


@dataclasses.dataclass(frozen=True)
class CapacityPage:
    """The next day, or why nothing is known of it."""

    problem: str = ""
    rows: list[QuarterRow] = dataclasses.field(default_factory=list)
    areas: list[AreaRow] = dataclasses.field(default_factory=list)
    chart: Chart | None = None
    answer: "Answer | None" = None
    left_out: tuple[tuple[str, int], ...] = ()
    chosen: AreaRow | None = None
    hold_h: float = HOLD_H

    @property
    def now(self) -> QuarterRow | None:
        return self.rows[0] if self.rows else None


def capacity_page(*, organization: Organization, area: str, zone: ZoneInfo, now: datetime) -> CapacityPage:
    """Return the next 24 hours of all homes, or of one grid area's."""
    starts_at = now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    try:
        question = Question(starts_at, starts_at + timedelta(days=1))
        area_id = int(area) if area.isdecimal() and len(area) < 10 else None
        answer = portfolio_flexibility(
            organization=organization, question=question, scope=Scope(grid_area_id=area_id), now=now
        )
    except DomainError as error:
        return CapacityPage(problem=error.detail)
    per_area = _per_area(organization, starts_at=starts_at, computed_at=answer.computed_at, now=now)
    areas = _area_rows(organization, per_area)
    series = [rows for held, (_, rows) in per_area.items() if area_id is None or held == area_id]
    rows = [
        QuarterRow(starts_at + STEP * index, *(sum(one[side][index] for one in series) for side in (0, 1)))
        for index in range(QUARTERS)
    ]
    return CapacityPage(
        rows=rows,
        areas=areas,
        chart=_chart(rows, zone=zone),
        answer=answer,
        left_out=tuple((REASONS[reason], count) for reason, count in answer.left_out.items() if count),
        chosen=next((one for one in areas if one.area_id == area_id), None) if area_id is not None else None,
    )


def _per_area(
    organization: Organization, *, starts_at: datetime, computed_at: datetime, now: datetime
) -> dict[int, tuple[int, list[list[float]]]]:
    """Return homes and [less, more] [kW] by area (0: none) and quarter-hour; kept until homes are looked at again."""
    key = f"capacity:{organization.pk}:{starts_at.timestamp():.0f}:{computed_at.timestamp():.0f}"
    held: dict[int, tuple[int, list[list[float]]]] | None = cache.get(key)
    if held is None:
        held = _computed(organization, starts_at=starts_at, now=now)
        cache.set(key, held, KEPT_S)
    return held


def _computed(
    organization: Organization, *, starts_at: datetime, now: datetime
) -> dict[int, tuple[int, list[list[float]]]]:
    # Imported here: the web door starts without numpy.
    import numpy as np

    from apps.flexibility import packing
    from apps.flexibility.available import homes_available

    arrays = packing.read_arrays(organization.pk)
    site_ids, area_ids = arrays["site_id"].tolist(), arrays["grid_area_id"]
    found = homes_available(
        organization=organization,
        site_ids=site_ids,
        starts_at=starts_at,
        count=QUARTERS,
        hold_h=HOLD_H,
        now=now,
    )
    sides = [np.nan_to_num(found.shed_kw), np.nan_to_num(found.more_kw)]
    per_area = {}
    for area_id in np.unique(area_ids).tolist():
        chosen = area_ids == area_id
        per_area[int(area_id)] = (int(chosen.sum()), [side[chosen].sum(axis=0).tolist() for side in sides])
    return per_area


def _area_rows(
    organization: Organization, per_area: dict[int, tuple[int, list[list[float]]]]
) -> list[AreaRow]:
    names = dict(grid_areas_of_organization(organization=organization).values_list("pk", "name"))
    rows = [
        AreaRow(
            name=names.get(area_id, "in no area"),
            area_id=area_id if area_id in names else None,
            homes=homes,
            less_now_kw=less[0],
            more_now_kw=more[0],
            least_less_kw=min(less),
            least_more_kw=min(more),
        )
        for area_id, (homes, (less, more)) in per_area.items()
    ]
    return sorted(rows, key=lambda row: (row.area_id is None, -row.less_now_kw, row.name))


def _chart(rows: list[QuarterRow], *, zone: ZoneInfo) -> Chart:
    seconds, begins = STEP.total_seconds(), rows[0].starts_at
    return chart(
        title="What the fleet could draw less (up) and more (down) in the next 24 hours",
        period=(begins, begins + STEP * len(rows)),
        series=[
            Series(
                "given", "Less load", stepped(begins, seconds, values=[row.less_kw for row in rows]), "area"
            ),
            Series(
                "grid", "More load", stepped(begins, seconds, values=[-row.more_kw for row in rows]), "area"
            ),
        ],
        zone=zone,
    )
