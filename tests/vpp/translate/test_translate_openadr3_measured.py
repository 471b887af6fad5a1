import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.intervals import Interval
from vpp.protocols.openadr3.common import ReportDescriptor, encode
from vpp.protocols.openadr3.report import decode_report
from vpp.protocols.openadr3.reporting import ReportInterval, ReportRequestError
from vpp.translate.openadr3_measured import (
    PAYLOADS,
    ReportedSeries,
    UnknownPayloadError,
    UnknownUnitsError,
    Wanted,
    measured_report,
    wanted_of,
)

AT_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
TWO = tuple(
    ReportInterval(index, Interval(AT_17 + index * QUARTER, AT_17 + (index + 1) * QUARTER))
    for index in (0, 1)
)


def wanted(payload_type: str, **changes: object) -> Wanted:
    return wanted_of(ReportDescriptor(payload_type=payload_type, **changes))  # type: ignore[arg-type]


def report(*series: ReportedSeries, names: tuple[str, ...] = ("home",), with_quality: bool = False):  # type: ignore[no-untyped-def]
    made = measured_report(
        event_id="e", client_name="c", report_name="r", resource_names=names, intervals=TWO, series=series,
        with_quality=with_quality,
    )  # fmt: skip
    assert decode_report(encode(made)) == made
    return json.loads(encode(made))


def test_values_are_told_in_the_units_asked_for() -> None:
    series = ReportedSeries(wanted("DEMAND", units="W", reading_type="PEAK"), [[1.25, -0.5]], [["OK", "OK"]])
    told = report(series)
    assert [one["payloads"] for one in told["resources"][0]["intervals"]] == [
        [{"type": "DEMAND", "values": [1250.0]}],
        [{"type": "DEMAND", "values": [0.0]}],
    ]
    assert (told["payloadDescriptors"][0]["units"], told["payloadDescriptors"][0]["readingType"]) == (
        "W",
        "PEAK",
    )


def test_worst_of_an_interval_is_its_quality() -> None:
    usage = ReportedSeries(wanted("USAGE"), [[1.0, math.nan]], [["OK", "OK"]])
    baseline = ReportedSeries(wanted("BASELINE"), [[2.0, 3.0]], [["ESTIMATED", "OK"]])
    told = [one["payloads"] for one in report(usage, baseline)["resources"][0]["intervals"]]
    assert told == [
        [
            {"type": "USAGE", "values": [1.0]},
            {"type": "BASELINE", "values": [2.0]},
            {"type": "DATA_QUALITY", "values": ["ESTIMATED"]},
        ],
        [{"type": "BASELINE", "values": [3.0]}, {"type": "DATA_QUALITY", "values": ["MISSING"]}],
    ]


def test_resource_that_a_payload_does_not_concern_is_left_out() -> None:
    series = ReportedSeries(wanted("STORAGE_CHARGE_LEVEL"), [[0.5, 0.5], None], [["OK", "OK"], None])
    assert [one["resourceName"] for one in report(series, names=("a", "b"))["resources"]] == ["a"]


def test_intervals_that_do_not_follow_each_other_have_their_own_periods() -> None:
    apart = (TWO[0], ReportInterval(7, Interval(AT_17 + 2 * QUARTER, AT_17 + 4 * QUARTER)))
    series = ReportedSeries(wanted("OPERATING_STATE"), [["NORMAL", "ERROR"]], [["OK", "OK"]])
    made = measured_report(
        event_id="e",
        client_name="c",
        report_name="r",
        resource_names=["home"],
        intervals=apart,
        series=[series],
    )
    (resource,) = json.loads(encode(made))["resources"]
    assert "intervalPeriod" not in resource
    assert [one["intervalPeriod"]["duration"] for one in resource["intervals"]] == ["PT15M", "PT30M"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"payload_type": "MOOD"}, UnknownPayloadError),
        ({"payload_type": "USAGE", "units": "KW"}, UnknownUnitsError),
        ({"payload_type": "DEMAND", "units": "THERMS"}, UnknownUnitsError),
    ],
)
def test_what_cannot_be_told_is_refused(asked: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        wanted(**asked)


def test_rows_that_do_not_fit_are_refused() -> None:
    for values in ([[1.0]], [[1.0, math.inf]], []):
        with pytest.raises(ReportRequestError):
            report(ReportedSeries(wanted("USAGE"), values, [["OK", "OK"]] * len(values)))


@given(st.sampled_from(sorted(PAYLOADS)), st.floats(-1e6, 1e6), st.booleans())
def test_every_payload_is_told_and_read_back(payload_type: str, value: float, quality: bool) -> None:
    one = wanted(payload_type)
    cell = "NORMAL" if one.is_state else value
    told = report(ReportedSeries(one, [[cell, math.nan]], [["OK", "OK"]]), with_quality=quality)
    first, second = (part["payloads"] for part in told["resources"][0]["intervals"])
    shown = cell if isinstance(cell, str) else pytest.approx(max(one.least, value * one.factor), abs=1e-6)
    assert first[0] == {"type": payload_type, "values": [shown]}
    assert (len(first) == 2) is quality
    assert second == [{"type": "DATA_QUALITY", "values": ["MISSING"]}]
