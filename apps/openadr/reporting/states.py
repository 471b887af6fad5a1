"""What homes were doing, in the enumeration's words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.openadr.reporting.expected import curtailed
from apps.openadr.reporting.homes import Asked
from apps.openadr.reporting.quantities import measured_kw
from apps.programs.selectors import opted_out_site_ids
from vpp.translate.openadr3_measured import Cell, Quality

NORMAL, ERROR, CURTAILED, OPTED_OUT = range(4)
WORDS = ("NORMAL", "ERROR", "RUNNING_CURTAILED", "RUNNING_OPTED_OUT")


def states_of(asked: Asked) -> NDArray[np.int64]:
    """(homes, intervals) numbers of WORDS; a home that sent nothing in an interval is in error."""
    busy, during = curtailed(asked)
    found = np.where(busy, CURTAILED, NORMAL)
    if asked.signal is not None:
        away = opted_out_site_ids(signal_id=asked.signal.pk)
        out = np.isin(np.array(asked.homes.site_ids, dtype=np.int64), np.array(sorted(away), dtype=np.int64))
        found = np.where(out[:, None] & during, OPTED_OUT, found)
    return np.asarray(np.where(measured_kw(asked), found, ERROR))


def states_together(states: NDArray[np.int64]) -> NDArray[np.int64]:
    """(1, intervals) the fleet's state: curtailed if any home is, in error if all are."""
    curtails, fails = (states == CURTAILED).any(axis=0), (states == ERROR).all(axis=0)
    left = ((states == OPTED_OUT) | (states == ERROR)).all(axis=0)
    found = np.where(left, OPTED_OUT, NORMAL)
    return np.asarray(np.where(fails, ERROR, np.where(curtails, CURTAILED, found)))[None, :]


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
