"""What is known of homes into the OpenADR 3.1 reports that an event asks for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vpp.intervals import format_duration
from vpp.protocols.openadr3.common import (
    AGGREGATED_REPORT,
    Interval,
    IntervalPeriod,
    ReportDescriptor,
    ReportPayloadDescriptor,
    ValuesMap,
)
from vpp.protocols.openadr3.report import ReportRequest, ReportResource
from vpp.protocols.openadr3.reporting import ReportInterval, ReportRequestError

DATA_QUALITY: Final = "DATA_QUALITY"
# Units beyond the enumeration's are private strings, as it allows.
ENERGY: Final[Mapping[str, float]] = {"KWH": 1.0, "WH": 1e3, "MWH": 1e-3}
POWER: Final[Mapping[str, float]] = {"KW": 1.0, "W": 1e3, "MW": 1e-3}
SHARE: Final[Mapping[str, float]] = {"PERCENT": 1.0}

Kind = Literal["energy", "power", "share", "state"]
Quality = Literal["OK", "ESTIMATED", "MISSING"]
Cell = float | str


class UnknownPayloadError(ReportRequestError):
    """A payload type of which the platform knows nothing."""

    code = "unknown_payload"


class UnknownUnitsError(ReportRequestError):
    """Units that do not measure what is asked for."""

    code = "unknown_units"


@dataclass(frozen=True, slots=True)
class Payload:
    """How a payload type is made: its default units and reading type, and what else may be asked of it."""

    units: Mapping[str, float]
    default: str | None
    reading: str
    readings: frozenset[str] = frozenset()
    least: float = -math.inf


_MEANS: Final = frozenset({"MEAN", "AVERAGE"})
_PEAKS: Final = _MEANS | {"PEAK"}
_EITHER: Final = {**ENERGY, **POWER}
# A lower bound of 0 is the enumeration's: it knows no negative usage or demand.
PAYLOADS: Final[Mapping[str, Payload]] = {
    "READING": Payload(ENERGY, "KWH", "DIRECT_READ"),
    "USAGE": Payload(ENERGY, "KWH", "DIRECT_READ", least=0.0),
    "DEMAND": Payload(POWER, "KW", "MEAN", _PEAKS, least=0.0),
    "BASELINE": Payload(_EITHER, "KWH", "ESTIMATED"),
    "OPERATING_STATE": Payload({}, None, "DIRECT_READ"),
    "STORAGE_USABLE_CAPACITY": Payload(ENERGY, "KWH", "DIRECT_READ"),
    "STORAGE_CHARGE_LEVEL": Payload({**SHARE, **ENERGY}, "PERCENT", "DIRECT_READ"),
    "STORAGE_MAX_CHARGE_POWER": Payload(POWER, "KW", "DIRECT_READ"),
    "STORAGE_MAX_DISCHARGE_POWER": Payload(POWER, "KW", "DIRECT_READ"),
    "STORAGE_DISPATCH_FORECAST": Payload(_EITHER, "KWH", "FORECAST"),
    "UP_REGULATION_AVAILABLE": Payload(POWER, "KW", "MEAN", _MEANS),
    "DOWN_REGULATION_AVAILABLE": Payload(POWER, "KW", "MEAN", _MEANS),
    "USAGE_FORECAST": Payload(ENERGY, "KWH", "FORECAST"),
    "LOAD_SHED_DELTA_AVAILABLE": Payload(_EITHER, "KWH", "FORECAST"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A payload to be made.

    `kind` says in what base unit its values come (kWh, kW, a share of 1, or a word); `factor` turns that into `units`.
    """

    payload_type: str
    units: str | None
    factor: float
    kind: Kind
    reading_type: str
    forecast: bool
    least: float

    @property
    def is_peak(self) -> bool:
        return self.reading_type == "PEAK"

    @property
    def is_state(self) -> bool:
        return self.kind == "state"


@dataclass(frozen=True, slots=True)
class ReportedSeries:
    """Values of a payload, one row a resource: in the base unit, and how good each is.

    A row of None is left out: the payload has no meaning for that resource.
    """

    wanted: Wanted
    values: Sequence[Sequence[Cell] | None]
    quality: Sequence[Sequence[Quality] | None]


def wanted_of(descriptor: ReportDescriptor) -> Wanted:
    """Tell what a descriptor asks for.

    Raises
    ------
    UnknownPayloadError, UnknownUnitsError
        For what cannot be made.
    """
    payload = PAYLOADS.get(descriptor.payload_type)
    if payload is None:
        raise UnknownPayloadError(f"payload type {descriptor.payload_type} is not known here")
    units = descriptor.units or payload.default
    if payload.default is None:
        units = None
    elif units not in payload.units:
        raise UnknownUnitsError(f"{descriptor.payload_type} is not measured in {units}")
    asked = descriptor.reading_type
    forecast = payload.reading == "FORECAST" or asked == "FORECAST" or not descriptor.historical
    reading = asked if asked in payload.readings and asked is not None else payload.reading
    return Wanted(
        payload_type=descriptor.payload_type,
        units=units,
        factor=payload.units[units] if units is not None else 1.0,
        kind=_kind(units),
        reading_type="FORECAST" if forecast else reading,
        forecast=forecast,
        least=payload.least,
    )


