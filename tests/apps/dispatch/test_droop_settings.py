"""Droop settings on their way to the hubs of a program, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.hubs.instructions import instructions_take
from apps.hubs.models import Instruction
from tests import factories
from tests.factories import NOW
from vpp.protocols.link.messages import Droop

pytestmark = pytest.mark.django_db
CURVE = {
    "nominal_hz": 50.0, "dead_band_hz": 0.1, "slope_kw_per_hz": 10.0, "most_kw": 3.0, "recovery_kw_per_s": 0.05,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _now(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


def test_settings_reach_every_hub_and_are_taken_back() -> None:
    fleet = factories.make_fleet(homes=2)
    api = factories.make_aggregator(organization=fleet.organization)
    path = f"/programs/{fleet.program.pk}/droop"
    ends_at = (NOW + timedelta(days=7)).isoformat()
    answer = api.put(path, {"settings": CURVE, "ends_at": ends_at})
    assert (answer.status_code, answer.json()) == (200, {"hubs_told": 2})
    assert api.get(path).json() == {"hubs": {"queued": 2}}
    hub_ids = [str(one.hub_id) for one in Instruction.objects.all()]
    sent = [message for _, message in instructions_take(hub_ids=hub_ids, now=NOW)]
    assert [(one.schedule, one.droop) for one in sent] == [(None, Droop(**CURVE))] * 2
    assert api.get(path).json() == {"hubs": {"sent": 2}}
    assert api.put(path, {"settings": None, "ends_at": ends_at}).status_code == 200
    newest = Instruction.objects.filter(revision=2)
    assert [(one.schedule, one.droop) for one in newest] == [(None, None)] * 2
    assert AuditEntry.objects.filter(action="droop_set").count() == 2


@pytest.mark.parametrize(
    "sent",
    [
        {"settings": {**CURVE, "slope_kw_per_hz": -1.0}},
        {"settings": {**CURVE, "nominal_hz": "NaN"}},
        {"settings": {"nominal_hz": 50.0}},
        {"settings": CURVE, "ends_at": (NOW - timedelta(hours=1)).isoformat()},
        {"settings": CURVE, "ends_at": (NOW + timedelta(days=400)).isoformat()},
        {},
    ],
)
def test_settings_without_sense_are_refused_and_nobody_is_told(sent: dict[str, Any]) -> None:
    fleet = factories.make_fleet(homes=1)
    api = factories.make_aggregator(organization=fleet.organization)
    body = {"ends_at": (NOW + timedelta(days=7)).isoformat(), **sent}
    assert api.put(f"/programs/{fleet.program.pk}/droop", body).status_code == 400
    assert Instruction.objects.count() == 0


def test_a_strangers_program_is_not_there() -> None:
    fleet = factories.make_fleet(homes=1)
    api = factories.make_aggregator(organization=factories.make_organization())
    body = {"settings": CURVE, "ends_at": (NOW + timedelta(days=7)).isoformat()}
    assert api.put(f"/programs/{fleet.program.pk}/droop", body).status_code == 404
    assert Instruction.objects.count() == 0
