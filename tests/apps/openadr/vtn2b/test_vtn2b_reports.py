"""The 2.0b VTN: reports, over a socket."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.openadr.models import ReportRequest2b, ReportUpdate2b
from tests.openadr2b import Ven, Vtn, code, let_in, soon

pytestmark = pytest.mark.django_db(transaction=True)


def report_offer(name: str = "METADATA_TELEMETRY_USAGE", specifier: str = "s-1") -> dict[str, Any]:
    point = {
        "r_id": "r-1", "report_type": "reading", "reading_type": "Direct Read",
        "report_data_source": {"resource_id": "meter"},
        "sampling_rate": {"min_period": timedelta(seconds=10), "max_period": timedelta(minutes=5), "on_change": False},
        "measurement": {
            "name": "powerReal", "description": "RealPower", "unit": "W", "scale": "k", "ns": "power",
            "power_attributes": {"hertz": 50, "voltage": 230, "ac": True},
        },
    }  # fmt: skip
    return {
        "report_name": name, "report_specifier_id": specifier, "report_descriptions": [point],
        "created_date_time": soon(0), "duration": timedelta(hours=1), "report_request_id": 0,
    }  # fmt: skip


def report_update(request_id: str, value: float) -> dict[str, Any]:
    interval = {
        "dtstart": soon(-1),
        "duration": timedelta(minutes=1),
        "report_payload": {"r_id": "r-1", "value": value},
    }
    return {
        "report_request_id": request_id, "report_specifier_id": "s-1", "report_name": "TELEMETRY_USAGE",
        "report_id": "x", "created_date_time": soon(0), "dtstart": soon(-1), "intervals": [interval],
    }  # fmt: skip


class TestReports:
    def test_offered_report_is_asked_for_and_kept_with_its_ven(self, ven: Ven) -> None:
        answer = ven.say("EiReport", "oadrRegisterReport", reports=[report_offer()])
        asked = ReportRequest2b.objects.get()
        assert (answer.kind, answer.text(".//ei:reportRequestID")) == (
            "oadrRegisteredReport",
            asked.request_id,
        )
        assert (asked.granularity_s, asked.points["r-1"]["scale"], asked.ven.ven_id) == (60, "k", ven.ven_id)
        response = {"response_code": 200, "response_description": "OK", "request_id": "r"}
        pending = [{"report_request_id": asked.request_id}]
        assert (
            code(ven.say("EiReport", "oadrCreatedReport", response=response, pending_reports=pending)) == 200
        )
        answer = ven.say("EiReport", "oadrUpdateReport", reports=[report_update(asked.request_id, 2.5)])
        assert (answer.kind, code(answer)) == ("oadrUpdatedReport", 200)
        kept = ReportUpdate2b.objects.get()
        assert (kept.ven.ven_id, kept.request, kept.values[0][0], kept.values[0][3]) == (
            ven.ven_id,
            asked,
            "r-1",
            2.5,
        )

    def test_registering_reports_again_keeps_the_request(self, ven: Ven) -> None:
        ven.say("EiReport", "oadrRegisterReport", reports=[report_offer()])
        first = ReportRequest2b.objects.get().request_id
        ven.say(
            "EiReport",
            "oadrRegisterReport",
            reports=[report_offer(), report_offer("METADATA_HISTORY_USAGE", "s-2")],
        )
        assert [one.request_id for one in ReportRequest2b.objects.all()] == [first]

    def test_report_of_another_ven_is_refused(self, ven: Ven, vtn: Vtn, organization: Organization) -> None:
        ven.say("EiReport", "oadrRegisterReport", reports=[report_offer()])
        other = Ven(vtn.port, let_in(organization))
        other.register()
        request_id = ReportRequest2b.objects.get().request_id
        answer = other.say("EiReport", "oadrUpdateReport", reports=[report_update(request_id, 1.0)])
        assert (answer.kind, code(answer), ReportUpdate2b.objects.count()) == ("oadrUpdatedReport", 452, 0)

    @pytest.mark.parametrize("value", ["INF", "NaN", "-INF"])
    def test_value_that_is_no_finite_number_is_refused(self, ven: Ven, value: str) -> None:
        ven.say("EiReport", "oadrRegisterReport", reports=[report_offer()])
        update = report_update(ReportRequest2b.objects.get().request_id, 7.5)
        body = ven.write("oadrUpdateReport", reports=[update]).replace(b">7.5<", f">{value}<".encode())
        status, _ = ven.post("EiReport", body)
        assert (status, ReportUpdate2b.objects.count()) == (200, 0)
