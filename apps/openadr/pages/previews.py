"""A preview as the composer shows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apps.accounts.models import Organization
from apps.common.charts import Chart, Series, chart, stepped
from apps.dispatch.preview import Preview
from apps.openadr.models import Ven2b, VenObject
from apps.programs.models import SHED_KINDS

SMALL_KW = 0.05


@dataclass(frozen=True)
class PreviewRow:
    """One interval [kW]: asked and given of a shed; drawn at rest and by the plan otherwise."""

    at: datetime
    before_kw: float
    after_kw: float
    short_kw: float


@dataclass(frozen=True)
class ShownPreview:
    preview: Preview
    is_shed: bool
    chart: Chart | None
    rows: list[PreviewRow]
    answer: str

    @property
    def short_kw(self) -> float:
        return max(self.preview.shortfall_kw, default=0.0)

    @property
    def planned_kwh(self) -> float:
        return sum(self.preview.planned_kw) * self.preview.interval_s / 3600

    @property
    def target_kwh(self) -> float:
        return sum(self.preview.target_kw) * self.preview.interval_s / 3600


def shown_preview(found: dict[str, Any], *, zone: ZoneInfo) -> ShownPreview | None:
    """Return what the page shows of a preview that is there."""
    preview: Preview | None = found.get("preview")
    if preview is None:
        return None
    is_shed = preview.kind in SHED_KINDS
    before = preview.target_kw if is_shed else preview.idle_kw
    short = [*preview.shortfall_kw, *[0.0] * len(before)]
    step = timedelta(seconds=preview.interval_s)
    rows = [
        PreviewRow(preview.starts_at + index * step, before[index], preview.planned_kw[index], short[index])
        for index in range(len(before))
    ]
    drawn = _chart(preview, is_shed=is_shed, zone=zone) if before else None
    return ShownPreview(preview, is_shed, drawn, rows, _answer(preview, is_shed=is_shed))


def _answer(preview: Preview, *, is_shed: bool) -> str:
    short = max(preview.shortfall_kw, default=0.0)
    if preview.status == "passed on":
        return "Nothing is planned for this."
    if not preview.taking_part:
        return "No home would answer."
    if short > SMALL_KW:
        return f"The fleet falls up to {short:.1f} kW short."
    return "The fleet can give all of it." if is_shed else "Batteries would follow this."


def _chart(preview: Preview, *, is_shed: bool, zone: ZoneInfo) -> Chart:
    def line(css: str, label: str, *, values: list[float]) -> Series:
        return Series(css, label, stepped(preview.starts_at, preview.interval_s, values=values))

    count = len(preview.planned_kw)
    if is_shed:
        title, lines = (
            "What would be asked and given",
            [
                line("planned", "The fleet would give", values=preview.planned_kw),
                line("target", "Asked", values=preview.target_kw),
            ],
        )
        if max(preview.shortfall_kw, default=0.0) > SMALL_KW:
            lines.insert(0, _missing(preview))
    else:
        title, lines = (
            "What all homes would draw",
            [
                line("baseline", "Batteries at rest", values=preview.idle_kw),
                line("delivered", "With this event", values=preview.planned_kw),
            ],
        )
    ends_at = preview.starts_at + timedelta(seconds=preview.interval_s * count)
    return chart(title=title, period=(preview.starts_at, ends_at), series=lines, zone=zone)


def _missing(preview: Preview) -> Series:
    step = timedelta(seconds=preview.interval_s)
    points = [
        (preview.starts_at + index * step, value if value > SMALL_KW else None)
        for index, value in enumerate(preview.shortfall_kw)
    ]
    return Series("short", "Missing", points, "bars", width_s=preview.interval_s)


def vens_that_see(*, organization: Organization, targets: list[str]) -> int:
    """Return how many VENs of both protocols an event of these targets would be shown to."""
    vens, older = (
        VenObject.objects.filter(organization=organization),
        Ven2b.objects.filter(organization=organization),
    )
    if targets:
        vens, older = vens.filter(grants__overlap=targets), older.filter(targets__overlap=targets)
    return vens.count() + older.count()
