"""The picture of a home's power flow: where its circles stand and which way each line runs."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Final, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.utils.translation import gettext_noop as noop

from apps.common.language import separated

IDLE_KW = 0.02
WIDTH = 360
NODE_R, HOME_R = 37.0, 44.0
HOME_AT = (180.0, 180.0)
PLACES = {
    "sun": (180.0, 46.0),
    "grid": (48.0, 180.0),
    "battery": (312.0, 180.0),
    "ev": (88.0, 308.0),
    "heat": (272.0, 308.0),
    "community": (62.0, 58.0),
}


class Measured(Protocol):
    """The measured powers that the picture shows [kW, load convention], and states of charge."""

    @property
    def grid_kw(self) -> float | None: ...
    @property
    def load_kw(self) -> float | None: ...
    @property
    def pv_kw(self) -> float | None: ...
    @property
    def battery_kw(self) -> float | None: ...
    @property
    def battery_soc(self) -> float | None: ...
    @property
    def ev_kw(self) -> float | None: ...
    @property
    def ev_soc(self) -> float | None: ...
    @property
    def heat_kw(self) -> float | None: ...


@dataclasses.dataclass(frozen=True)
class Node:
    """One circle: a magnitude and its direction in a word."""

    key: str
    name: str
    x: float
    y: float
    r: float
    kw: float | None
    state: str
    soc: float | None = None

    @property
    def state_name(self) -> str:
        return _(self.state)

    @property
    def icon(self) -> str:
        return f"#i-{self.key}"

    @property
    def soc_percent(self) -> int | None:
        return None if self.soc is None else round(min(max(self.soc, 0.0), 1.0) * 100)

    @property
    def beside(self) -> bool:
        """Whether its name stands to the right of the circle instead of below."""
        return self.key == "sun"


@dataclasses.dataclass(frozen=True)
class Line:
    """A connection from (x1, y1) to (x2, y2) in the direction of flow."""

    key: str
    x1: float
    y1: float
    x2: float
    y2: float
    active: bool
    pace: int = 1

    @property
    def arrow(self) -> str:
        angle = math.degrees(math.atan2(self.y2 - self.y1, self.x2 - self.x1))
        return f"translate({(self.x1 + self.x2) / 2:.1f} {(self.y1 + self.y2) / 2:.1f}) rotate({angle:.0f})"


@dataclasses.dataclass(frozen=True)
class Flow:
    nodes: list[Node]
    lines: list[Line]
    height: int
    summary: str


def flow(row: Measured | None, kinds: set[str], *, traded_kw: float | None = None) -> Flow:
    """Return the picture of `row` for a home with resources of `kinds`, and with its neighbors where it trades."""
    nodes = list(_devices(row, kinds))
    if traded_kw is not None:
        state = _word(traded_kw, (noop("selling"), noop("no trade"), noop("buying")))
        nodes.append(Node("community", _("Neighbors"), *PLACES["community"], NODE_R, abs(traded_kw), state))
    home = Node("home", _("Home"), *HOME_AT, HOME_R, used_kw(row), noop("using"))
    tall = any(node.key in {"ev", "heat"} for node in nodes)
    return Flow(
        nodes=[home, *nodes],
        lines=[_line(node) for node in nodes],
        height=384 if tall else 262,
        summary=_summary(nodes, home.kw),
    )


def used_kw(row: Measured | None) -> float | None:
    """Return all that the home consumes, its car and heating included."""
    if row is None or row.load_kw is None:
        return None
    return row.load_kw + (row.ev_kw or 0.0) + (row.heat_kw or 0.0)


@dataclasses.dataclass(frozen=True)
class _Device:
    """What a circle stands for; `words` name a negative, an idle and a positive power."""

    key: str
    kind: str
    name: Promise
    words: tuple[str, str, str]
    soc: str = ""


_DEVICES = [
    _Device(
        "sun", "pv", pgettext_lazy("in the sky", "Sun"), (noop("producing"), noop("no sun"), noop("standby"))
    ),
    _Device("grid", "", gettext_lazy("Grid"), (noop("exporting"), noop("balanced"), noop("importing"))),
    _Device(
        "battery",
        "battery",
        gettext_lazy("Battery"),
        (noop("discharging"), noop("resting"), noop("charging")),
        soc="battery_soc",
    ),
    _Device(
        "ev",
        "ev_charger",
        gettext_lazy("Car"),
        (noop("giving"), noop("not charging"), noop("charging")),
        soc="ev_soc",
    ),
    _Device(
        "heat", "heat_pump", gettext_lazy("Heat pump"), (noop("giving"), noop("resting"), noop("heating"))
    ),
]
_COLUMNS = {"sun": "pv_kw"}
# How a circle is called within a sentence.
_SPOKEN: Final = {
    "sun": noop("sun"),
    "grid": noop("grid"),
    "battery": noop("battery"),
    "ev": noop("car"),
    "heat": noop("heat pump"),
    "community": noop("neighbors"),
}


def _devices(row: Measured | None, kinds: set[str]) -> Iterator[Node]:
    for device in _DEVICES:
        kw: float | None = getattr(row, _COLUMNS.get(device.key, f"{device.key}_kw"), None)
        if device.kind and device.kind not in kinds and kw is None:
            continue
        x, y = PLACES[device.key]
        soc: float | None = getattr(row, device.soc, None) if device.soc else None
        magnitude = None if kw is None else abs(kw)
        yield Node(device.key, str(device.name), x, y, NODE_R, magnitude, _word(kw, device.words), soc)


def _word(kw: float | None, words: tuple[str, str, str]) -> str:
    """Choose the word for a negative, an idle and a positive power."""
    if kw is None:
        return noop("no data")
    return words[1] if abs(kw) < IDLE_KW else words[0] if kw < 0 else words[2]


def _line(node: Node) -> Line:
    (hx, hy), distance = HOME_AT, math.dist((node.x, node.y), HOME_AT)
    ux, uy = (hx - node.x) / distance, (hy - node.y) / distance
    outer = (node.x + ux * (NODE_R + 6), node.y + uy * (NODE_R + 6))
    inner = (hx - ux * (HOME_R + 6), hy - uy * (HOME_R + 6))
    to_home = node.state in {"producing", "importing", "discharging", "giving", "buying"}
    active = to_home or node.state in {"exporting", "charging", "heating", "standby", "selling"}
    begin, end = (outer, inner) if to_home else (inner, outer)
    (x1, y1), (x2, y2) = begin, end
    return Line(node.key, round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1), active, _pace(node.kw))


def _pace(kw: float | None) -> int:
    """How fast drops run: 1 to 3, by power."""
    return 1 if kw is None or kw < 1.0 else 2 if kw < 3.0 else 3


def _summary(nodes: list[Node], home_kw: float | None) -> str:
    if home_kw is None:
        return _("No measurement yet.")
    parts = [
        f"{_(_SPOKEN[node.key])} {node.state_name}"
        + (f" {_two(node.kw)} kW" if node.kw and node.kw >= IDLE_KW else "")
        for node in nodes
    ]
    return _("The home uses %(kw)s kW; ") % {"kw": _two(home_kw)} + ", ".join(parts) + "."


def _two(kw: float) -> str:
    return separated(f"{kw:.2f}")
