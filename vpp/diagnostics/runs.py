"""Stretches of intervals in a row, for all rows of a fleet at once."""

from dataclasses import dataclass

import numpy as np

from vpp.diagnostics.checks import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Stretches:
    """Half-open stretches [starts, ends) of rows, ordered by row and start: three parallel arrays (M,)."""

    row: Ints
    starts: Ints
    ends: Ints

    @property
    def lengths(self) -> Ints:
        """(M,) intervals of each stretch [1]."""
        return self.ends - self.starts


def stretches(where: Bools, least: int) -> Stretches:
    """Return every stretch of at least `least` true values in a row of `where` (N, T)."""
    edges = np.diff(np.pad(where, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    long = ends - starts >= least
    return Stretches(row[long], starts[long], ends[long])


def inside(found: Stretches, shape: tuple[int, int]) -> Bools:
    """(N, T) whether an interval lies in one of the stretches."""
    edges = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    np.add.at(edges, (found.row, found.starts), 1)
    np.add.at(edges, (found.row, found.ends), -1)
    return np.asarray(edges.cumsum(axis=1)[:, :-1] > 0)


def run_lengths(where: Bools, *, skip: Bools) -> Ints:
    """(N, T) how many true values in a row end at each position; a skipped one neither counts nor breaks."""
    lengths = np.zeros(where.shape, dtype=np.int64)
    current = np.zeros(len(where), dtype=np.int64)
    for at in range(where.shape[1]):
        counted = np.where(where[:, at], current + 1, 0)
        current = np.where(skip[:, at], current, counted)
        lengths[:, at] = current
    return lengths


def first(where: Bools) -> Ints:
    """(N,) position of the first true value of each row; -1 where there is none."""
    return (
        np.where(where.any(axis=1), where.argmax(axis=1), -1) if where.shape[1] else np.full(len(where), -1)
    )


def mean_inside(values: Floats, found: Stretches) -> Floats:
    """(M,) mean of `values` (N, T) over each stretch, which must have no missing value."""
    total = np.pad(np.nan_to_num(values).cumsum(axis=1), ((0, 0), (1, 0)))
    return np.asarray((total[found.row, found.ends] - total[found.row, found.starts]) / found.lengths)
