import json
import math
from datetime import UTC, datetime

import pytest

from vpp.intervals import Grid
from vpp.protocols.openadr3.common import encode
from vpp.protocols.openadr3.report import decode_report
from vpp.translate.grid_signal import SignalError
from vpp.translate.openadr3_report import ReportedDelivery, report_for_signal

AT_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)
PERIOD = {"start": "2026-01-15T17:00:00Z", "duration": "PT15M"}


def test_a_report_says_what_was_delivered() -> None:
    total = ReportedDelivery("", [3.0, 1.0], [1.5, -0.5], [1.5, 1.0])
    home = ReportedDelivery("home-7", [3.0, math.nan], [1.5, 1.0], [1.5, 0.0])
    report = report_for_signal(
        event_id="e-1",
        client_name="ores",
        grid=Grid(AT_17, 900, 2),
        total=total,
        homes=[home],
        report_name="r",
    )
    assert decode_report(encode(report)) == report
    sent = json.loads(encode(report))
    assert [resource["resourceName"] for resource in sent["resources"]] == ["AGGREGATED_REPORT", "home-7"]
    assert sent["resources"][0]["intervalPeriod"] == PERIOD
    assert sent["resources"][0]["intervals"][1] == {
        "id": 1,
        "payloads": [
            {"type": "BASELINE", "values": [1.0]},
            {"type": "USAGE", "values": [0.0]},
            {"type": "DELTA_USAGE", "values": [-1.0]},
            {"type": "DATA_QUALITY", "values": ["OK"]},
        ],
    }
    assert sent["resources"][1]["intervals"][1]["payloads"] == [
        {"type": "DATA_QUALITY", "values": ["MISSING"]}
    ]
    assert sent["payloadDescriptors"][2] == {
        "objectType": "REPORT_PAYLOAD_DESCRIPTOR",
        "payloadType": "DELTA_USAGE",
        "readingType": "SUMMED",
        "units": "KWH",
    }


@pytest.mark.parametrize("delivered", [[1.0], [1.0, math.inf]])
def test_a_report_that_does_not_fit_is_refused(delivered: list[float]) -> None:
    row = ReportedDelivery("", [1.0, 1.0], [0.0, 0.0], delivered)
    with pytest.raises(SignalError):
        report_for_signal(event_id="e", client_name="c", grid=Grid(AT_17, 900, 2), total=row)
