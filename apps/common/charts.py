"""Charts as SVG drawn on the server: series become path strings that a template places. No business nouns.

The plot is stretched to its box (1000 × 1000 units), texts stand at percentages of it, so that they keep their size
on a phone.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

from apps.common.language import separated

UNITS = 1000.0
DAY_MIN = 1440
X_STEPS_MIN = (
    5,
    10,
    15,
    30,
    60,
    120,
    180,
    360,
    720,
    *(days * DAY_MIN for days in (1, 2, 3, 5, 7, 10, 14, 30, 90)),
)
Point = tuple[datetime, float | None]
Shape = Literal["line", "area", "bars", "band"]


@dataclasses.dataclass(frozen=True)
class Series:
    """Values over time; `css` names its color. None is a gap. Bars reach from each point for `width_s`,
    less the share `inset` on both sides. A band reaches from each point down to the same one of `lower`.
    """

    css: str
    label: str
    points: Sequence[Point]
    shape: Shape = "line"
    width_s: float = 0.0
    inset: float = 0.1
    lower: Sequence[Point] = ()


@dataclasses.dataclass(frozen=True)
class Note:
    """What is said of a stretch of time when somebody points at it."""

    starts_at: datetime
    ends_at: datetime
    text: str


@dataclasses.dataclass(frozen=True)
class Tick:
    at: str
    label: str
    anchor: str = "middle"


@dataclasses.dataclass(frozen=True)
class Drawn:
    css: str
    shape: str
    path: str


@dataclasses.dataclass(frozen=True)
class Hover:
    x: str
    width: str
    text: str


@dataclasses.dataclass(frozen=True)
class Chart:
    """All that common/chart.html needs."""

    title: str
    drawn: list[Drawn]
    legend: list[tuple[str, str, str]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    zero: str
    now: str
    hovers: list[Hover]


@dataclasses.dataclass(frozen=True)
class Frame:
    """The plotted period and range."""

    starts_at: datetime
    ends_at: datetime
    low: float
    high: float

    def x(self, at: datetime) -> float:
        return (at - self.starts_at) / (self.ends_at - self.starts_at) * UNITS

    def width(self, starts_at: datetime, ends_at: datetime) -> float:
        return self.x(ends_at) - self.x(starts_at)

    def y(self, value: float) -> float:
        return (self.high - value) / (self.high - self.low) * UNITS


def chart(
    *,
    title: str,
    period: tuple[datetime, datetime],
    series: Sequence[Series],
    zone: ZoneInfo,
    unit: str = "kW",
    now: datetime | None = None,
    notes: Iterable[Note] = (),
) -> Chart:
    """Draw `series` over the half-open `period`, with ticks in the time zone `zone`."""
    values = [value for one in series for _, value in (*one.points, *one.lower) if value is not None]
    ticks = nice_ticks(min([0.0, *values]), max([0.0, *values]))
    frame = Frame(*period, low=ticks[0], high=ticks[-1])
    inside = now is not None and period[0] < now < period[1]
    return Chart(
        title=title,
        drawn=[Drawn(one.css, one.shape, _path(one, frame)) for one in series],
        legend=[(one.css, one.shape, one.label) for one in series],
        x_ticks=list(_time_ticks(frame, zone)),
        y_ticks=[
            Tick(_percent(frame.y(value)), f"{separated(f'{value:g}')} {unit}".replace("-", "−"))
            for value in ticks
        ],
        zero=_percent(frame.y(0.0)),
        now=_percent(frame.x(now)) if inside and now is not None else "",
        hovers=[
            Hover(
                _percent(frame.x(note.starts_at)),
                _percent(frame.width(note.starts_at, note.ends_at)),
                note.text,
            )
            for note in notes
        ],
    )


def stepped(starts_at: datetime, interval_s: float, *, values: Sequence[float | None]) -> list[Point]:
    """Return the two corners of each interval's level."""
    corners: list[Point] = []
    for index, value in enumerate(values):
        begin = starts_at + timedelta(seconds=index * interval_s)
        corners += [(begin, value), (begin + timedelta(seconds=interval_s), value)]
    return corners


def nice_ticks(low: float, high: float, *, wanted: int = 4) -> list[float]:
    """Return evenly spaced round numbers that enclose [low, high]."""
    if high - low < 1e-9:
        high = low + 1.0
    rough = (high - low) / wanted
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(
        factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * (1 - 1e-9)
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) + 0.0 for index in range(first, last + 1)]


def _time_ticks(frame: Frame, zone: ZoneInfo) -> Iterator[Tick]:
    minutes = (frame.ends_at - frame.starts_at).total_seconds() / 60
    step = next((step for step in X_STEPS_MIN if minutes / step <= 4.5), X_STEPS_MIN[-1])
    local = frame.starts_at.astimezone(zone)
    since_midnight = local.hour * 60 + local.minute
    # Wall-clock arithmetic: on the day the clocks change the ticks still stand on round hours.
    tick = local + timedelta(minutes=-since_midnight % min(step, DAY_MIN))
    while tick.astimezone(frame.starts_at.tzinfo) <= frame.ends_at:
        share = frame.x(tick) / UNITS
        # A date is wide, and has room below the other axis; the hour of midnight stays within.
        first = "middle" if step >= DAY_MIN else "start"
        anchor = first if share < 0.03 else "end" if share > 0.97 else "middle"
        label = date_format(tick, "j M") if step >= DAY_MIN else tick.strftime("%H:%M")
        yield Tick(_percent(share * UNITS), label, anchor)
        tick += timedelta(minutes=step)


def _path(series: Series, frame: Frame) -> str:
    if series.shape == "bars":
        return "".join(_bars(series, frame))
    if series.shape == "band":
        return "".join(_band(series, frame))
    runs = list(_runs(series.points))
    if series.shape == "line":
        return "".join("M" + "L".join(_xy(frame, at, value=value) for at, value in run) for run in runs)
    zero = f"{frame.y(0.0):.1f}"
    return "".join(
        f"M{frame.x(run[0][0]):.1f} {zero}L"
        + "L".join(_xy(frame, at, value=value) for at, value in run)
        + f"L{frame.x(run[-1][0]):.1f} {zero}Z"
        for run in runs
    )


def _band(series: Series, frame: Frame) -> Iterator[str]:
    pairs = zip(series.points, series.lower, strict=True)
    known = [high is not None and low is not None for (_, high), (_, low) in pairs]
    edges = [
        list(_runs([(at, value if held else None) for (at, value), held in zip(edge, known, strict=True)]))
        for edge in (series.points, series.lower)
    ]
    for upper, lower in zip(*edges, strict=True):
        corners = [*upper, *reversed(lower)]
        yield "M" + "L".join(_xy(frame, at, value=value) for at, value in corners) + "Z"


def _bars(series: Series, frame: Frame) -> Iterator[str]:
    width = timedelta(seconds=series.width_s)
    for at, value in series.points:
        if value is None:
            continue
        left, right = frame.x(at + width * series.inset), frame.x(at + width * (1 - series.inset))
        yield f"M{left:.1f} {frame.y(0.0):.1f}V{frame.y(value):.1f}H{right:.1f}V{frame.y(0.0):.1f}Z"


def _runs(points: Sequence[Point]) -> Iterator[list[tuple[datetime, float]]]:
    run: list[tuple[datetime, float]] = []
    for at, value in points:
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _xy(frame: Frame, at: datetime, *, value: float) -> str:
    return f"{frame.x(at):.1f} {frame.y(value):.1f}"


def _percent(units: float) -> str:
    return f"{units / UNITS * 100:.2f}%"
