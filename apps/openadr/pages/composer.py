"""An event as it is typed: fields, intervals, and the OpenADR 3.1 body that comes out of them."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.http import QueryDict

from apps.common.errors import DomainError
from apps.openadr.pages.asks import ASKS, Ask
from apps.openadr.wire import rfc3339
from apps.programs.models import Program

STEPS_MIN: Final = (5, 15, 30, 60)
MOST_ROWS: Final = 192
PEAK: Final = (time(18), time(20))
LONGEST_TARGET: Final = 128
TEXT_FIELDS: Final = (
    "program",
    "ask",
    "name",
    "date",
    "starts",
    "ends",
    "step",
    "fill",
    "priority",
    "randomize",
    "text",
)


class ComposeError(DomainError):
    code = "compose_invalid"


@dataclasses.dataclass(frozen=True)
class Row:
    """One interval of the table."""

    number: int
    label: str
    value: str


@dataclasses.dataclass(frozen=True)
class Form:
    """The fields as typed."""

    program: str
    ask: str
    name: str
    date: str
    starts: str
    ends: str
    step: str
    fill: str
    priority: str
    randomize: str
    text: str
    values: Sequence[str]
    targets: Sequence[str]
    others: str
    previewed: str
    once: str

    @property
    def chosen(self) -> Ask:
        if self.ask not in ASKS:
            raise ComposeError("choose what is asked for")
        return ASKS[self.ask]

    @property
    def all_targets(self) -> list[str]:
        """Ticked targets and those typed, each once."""
        typed = (line.strip() for line in self.others.splitlines())
        return list(dict.fromkeys([*self.targets, *(line for line in typed if line)]))


def form_of(sent: QueryDict | None, *, zone: ZoneInfo, now: datetime, program: str = "") -> Form:
    """Return the form as sent, or a fresh one: the next evening peak."""
    if sent is None:
        local = now.astimezone(zone)
        day = local.date() if local.time() < PEAK[0] else local.date() + timedelta(days=1)
        starts, ends = (at.strftime("%H:%M") for at in PEAK)
        texts = dict.fromkeys(TEXT_FIELDS, "") | {"program": program, "ask": "shed", "date": day.isoformat()}
        texts |= {"starts": starts, "ends": ends, "step": "15", "name": "Evening peak"}
        return Form(**texts, values=(), targets=(), others="", previewed="", once=uuid4().hex)
    texts = {name: sent.get(name, "").strip()[:300] for name in TEXT_FIELDS}
    values = sent.getlist("value")[:MOST_ROWS]
    return Form(
        **texts, values=[texts["fill"]] * MOST_ROWS if sent.get("do") == "fill" else values,
        targets=sent.getlist("target")[:500], others=sent.get("others", "")[:20_000],
        previewed=sent.get("previewed", ""), once=sent.get("once", "")[:32],
    )  # fmt: skip


def period_of(form: Form, *, zone: ZoneInfo) -> tuple[datetime, timedelta, int]:
    """Return (start, step, count) of the intervals; an end at or before the start is the next day's."""
    try:
        day, starts, ends = date.fromisoformat(form.date), _time(form.starts), _time(form.ends)
        step = timedelta(minutes=int(form.step))
    except ValueError:
        raise ComposeError("a date, a start, an end and a length of intervals are needed") from None
    if step not in [timedelta(minutes=one) for one in STEPS_MIN]:
        raise ComposeError("intervals are 5, 15, 30 or 60 minutes long")
    if not 2000 < day.year < 2200:
        raise ComposeError(f"{day.isoformat()} is no day to ask for something")
    last_day = day if ends > starts else day + timedelta(days=1)
    begin = datetime.combine(day, starts, tzinfo=zone).astimezone(UTC)
    length = datetime.combine(last_day, ends, tzinfo=zone).astimezone(UTC) - begin
    count, rest = divmod(length, step)
    if rest or count < 1:
        raise ComposeError(f"from {form.starts} to {form.ends} is no whole number of {form.step} minutes")
    if count > MOST_ROWS:
        raise ComposeError(f"that makes {count} intervals; at most {MOST_ROWS} fit, take longer ones")
    return begin, step, count


def _time(text: str) -> time:
    found = time.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError(text)
    return found


def rows_of(form: Form, *, zone: ZoneInfo) -> list[Row]:
    """Return the table of intervals; values that were typed stay at their places."""
    begin, step, count = period_of(form, zone=zone)
    labels = [(begin + index * step).astimezone(zone).strftime("%H:%M") for index in range(count)]
    values = [*form.values, *[""] * count]
    return [Row(index, label, values[index]) for index, label in enumerate(labels)]


