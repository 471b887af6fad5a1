"""One event may ask for several things; each is a grid signal that follows the event."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.openadr.models import EventObject
from apps.openadr.signals import events_extend, signals_of_event
from apps.programs.models import GridSignal
from tests import factories
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def utility(organization: Organization) -> Api:
    return factories.make_utility(organization=organization)


def event(program: str, *payloads: tuple[str, Any], duration: str = "PT1H", **more: Any) -> dict[str, Any]:
    sent = [{"type": name, "values": [value]} for name, value in payloads]
    return {
        "programID": program,
        "intervalPeriod": {"start": START.isoformat(), "duration": duration},
        "intervals": [{"id": 0, "payloads": sent}],
        **more,
    }


def post(utility: Api, *payloads: tuple[str, Any], **more: Any) -> dict[str, Any]:
    program = utility.post("/programs", {"programName": f"Program {factories.number()}"}).json()["id"]
    answer = utility.post("/events", event(program, *payloads, **more))
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def held(made: dict[str, Any]) -> dict[str, tuple[str, str, int]]:
    found = signals_of_event(event=EventObject.objects.get(pk=made["id"]))
    return {one.source.split("#", 1)[1]: (one.kind, one.state, one.revision) for one in found}


def test_an_event_with_two_payload_types_makes_two_signals(utility: Api) -> None:
    made = post(utility, ("PRICE", 0.4), ("IMPORT_CAPACITY_LIMIT", 50), priority=3)
    assert held(made) == {
        "PRICE": ("price", "accepted", 1),
        "IMPORT_CAPACITY_LIMIT": ("import_limit", "accepted", 1),
    }
    assert set(GridSignal.objects.values_list("priority", flat=True)) == {3}


def test_a_change_reaches_only_what_it_changes(utility: Api) -> None:
    made = post(utility, ("PRICE", 0.4), ("GHG", 300))
    changed = event(made["programID"], ("PRICE", 0.5), ("GHG", 300))
    assert utility.put(f"/events/{made['id']}", changed).status_code == 200
    assert held(made) == {"PRICE": ("price", "accepted", 2), "GHG": ("ghg", "accepted", 1)}
    only_price = event(made["programID"], ("PRICE", 0.5))
    assert utility.put(f"/events/{made['id']}", only_price).status_code == 200
    assert held(made) == {"PRICE": ("price", "accepted", 2), "GHG": ("ghg", "canceled", 1)}


def test_deleting_an_event_cancels_all_of_it(utility: Api) -> None:
    made = post(utility, ("PRICE", 0.4), ("CHARGE_STATE_SETPOINT", 80))
    utility.delete(f"/events/{made['id']}")
    assert {state for _, state, _ in held(made).values()} == {"canceled"}


def test_what_devices_know_and_what_is_only_told_is_kept(utility: Api) -> None:
    made = post(utility, ("CURVE", {"x": 1.0, "y": 0.5}), ("ALERT_OTHER", "Works in your street"))
    assert held(made) == {"CURVE": ("device", "accepted", 1), "ALERT_OTHER": ("notice", "accepted", 1)}
    notice = GridSignal.objects.get(kind="notice")
    assert notice.detail["text"] == "Works in your street"


def test_an_event_of_types_that_nobody_knows_is_kept_and_asks_nothing(utility: Api) -> None:
    assert held(post(utility, ("X_OURS", "a"))) == {}


def test_an_event_without_end_is_moved_on(utility: Api) -> None:
    made = post(utility, ("PRICE", 0.4), duration="P9999Y")
    later = START + timedelta(days=30)
    assert events_extend(now=later) == 1
    signal = GridSignal.objects.get()
    assert (signal.starts_at, signal.ends_at) == (later, later + timedelta(days=7))
    assert signal.revision == 2
    utility.delete(f"/events/{made['id']}")
    assert events_extend(now=later) == 0


def test_a_start_drawn_at_random_is_the_same_each_time(utility: Api) -> None:
    period = {"start": START.isoformat(), "duration": "PT1H", "randomizeStart": "PT10M"}
    made = post(utility, ("SIMPLE", 1), intervalPeriod=period)
    first = GridSignal.objects.get().starts_at
    assert abs(first - START) <= timedelta(minutes=10)
    again = event(made["programID"], ("SIMPLE", 1), intervalPeriod=period)
    utility.put(f"/events/{made['id']}", again)
    assert GridSignal.objects.get().starts_at == first
