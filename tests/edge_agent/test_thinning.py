"""Thinned rows tell the same story: energy, registers and ends."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.thinning import QUARTER_MS, thinned
from vpp.protocols.link.messages import Snapshots

MINUTE = 60_000


def test_hour_of_minutes_becomes_quarters_by_hand() -> None:
    at = [minute * MINUTE for minute in range(1, 31)]
    load: list[float | None] = [*[1.0] * 10, *[4.0] * 5, *[2.0] * 15]
    registers: list[float | None] = [float(one) for one in range(30)]
    message = Snapshots("backfill", 3, at, load_kw=load, import_kwh=registers)
    message.battery_soc = [None] * 29 + [0.5]
    found = thinned(message)
    assert (found.lane, found.seq, found.at) == ("backfill", 3, [QUARTER_MS, 2 * QUARTER_MS])
    assert (found.load_kw, found.import_kwh, found.battery_soc) == ([2.0, 2.0], [14.0, 29.0], [None, 0.5])
    assert found.pv_kw == []


@given(
    st.lists(st.tuples(st.integers(1, 600_000), st.floats(-20, 20)), min_size=2, max_size=80),
    st.integers(0, 10**12),
)
def test_energy_between_the_first_and_the_last_row_is_kept(
    steps: list[tuple[int, float]], start: int
) -> None:
    at, instant = [], start
    for step, _ in steps:
        instant += step
        at.append(instant)
    message = Snapshots("backfill", 0, at, grid_kw=[kw for _, kw in steps])
    found = thinned(message)
    first_span = at[1] - at[0]
    spans = [first_span, *(later - earlier for earlier, later in itertools.pairwise(at))]
    energy = sum(kw * span for (_, kw), span in zip(steps, spans, strict=True))
    ends = found.at
    thin_spans = [ends[0] - at[0] + first_span, *(b - a for a, b in itertools.pairwise(ends))]
    kept = sum((kw or 0.0) * span for kw, span in zip(found.grid_kw, thin_spans, strict=True))
    assert kept == pytest.approx(energy, abs=1e-4 * (at[-1] - at[0] + first_span))
    assert ends[-1] == at[-1]
    assert len({(one - 1) // QUARTER_MS for one in ends}) == len(ends)
