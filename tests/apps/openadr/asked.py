"""What tests of asked reports share: events that ask, known measurements, and values as they are told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from apps.programs.models import Program
from apps.sites.models import Site
from tests import factories
from tests.factories import NOW, QUARTER, Api

START = NOW + timedelta(hours=2)
MINUTE = timedelta(minutes=1)


def enrolled_program(utility: Api, sites: Sequence[Site]) -> str:
    """Make a program by the API and let the homes take part."""
    name = f"Reports {factories.number()}"
    answer = utility.post("/programs", {"programName": name})
    assert answer.status_code == 201, answer.content
    factories.enroll(program=Program.objects.get(name=name), sites=sites)
    return str(answer.json()["id"])


def post_event(
    utility: Api, program_id: str, *descriptors: dict[str, Any], count: int = 2, **changes: Any
) -> str:
    """Post an event of quarter-hours without payloads, which asks for reports only."""
    body = {
        "programID": program_id,
        "intervalPeriod": {"start": START.isoformat(), "duration": "PT15M"},
        "intervals": [{"id": 10 + index, "payloads": []} for index in range(count)],
        "reportDescriptors": list(descriptors),
        **changes,
    }
    answer = utility.post("/events", {name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def ask(payload_type: str, **changes: Any) -> dict[str, Any]:
    return {"payloadType": payload_type, **changes}


def reports(utility: Api, event_id: str) -> list[dict[str, Any]]:
    """Return an event's reports, by name; those of one name by what they tell."""
    found: list[dict[str, Any]] = utility.get("/reports", eventID=event_id).json()
    return sorted(
        found, key=lambda one: (one["reportName"], str(one["payloadDescriptors"]), str(one["resources"]))
    )


def rows(report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Values by resource: one dictionary an interval, from payload type to its value."""
    return {
        resource["resourceName"]: [
            {payload["type"]: payload["values"][0] for payload in interval["payloads"]}
            for interval in resource["intervals"]
        ]
        for resource in report["resources"]
    }


def draw(sites: Sequence[Site], *kw: float, starts_at: datetime = START) -> None:
    """Let homes draw so much in the quarter-hours from `starts_at` on."""
    for index, one in enumerate(kw):
        begin = starts_at + index * QUARTER
        factories.add_snapshots(
            sites=sites, starts_at=begin, ends_at=begin + QUARTER, step=MINUTE,
            grid_kw=one, battery_soc=0.5, import_kwh=f"100 + {index + 1}",
        )  # fmt: skip


def only(utility: Api, event_id: str) -> dict[str, Any]:
    (found,) = reports(utility, event_id)
    return found
