"""Everything that decides a settlement, as one value that can be kept, hashed and read back."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vpp.errors import VppError
from vpp.intervals import Grid
from vpp.settlement.config import config_of, rule_from_config
from vpp.settlement.errors import SettlementError
from vpp.settlement.fingerprint import canonical
from vpp.settlement.rules import PaymentRule

INPUTS_VERSION: Final = 1
# What a home's connection can carry at most [kW], and the longest gap of its readings to interpolate over [s].
MAX_KW: Final = 100.0
MAX_GAP_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Readings:
    """A home's register readings: times [ms since the Unix epoch] and registers [kWh], each (K,)."""

    at_ms: tuple[int, ...]
    import_kwh: tuple[float, ...]
    export_kwh: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MeterCorrection:
    """A person's word on one interval of one home: its net energy [kWh], or None to leave it out."""

    home: str
    index: int
    metered_kwh: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Home:
    """One home's inputs; `baseline_kw` and `asked_kw` are (T,) [kW], a baseline of NaN is unknown."""

    name: str
    baseline_kw: tuple[float, ...]
    asked_kw: tuple[float, ...]
    readings: Readings


@dataclass(frozen=True, slots=True)
class SettlementInputs:
    """What a run is computed from.

    Attributes
    ----------
    grid
        The event's T intervals.
    homes
        The homes that are settled.
    rule
        How they are paid.
    cap_over_asked
        The most that counts, as a multiple of what was asked.
    max_gap_s, max_kw
        Limits of the meter readings, see `vpp.settlement.metering.interval_energies`.
    corrections
        Meter corrections from accepted disputes; of two for one interval the later counts.
    """

    grid: Grid
    homes: tuple[Home, ...]
    rule: PaymentRule
    cap_over_asked: float
    max_gap_s: float = MAX_GAP_S
    max_kw: float = MAX_KW
    corrections: tuple[MeterCorrection, ...] = ()

    def __post_init__(self) -> None:
        names = [home.name for home in self.homes]
        if len(set(names)) != len(names):
            raise SettlementError("a home is there twice")
        for home in self.homes:
            if not len(home.baseline_kw) == len(home.asked_kw) == self.grid.count:
                raise SettlementError(
                    f"what is known of {home.name} does not fit {self.grid.count} intervals"
                )
        for one in self.corrections:
            self._require_correction(one, names=set(names))

    def _require_correction(self, one: MeterCorrection, *, names: set[str]) -> None:
        if one.home not in names or not 0 <= one.index < self.grid.count:
            raise SettlementError(f"a correction of interval {one.index} of {one.home} fits nothing here")
        limit = self.max_kw * self.grid.hours
        if one.metered_kwh is not None and not abs(one.metered_kwh) <= limit:
            raise SettlementError(
                f"a correction to {one.metered_kwh} kWh is beyond what the connection can carry, {limit:g} kWh"
            )


def inputs_text(inputs: SettlementInputs) -> str:
    """Write inputs as canonical JSON, which `inputs_from_text` reads back.

    Raises
    ------
    SettlementError
        For infinite numbers.
    """
    return canonical(
        {
            "version": INPUTS_VERSION,
            "starts_at": inputs.grid.starts_at,
            "interval_s": inputs.grid.interval_s,
            "count": inputs.grid.count,
            "rule": config_of(inputs.rule),
            "limits": [float(inputs.cap_over_asked), float(inputs.max_gap_s), float(inputs.max_kw)],
            "homes": [_home_plain(home) for home in inputs.homes],
            "corrections": [
                [one.home, one.index, None if one.metered_kwh is None else float(one.metered_kwh), one.reason]
                for one in inputs.corrections
            ],
        }
    )


def inputs_from_text(text: str) -> SettlementInputs:
    """Read back what `inputs_text` wrote.

    Raises
    ------
    SettlementError
        For anything else.
    """
    try:
        return _inputs(json.loads(text))
    except VppError as error:
        raise SettlementError(f"these are no inputs of a settlement: {error.detail}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise SettlementError("these are no inputs of a settlement") from error


def _home_plain(home: Home) -> list[object]:
    readings = home.readings
    return [
        home.name,
        [float(value) for value in home.baseline_kw],
        [float(value) for value in home.asked_kw],
        [int(value) for value in readings.at_ms],
        [float(value) for value in readings.import_kwh],
        [float(value) for value in readings.export_kwh],
    ]


def _inputs(plain: Mapping[str, Any]) -> SettlementInputs:
    if plain["version"] != INPUTS_VERSION:
        raise SettlementError(f"version {plain['version']} of inputs is unknown")
    cap_over_asked, max_gap_s, max_kw = plain["limits"]
    return SettlementInputs(
        grid=Grid(datetime.fromisoformat(plain["starts_at"]), plain["interval_s"], plain["count"]),
        homes=tuple(_home(*row) for row in plain["homes"]),
        rule=rule_from_config(plain["rule"]),
        cap_over_asked=cap_over_asked,
        max_gap_s=max_gap_s,
        max_kw=max_kw,
        corrections=tuple(MeterCorrection(*row) for row in plain["corrections"]),
    )


def _home(name: str, /, *columns: list[Any]) -> Home:
    baseline_kw, asked_kw, at_ms, import_kwh, export_kwh = columns
    return Home(
        name=name,
        baseline_kw=tuple(math.nan if value is None else float(value) for value in baseline_kw),
        asked_kw=tuple(float(value) for value in asked_kw),
        readings=Readings(tuple(at_ms), tuple(import_kwh), tuple(export_kwh)),
    )
