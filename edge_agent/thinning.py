"""Rows of old messages made fewer: quarter-hours instead of minutes, energy and registers kept."""

from collections.abc import Sequence
from itertools import pairwise

from vpp.energy_manager.process_image import POWER_COLUMNS
from vpp.protocols.link.messages import COLUMNS, Snapshots
from vpp.units import MS_PER_MINUTE

QUARTER_MS = 15 * MS_PER_MINUTE
_POWERS = frozenset(POWER_COLUMNS)


def thinned(message: Snapshots) -> Snapshots:
    """The same time in a row for each quarter-hour: powers as means, everything else as at its end."""
    groups = _groups(message.at)
    spans = _spans(message.at)
    columns = {
        name: [_value(name, column, spans=spans, group=group) for group in groups]
        for name in COLUMNS
        if (column := getattr(message, name))
    }
    ends = [message.at[group[-1]] for group in groups]
    return Snapshots(message.lane, message.seq, ends, clock_trusted=message.clock_trusted, **columns)


def _groups(at: Sequence[int]) -> list[list[int]]:
    """Places of the rows of each quarter-hour; a row tells of the time before it."""
    groups: dict[int, list[int]] = {}
    for place, instant in enumerate(at):
        groups.setdefault((instant - 1) // QUARTER_MS, []).append(place)
    return list(groups.values())


def _spans(at: Sequence[int]) -> list[int]:
    """How long each row's means hold [ms]; of the first row that is not known, so it counts like the second."""
    spans = [max(1, later - earlier) for earlier, later in pairwise(at)]
    return [spans[0] if spans else 1, *spans]


def _value(
    name: str, column: Sequence[float | None], *, spans: Sequence[int], group: Sequence[int]
) -> float | None:
    if name not in _POWERS:
        return column[group[-1]]
    known = [(value, spans[place]) for place in group if (value := column[place]) is not None]
    if not known:
        return None
    return round(sum(value * span for value, span in known) / sum(span for _, span in known), 4)