def body_of(form: Form, *, program: Program, zone: ZoneInfo) -> dict[str, Any]:
    """Return the 3.1 event without its programID; `ComposeError` says what is missing."""
    ask = form.chosen
    begin, step, count = period_of(form, zone=zone)
    if ask.is_text:
        payloads: list[list[Any]] = [[form.text or ask.label]]
        step, count = step * count, 1
    elif ask.is_raw:
        payloads, step = [_raw(form.text, ask=ask)], step * count
    else:
        payloads = [[_value(row, ask=ask)] for row in rows_of(form, zone=zone)]
    period = {"start": rfc3339(begin), "duration": _minutes(step)}
    if form.randomize and (shift := _whole(form.randomize, name="the random start", most=60)):
        period["randomizeStart"] = _minutes(timedelta(minutes=shift))
    body: dict[str, Any] = {
        "eventName": form.name[:128],
        "intervalPeriod": period,
        "intervals": [
            {"id": index, "payloads": [{"type": ask.payload, "values": values}]}
            for index, values in enumerate(payloads)
        ],
    }
    if (descriptor := ask.descriptor(currency=program.currency)) is not None:
        body["payloadDescriptors"] = [descriptor]
    if form.priority:
        body["priority"] = _whole(form.priority, name="the priority", most=1000)
    if targets := form.all_targets:
        body["targets"] = _checked_targets(targets)
    return body


def digest_of(body: Mapping[str, Any], *, program: Program) -> str:
    """Return what tells one composed event from another."""
    return hashlib.sha256(json.dumps([program.pk, body], sort_keys=True).encode()).hexdigest()[:32]


def _minutes(length: timedelta) -> str:
    return f"PT{length // timedelta(minutes=1)}M"


def _checked_targets(targets: list[str]) -> list[str]:
    for one in targets:
        if len(one) > LONGEST_TARGET or "\x00" in one:
            raise ComposeError(f"a target has at most {LONGEST_TARGET} characters: {one[:40]!r}")
    return targets


def _raw(text: str, *, ask: Ask) -> list[Any]:
    """Return what devices are told: points as x,y for a curve, else numbers or words, with spaces between."""
    parts = text.split()
    if not parts:
        raise ComposeError("say what devices are told")
    if ask.payload == "CURVE":
        return [_point(part) for part in parts]
    found = [_plain(part) for part in parts]
    for value in found:
        if ask.least is None or ask.most is None:
            continue
        if isinstance(value, str) or not ask.least <= value <= ask.most:
            raise ComposeError(f"{value!r} is not between {ask.least:g} and {ask.most:g}")
    return found


def _point(text: str) -> dict[str, float]:
    found = [_plain(part) for part in text.split(",")]
    if len(found) != 2 or any(isinstance(part, str) for part in found):
        raise ComposeError(f"a point is two numbers with a comma between, not {text[:40]!r}")
    return {"x": float(found[0]), "y": float(found[1])}


def _plain(text: str) -> float | str:
    """Return a number where it is one, else the word."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        raise ComposeError(f"{text[:40]!r} is no number that can be sent")
    return int(value) if value.is_integer() else value


def _value(row: Row, *, ask: Ask) -> float:
    text = row.value.strip().replace(",", ".")
    if not text:
        raise ComposeError(f"{row.label} has no value" + ("; 0 asks for nothing" if ask.least == 0 else ""))
    try:
        value = float(text)
    except ValueError:
        raise ComposeError(f"{row.label}: {row.value[:40]!r} is no number") from None
    low, high = (-1e9 if ask.least is None else ask.least), (1e9 if ask.most is None else ask.most)
    if not (math.isfinite(value) and low <= value <= high):
        raise ComposeError(f"{row.label}: {row.value[:40]} {ask.unit} is not between {low:g} and {high:g}")
    if ask.key == "level" and value != int(value):
        raise ComposeError(f"{row.label}: a level is 0, 1, 2 or 3")
    # Rounded, so that 35 % is 0.35; "+ 0.0" makes -0 a plain 0.
    return round(value * ask.factor, 9) + 0.0


def _whole(text: str, *, name: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= most):
        raise ComposeError(f"{name} is a whole number from 0 to {most}, not {text[:40]!r}")
    return int(text)
