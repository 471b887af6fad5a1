"""What the fleet could give and take in each quarter-hour of the next day, by grid area, and how sure that is."""

import dataclasses
from datetime import datetime
from zoneinfo import ZoneInfo

from apps.accounts.models import Organization
from apps.common.charts import Chart, Series, chart, stepped
from apps.common.errors import DomainError
from apps.console.capability import REASONS
from apps.flexibility.day import HOLD_H, OLDEST, QUARTERS, AreaDay, Day, Held, day_kept, day_look, held_of
from apps.flexibility.question import STEP, Question
from apps.programs.portfolio import Scope, portfolio_flexibility
from apps.sites.selectors import grid_areas_of_organization


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
    """The next day, or why nothing is known of it; ages [s] are as of now."""

    problem: str = ""
    rows: list[QuarterRow] = dataclasses.field(default_factory=list)
    areas: list[AreaRow] = dataclasses.field(default_factory=list)
    chart: Chart | None = None
    held: Held | None = None
    computed_at: datetime | None = None
    oldest_s: float | None = None
    median_s: float | None = None
    stale: bool = False
    left_out: tuple[tuple[str, int], ...] = ()
    chosen: AreaRow | None = None
    hold_h: float = HOLD_H

    @property
    def now(self) -> QuarterRow | None:
        return self.rows[0] if self.rows else None


def capacity_page(*, organization: Organization, area: str, zone: ZoneInfo, now: datetime) -> CapacityPage:
    """Return the next 24 hours of all homes, or of one grid area's, as they were looked at last."""
    area_id = int(area) if area.isdecimal() and len(area) < 10 else None
    try:
        day = day_kept(organization=organization, now=now) or day_look(organization=organization, now=now)
        held = day.held if area_id is None else _held_of_area(organization, area_id, day=day, now=now)
    except DomainError as error:
        return CapacityPage(problem=error.detail)
    areas = _area_rows(organization, day.areas)
    series = [one for found, one in day.areas.items() if area_id is None or found == area_id]
    count = len(next(iter(day.areas.values())).less_kw) if day.areas else QUARTERS
    rows = [
        QuarterRow(
            day.starts_at + STEP * index,
            less_kw=sum(one.less_kw[index] for one in series),
            more_kw=sum(one.more_kw[index] for one in series),
        )
        for index in range(count)
    ]
    since_s = (now - day.computed_at).total_seconds() if area_id is None else 0.0
    return CapacityPage(
        rows=rows,
        areas=areas,
        chart=_chart(rows, zone=zone),
        held=held,
        computed_at=day.computed_at,
        oldest_s=None if held.oldest_s is None else held.oldest_s + since_s,
        median_s=None if held.median_s is None else held.median_s + since_s,
        stale=now - day.computed_at > OLDEST,
        left_out=tuple((REASONS[reason], count) for reason, count in held.left_out.items() if count),
        chosen=next((one for one in areas if one.area_id == area_id), None) if area_id is not None else None,
    )


def _held_of_area(organization: Organization, area_id: int, *, day: Day, now: datetime) -> Held:
    """Return what one area's homes could hold all day; NotFoundError where it is none of the tenant's."""
    question = Question(day.starts_at, day.starts_at + STEP * QUARTERS)
    scope = Scope(grid_area_id=area_id)
    return held_of(portfolio_flexibility(organization=organization, question=question, scope=scope, now=now))


def _area_rows(organization: Organization, per_area: dict[int, AreaDay]) -> list[AreaRow]:
    names = dict(grid_areas_of_organization(organization=organization).values_list("pk", "name"))
    rows = [
        AreaRow(
            name=names.get(area_id, "in no area"),
            area_id=area_id if area_id in names else None,
            homes=one.homes,
            less_now_kw=one.less_kw[0],
            more_now_kw=one.more_kw[0],
            least_less_kw=min(one.less_kw),
            least_more_kw=min(one.more_kw),
        )
        for area_id, one in per_area.items()
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
