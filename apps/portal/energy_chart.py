"""A period's energies as bars side by side, drawn on the server."""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.common.charts import Chart, Note, Series, Tick, chart
from apps.common.templatetags.ores import number
from apps.portal.periods import Period, local_midnight
from vpp.settlement.home_account import Flows

# A bar's room [s] by span: an hour, a day, a day, the shortest month.
ROOM_S = {"day": 3600.0, "week": 86_400.0, "month": 86_400.0, "year": 28 * 86_400.0}


def bars(period: Period, parts: Sequence[tuple[datetime, Flows]], *, zone: ZoneInfo) -> Chart:
    """Draw what was used, made and drawn from the grid in each part of a period."""
    room = ROOM_S[period.span]
    kinds = [
        ("used", _("Used"), "used_kwh"),
        ("sun", _("From the sun"), "sun_kwh"),
        ("grid", _("Imported"), "import_kwh"),
    ]
    shown = [kind for kind in kinds if any(getattr(flows, kind[2]) > 0 for _at, flows in parts)]
    width = room * 0.84 / max(len(shown), 1)
    series = [
        Series(
            css,
            label,
            [
                (at + timedelta(seconds=room * 0.08 + place * width), getattr(flows, name))
                for at, flows in parts
            ],
            "bars",
            width_s=width,
            inset=0.04,
        )
        for place, (css, label, name) in enumerate(shown)
    ]
    drawn = chart(
        title=_("Energy used, made and imported"),
        period=(period.starts_at, period.ends_at),
        series=series,
        zone=zone,
        unit="kWh",
        notes=[
            Note(at, at + timedelta(seconds=room), _note(period, at, flows=flows, zone=zone))
            for at, flows in parts
        ],
    )
    return dataclasses.replace(drawn, x_ticks=list(_ticks(period, zone)))


def _note(period: Period, at: datetime, *, flows: Flows, zone: ZoneInfo) -> str:
    used, sun, drawn = (number(kwh) for kwh in (flows.used_kwh, flows.sun_kwh, flows.import_kwh))
    said = _("used %(used)s kWh, from the sun %(sun)s kWh, imported %(drawn)s kWh")
    return f"{part_label(period, at, zone=zone)}: {said % {'used': used, 'sun': sun, 'drawn': drawn}}"


def part_label(period: Period, at: datetime, *, zone: ZoneInfo) -> str:
    """Name a part of a period: an hour, a day, a month."""
    local = at.astimezone(zone)
    if period.span == "day":
        return f"{local:%H:%M}"
    if period.span == "year":
        return date_format(local.date(), "F")
    return f"{date_format(local.date(), 'D')} {date_format(local.date(), 'MONTH_DAY_FORMAT')}"


def _ticks(period: Period, zone: ZoneInfo) -> Iterator[Tick]:
    length = (period.ends_at - period.starts_at).total_seconds()
    for at, middle_s, label in _marks(period, zone):
        share = ((at - period.starts_at).total_seconds() + middle_s) / length
        yield Tick(f"{share * 100:.2f}%", label, "start" if share < 0.03 else "middle")


def _marks(period: Period, zone: ZoneInfo) -> Iterator[tuple[datetime, float, str]]:
    """Yield where labels stand: the instant, how far beyond it, and the text."""
    days = [
        period.first_date + timedelta(days=index)
        for index in range((period.end_date - period.first_date).days)
    ]
    if period.span == "day":
        for hour in (0, 6, 12, 18):
            yield _at(days[0], hour, zone=zone), 0.0, f"{hour:02}:00"
    elif period.span == "year":
        for day in (day for day in days if day.day == 1):
            yield local_midnight(day, zone), 14 * 86_400.0, date_format(day, "M")[:1]
    else:
        step = 1 if period.span == "week" else 5
        for day in days[::step]:
            text = date_format(day, "D") if period.span == "week" else str(day.day)
            yield local_midnight(day, zone), 43_200.0, text


def _at(day: date, hour: int, *, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone)
