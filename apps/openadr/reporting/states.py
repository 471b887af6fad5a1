"""What homes were doing, in the enumeration's words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.openadr.reporting.expected import curtailed, steered_kw
from apps.openadr.reporting.homes import Asked
from apps.openadr.reporting.quantities import measured_kw
from apps.openadr.reporting.steps import overlaps
from apps.programs.models import GridSignal
from apps.programs.selectors import opted_out_site_ids, steered_in_period
from vpp.translate.openadr3_measured import Cell, Quality

NORMAL, ERROR, CURTAILED, HEIGHTENED, OPTED_OUT = range(5)
WORDS = ("NORMAL", "ERROR", "RUNNING_CURTAILED", "RUNNING_HEIGHTENED", "RUNNING_OPTED_OUT")
# A battery that is asked for less stands still.
LEAST_KW = 0.005


def states_of(asked: Asked) -> NDArray[np.int64]:
    """(homes, intervals) numbers of WORDS; a home that sent nothing in an interval is in error."""
    steered = steered_kw(asked)
    found = np.where(steered < -LEAST_KW, HEIGHTENED, np.where(steered > LEAST_KW, CURTAILED, NORMAL))
    for signal in steered_in_period(program=asked.program, starts_at=asked.starts_at, ends_at=asked.ends_at):
        during = overlaps(asked.intervals, starts_at=signal.starts_at, ends_at=signal.ends_at)
        found = np.where(_away(asked, signal) & during & (found == NORMAL), OPTED_OUT, found)
    busy, during = curtailed(asked)
    found = np.where(busy, CURTAILED, found)
    if asked.signal is not None:
        found = np.where(_away(asked, asked.signal) & during, OPTED_OUT, found)
    return np.asarray(np.where(measured_kw(asked), found, ERROR))


def _away(asked: Asked, signal: GridSignal) -> NDArray[np.bool_]:
    """(homes, 1) whose household said no to a signal."""
    away = np.array(sorted(opted_out_site_ids(signal_id=signal.pk)), dtype=np.int64)
    return np.isin(np.array(asked.homes.site_ids, dtype=np.int64), away)[:, None]


def states_together(states: NDArray[np.int64]) -> NDArray[np.int64]:
    """(1, intervals) the fleet's state: curtailed, else heightened, if any home is, in error if all are."""
    left = ((states == OPTED_OUT) | (states == ERROR)).all(axis=0)
    found = np.where(left, OPTED_OUT, NORMAL)
    for state in (HEIGHTENED, CURTAILED):
        found = np.where((states == state).any(axis=0), state, found)
    return np.asarray(np.where((states == ERROR).all(axis=0), ERROR, found))[None, :]


def state_rows(asked: Asked, *, together: bool) -> tuple[list[Sequence[Cell]], list[Sequence[Quality]]]:
    """Return the words and how good they are; of what is not over yet nothing is known."""
    states = states_of(asked)
    partly = (states == ERROR).any(axis=0) & ~(states == ERROR).all(axis=0)
    shown = states_together(states) if together else states
    over = [one.period.ends_at <= asked.now for one in asked.intervals]
    words: list[Sequence[Cell]] = [
        [WORDS[state] if past else float("nan") for state, past in zip(row, over, strict=True)]
        for row in shown.tolist()
    ]
    marks: list[Quality] = ["ESTIMATED" if together and part else "OK" for part in partly.tolist()]
    return words, [marks] * len(words)