def measured_report(
    *,
    event_id: str,
    client_name: str,
    report_name: str,
    resource_names: Sequence[str],
    intervals: Sequence[ReportInterval],
    series: Sequence[ReportedSeries],
    with_quality: bool = False,
) -> ReportRequest:
    """Build a report of one row a resource and one interval a period.

    A value that is not known is left out and its interval says ``DATA_QUALITY`` MISSING, one of which a part is known
    says ESTIMATED; with `with_quality` the others say OK. Where payloads of an interval differ the worst counts: 3.1
    has one word for all of them.

    Raises
    ------
    ReportRequestError
        Where rows are not as long as the intervals, or carry an infinite value.
    """
    for one in series:
        _check(one, resources=len(resource_names), intervals=len(intervals))
    resources = [
        _resource(name, row=row, intervals=intervals, series=series, with_quality=with_quality)
        for row, name in enumerate(resource_names)
        if any(one.values[row] is not None for one in series)
    ]
    descriptors = [_descriptor(one.wanted, resource_names) for one in series]
    if with_quality:
        descriptors.append(ReportPayloadDescriptor(payload_type=DATA_QUALITY))
    return ReportRequest(
        event_id=event_id,
        client_name=client_name,
        report_name=report_name,
        payload_descriptors=descriptors,
        resources=resources,
    )


def _kind(units: str | None) -> Kind:
    if units is None:
        return "state"
    if units in ENERGY:
        return "energy"
    return "power" if units in POWER else "share"


def _descriptor(wanted: Wanted, resource_names: Sequence[str]) -> ReportPayloadDescriptor:
    summed = AGGREGATED_REPORT in resource_names and wanted.reading_type == "DIRECT_READ"
    reading = "SUMMED" if summed and wanted.kind in ("energy", "power") else wanted.reading_type
    return ReportPayloadDescriptor(payload_type=wanted.payload_type, units=wanted.units, reading_type=reading)


def _check(one: ReportedSeries, *, resources: int, intervals: int) -> None:
    rows = [row for row in one.values if row is not None]
    if {len(one.values), len(one.quality)} != {resources} or any(len(row) != intervals for row in rows):
        raise ReportRequestError(
            f"{one.wanted.payload_type}: {resources} rows of {intervals} values are needed"
        )
    if any(isinstance(value, float) and math.isinf(value) for row in rows for value in row):
        raise ReportRequestError(f"{one.wanted.payload_type}: a value is infinite")


def _resource(
    name: str,
    *,
    row: int,
    intervals: Sequence[ReportInterval],
    series: Sequence[ReportedSeries],
    with_quality: bool,
) -> ReportResource:
    common = _common_period(intervals)
    return ReportResource(
        resource_name=name,
        interval_period=common,
        intervals=[
            Interval(
                id=one.id,
                interval_period=None if common else _period(one),
                payloads=_payloads(series, row, place=place, with_quality=with_quality),
            )
            for place, one in enumerate(intervals)
        ],
    )


def _common_period(intervals: Sequence[ReportInterval]) -> IntervalPeriod | None:
    """The first interval's period where all others follow it at its length."""
    if not intervals:
        return None
    first = intervals[0].period
    length = first.ends_at - first.starts_at
    regular = all(
        one.period.starts_at == first.starts_at + length * index
        and one.period.ends_at - one.period.starts_at == length
        for index, one in enumerate(intervals)
    )
    return _period(intervals[0]) if regular else None


def _period(one: ReportInterval) -> IntervalPeriod:
    return IntervalPeriod(
        start=one.period.starts_at.isoformat().replace("+00:00", "Z"),
        duration=format_duration(one.period.ends_at - one.period.starts_at),
    )


def _payloads(
    series: Sequence[ReportedSeries], row: int, *, place: int, with_quality: bool
) -> list[ValuesMap]:
    found: list[ValuesMap] = []
    said: set[Quality] = set()
    for one in series:
        values, quality = one.values[row], one.quality[row]
        if values is None or quality is None:
            continue
        value = values[place]
        missing = isinstance(value, float) and math.isnan(value)
        said.add("MISSING" if missing else quality[place])
        if not missing:
            found.append(ValuesMap(type=one.wanted.payload_type, values=[_shown(one.wanted, value)]))
    worst: Quality = next((word for word in ("MISSING", "ESTIMATED") if word in said), "OK")
    if worst != "OK" or with_quality:
        found.append(ValuesMap(type=DATA_QUALITY, values=[worst]))
    return found


def _shown(wanted: Wanted, value: Cell) -> Cell:
    if isinstance(value, str):
        return value
    # Six digits: a meter knows no more, and sums of halves of watts would show noise. Adding 0 turns -0.0 into 0.0.
    return round(max(wanted.least, value * wanted.factor), 6) + 0.0
