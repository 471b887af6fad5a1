"""From stored inputs to every line of every statement: the one computation, for the first run and for its check."""

import math
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

import numpy as np

from vpp.settlement.delivery import DeliveredEnergy, Floats, delivered_energy
from vpp.settlement.errors import SettlementError
from vpp.settlement.fingerprint import text_fingerprint
from vpp.settlement.inputs import Home, Readings, SettlementInputs, inputs_text
from vpp.settlement.metering import interval_energies, used_readings
from vpp.settlement.rounding import DIGITS
from vpp.settlement.statement import Statement, settle, settled_kwh
from vpp.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Settled:
    """A computed run: energies and notes per home and interval, (S, T), payments, and the inputs' hash."""

    names: tuple[str, ...]
    energy: DeliveredEnergy
    notes: tuple[tuple[str, ...], ...]
    statement: Statement
    input_hash: str


def compute(inputs: SettlementInputs) -> Settled:
    """Settle from inputs alone: the same inputs give the same lines, on any machine and at any time.

    What could not be measured is neither paid nor counted against a home: its commitment is what was asked
    over the intervals that are known.

    Raises
    ------
    SettlementError
        For inputs that cannot be settled.
    """
    if any(math.isinf(value) or math.isnan(value) for home in inputs.homes for value in home.asked_kw):
        raise SettlementError("what a home was asked for is not a number")
    metered, notes = _metered(inputs)
    shape = (len(inputs.homes), inputs.grid.count)
    asked = np.maximum(0.0, np.array([home.asked_kw for home in inputs.homes], dtype=np.float64)).reshape(
        shape
    )
    energy = delivered_energy(
        baseline_kw=np.array([home.baseline_kw for home in inputs.homes], dtype=np.float64).reshape(shape),
        metered_kwh=metered,
        interval_s=inputs.grid.interval_s,
        cap_kwh=asked * inputs.cap_over_asked * inputs.grid.hours,
    )
    committed = np.where(energy.known, asked * inputs.grid.hours, 0.0)
    names = tuple(home.name for home in inputs.homes)
    statement = settle(
        inputs.rule,
        {name: settled_kwh(row) for name, row in zip(names, energy.delivered_kwh, strict=True)},
        committed_kwh={name: settled_kwh(row) for name, row in zip(names, committed, strict=True)},
        hours=_hours(inputs),
    )
    return Settled(
        names=names,
        energy=energy,
        notes=notes,
        statement=statement,
        input_hash=text_fingerprint(inputs_text(inputs)),
    )


def _hours(inputs: SettlementInputs) -> Decimal:
    seconds = inputs.grid.interval_s * inputs.grid.count
    with localcontext(prec=DIGITS):
        return Decimal(seconds) / Decimal(int(SECONDS_PER_HOUR))


def thinned(inputs: SettlementInputs) -> SettlementInputs:
    """Leave out the readings that decide nothing, so that the inputs can be kept."""
    return replace(inputs, homes=tuple(_thin(home, inputs) for home in inputs.homes))


def _thin(home: Home, inputs: SettlementInputs) -> Home:
    times, imported, exported = used_readings(
        at_ms=home.readings.at_ms,
        import_kwh=home.readings.import_kwh,
        export_kwh=home.readings.export_kwh,
        grid=inputs.grid,
        max_gap_s=inputs.max_gap_s,
        max_kw=inputs.max_kw,
    )
    return replace(
        home, readings=Readings(tuple(times.tolist()), tuple(imported.tolist()), tuple(exported.tolist()))
    )


def _metered(inputs: SettlementInputs) -> tuple[Floats, tuple[tuple[str, ...], ...]]:
    """(S, T) net energies [kWh], NaN is missing, and why; corrections come last."""
    metered = np.full((len(inputs.homes), inputs.grid.count), np.nan)
    notes: list[list[str]] = []
    rows = {home.name: row for row, home in enumerate(inputs.homes)}
    for row, home in enumerate(inputs.homes):
        found = interval_energies(
            at_ms=home.readings.at_ms,
            import_kwh=home.readings.import_kwh,
            export_kwh=home.readings.export_kwh,
            grid=inputs.grid,
            max_gap_s=inputs.max_gap_s,
            max_kw=inputs.max_kw,
        )
        metered[row] = found.net_kwh
        notes.append([str(fault) for fault in found.fault])
    for one in inputs.corrections:
        row = rows[one.home]
        metered[row, one.index] = math.nan if one.metered_kwh is None else one.metered_kwh
        notes[row][one.index] = f"{'left out' if one.metered_kwh is None else 'corrected'}: {one.reason}"
    return metered, tuple(tuple(row) for row in notes)
