"""Events without end: steered signals are moved on, sheds are followed week by week, whoever sent them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.openadr import services
from apps.openadr.models import (
    EventObject,
    ProgramObject,
    ReportObject,
    VenConnection2b,
    VenConnection3,
    VenEvent2b,
    VenReport3,
)
from apps.openadr.signals import events_extend, signals_of_event
from apps.openadr.ven2b import events as events_2b
from apps.openadr.ven2b.connections import connection_create as connection_create_2b
from apps.openadr.ven3 import events as events_3
from apps.openadr.ven3.connections import connection_create as connection_create_3
from apps.openadr.ven3.reports import reports_make
from apps.programs.models import GridSignal, OptOut
from apps.programs.services import opt_out_create, signal_cancel
from apps.settlement.services import signal_settle
from tests import factories
from tests.factories import NOW, Api, Fleet
from vpp.protocols.openadr2b.event import Event2b, Signal, SignalInterval

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)
DAY, WEEK, HOUR = timedelta(days=1), timedelta(days=7), timedelta(hours=1)
Extend = Callable[[datetime], int]


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def fleet() -> Fleet:
    return factories.make_fleet(homes=1, history=False)


@pytest.fixture
def utility(fleet: Fleet) -> Api:
    return factories.make_utility(organization=fleet.organization)


def content(payload: str, value: float, **more: Any) -> dict[str, Any]:
    period = {"start": START.isoformat(), "duration": "P9999Y"}
    intervals = [{"id": 0, "payloads": [{"type": payload, "values": [value]}]}]
    return {"intervalPeriod": period, "intervals": intervals, **more}


class Vtn:
    """A 3.1 utility at our own VTN."""

    def __init__(self, fleet: Fleet) -> None:
        self.api = factories.make_utility(organization=fleet.organization)
        self.program = self.api.post("/programs", {"programName": "Relief"}).json()["id"]
        factories.enroll(program=ProgramObject.objects.get(pk=self.program).program, sites=fleet.sites)
        self.event_id = ""

    def send(self, kind: str, value: float) -> None:
        body = {**content(*PAYLOADS[kind]), "programID": self.program}
        body["intervals"][0]["payloads"][0]["values"] = [value]
        if self.event_id:
            assert self.api.put(f"/events/{self.event_id}", body).status_code == 200
        else:
            self.event_id = self.api.post("/events", body).json()["id"]

    def extend(self, now: datetime) -> int:
        return events_extend(now=now)


class Ven3:
    """A utility's 3.x VTN."""

    def __init__(self, fleet: Fleet) -> None:
        self.connection: VenConnection3 = connection_create_3(
            organization=fleet.organization, program=fleet.program, name="ores", url="https://u.example", now=NOW,
            token_auth="none",
        )  # fmt: skip

    def send(self, kind: str, value: float) -> None:
        shown = {**content(PAYLOADS[kind][0], value), "id": "e", "programID": "p"}
        shown["modificationDateTime"] = NOW.isoformat()
        events_3.events_take(connection_pk=self.connection.pk, shown=[shown], programs={}, now=NOW)

    def extend(self, now: datetime) -> int:
        return events_3.events_extend(connection_pk=self.connection.pk, now=now)


class Ven2b:
    """A utility's 2.0b VTN."""

    def __init__(self, fleet: Fleet) -> None:
        self.connection: VenConnection2b = connection_create_2b(
            program=fleet.program, name="ores", url="https://u.example", now=NOW
        )
        self.number = 0

    def send(self, kind: str, value: float) -> None:
        interval = SignalInterval(timedelta(0), abs(value) if kind == "steered" else value)
        signal = (
            Signal("ELECTRICITY_PRICE", "price", "s", (interval,), "currencyPerKWh", "EUR")
            if kind == "steered"
            else Signal("LOAD_DISPATCH", "delta", "s", (interval,), "powerReal", "W", 1e3)
        )
        event = Event2b("e", self.number, START, timedelta(0), "far", (signal,), NOW)
        self.number += 1
        events_2b.events_take(connection_pk=self.connection.pk, request_id="r", events=[event], now=NOW)

    def extend(self, now: datetime) -> int:
        return events_2b.events_extend(connection_pk=self.connection.pk, now=now)


PAYLOADS = {"steered": ("PRICE", 0.4), "shed": ("DISPATCH_SETPOINT_RELATIVE", -3.0)}


@pytest.fixture(params=[Vtn, Ven3, Ven2b])
def sender(request: pytest.FixtureRequest, fleet: Fleet) -> Any:
    """Whoever sends an event without end."""
    return request.param(fleet)


def weeks() -> list[GridSignal]:
    return list(GridSignal.objects.order_by("starts_at", "source"))


class TestWhoeverSends:
    def test_a_price_is_moved_on_every_hour(self, sender: Any) -> None:
        sender.send("steered", 0.4)
        assert [(one.starts_at, one.ends_at) for one in weeks()] == [(START, START + WEEK)]
        assert [sender.extend(START + DAY), weeks()[0].revision] == [0, 1]  # it begins where it did for a day
        later = START + 3 * DAY
        assert [sender.extend(at) for at in (later, later + HOUR / 2, later + HOUR)] == [1, 0, 1]
        (signal,) = weeks()
        assert (signal.starts_at, signal.ends_at, signal.revision) == (later + HOUR, later + HOUR + WEEK, 3)
        assert set(signal.values) == {0.4}

    def test_a_shed_is_followed_week_by_week(self, sender: Any, fleet: Fleet) -> None:
        sender.send("shed", -3.0)
        assert sender.extend(START + WEEK - DAY - HOUR) == 0
        (first,) = weeks()
        opt_out_create(signal_id=first.pk, site=fleet.sites[0], user=None, reason="", now=NOW, actor="x")
        assert [sender.extend(START + WEEK - DAY + HOUR) for _ in range(2)] == [1, 0]
        second = weeks()[1]
        assert (second.starts_at, second.ends_at, second.state, second.target_kw) == (
            first.ends_at, first.ends_at + WEEK, "accepted", [3.0] * 672,
        )  # fmt: skip
        assert second.source == f"{first.source}#2"
        assert (weeks()[0].revision, OptOut.objects.filter(signal=second).count()) == (1, 1)
        assert [sender.extend(START + 2 * WEEK), len(weeks())] == [1, 3]

    def test_after_a_long_standstill_it_goes_on_from_now(self, sender: Any) -> None:
        sender.send("shed", -3.0)
        GridSignal.objects.update(state="settled")
        later = START + 30 * DAY
        assert sender.extend(later) == 1
        assert [(one.starts_at, one.ends_at) for one in weeks()][1:] == [(later, later + WEEK)]

    def test_a_change_takes_back_the_week_that_was_to_follow(self, sender: Any) -> None:
        sender.send("shed", -3.0)
        sender.extend(START + WEEK - HOUR)
        sender.send("shed", -5.0)
        assert [(one.state, set(one.target_kw)) for one in weeks()] == [
            ("accepted", {5.0}),
            ("canceled", {3.0}),
        ]
        assert [sender.extend(START + WEEK - HOUR) for _ in range(2)] == [1, 0]
        assert [(one.state, set(one.target_kw)) for one in weeks()[1:]] == [
            ("canceled", {3.0}),
            ("accepted", {5.0}),
        ]

    def test_what_is_canceled_is_not_brought_back(self, sender: Any) -> None:
        sender.send("shed", -3.0)
        signal_cancel(signal_id=weeks()[0].pk, now=NOW)
        assert [sender.extend(START + WEEK), len(weeks())] == [0, 1]


class TestAtOurVtn:
    def test_event_shows_the_week_that_runs_and_reports_each(self, fleet: Fleet) -> None:
        vtn = Vtn(fleet)
        vtn.send("shed", -3.0)
        vtn.extend(START + WEEK - HOUR)
        first, second = weeks()
        event = EventObject.objects.get()
        assert event.signal == first
        vtn.extend(START + WEEK + HOUR)
        event.refresh_from_db()
        assert event.signal == second
        for one in (first, second):
            settle(one)
        assert [services.reports_due(now=START + 3 * WEEK) for _ in range(2)] == [2, 0]
        names = ReportObject.objects.filter(event=event).order_by("created_at", "pk")
        assert {one.content["reportName"] for one in names} == {
            "settlement 1", f"settlement 1 from {second.starts_at:%Y-%m-%d %H:%M}",
        }  # fmt: skip

    def test_deleted_event_ends_all_of_it(self, fleet: Fleet) -> None:
        vtn = Vtn(fleet)
        vtn.send("shed", -3.0)
        vtn.extend(START + WEEK - HOUR)
        assert vtn.api.delete(f"/events/{vtn.event_id}").status_code == 200
        assert {one.state for one in weeks()} == {"canceled"}
        assert [vtn.extend(START + WEEK), len(weeks())] == [0, 2]

    def test_what_cannot_be_read_any_more_keeps_no_other_back(self, fleet: Fleet) -> None:
        vtn, other = Vtn(fleet), Vtn(factories.make_fleet(homes=0))
        for one in (vtn, other):
            one.send("steered", 0.4)
        broken = EventObject.objects.get(pk=vtn.event_id)
        broken.content["intervals"][0]["payloads"][0]["values"] = ["x"]
        broken.save()
        assert events_extend(now=START + 2 * DAY) == 1
        assert [
            one.revision for one in signals_of_event(event=EventObject.objects.get(pk=other.event_id))
        ] == [2]

    def test_parts_of_like_names_are_not_confused(self, fleet: Fleet, utility: Api) -> None:
        program = utility.post("/programs", {"programName": "Controls"}).json()["id"]
        names = ("CONTROL_LEVEL_OFFSET_PERCENT", "CONTROL_LEVEL_OFFSET")
        body = {**content(names[0], 1.0), "programID": program}
        body["intervals"][0]["payloads"].append({"type": names[1], "values": [2.0]})
        assert utility.post("/events", body).status_code == 201
        sources = sorted(one.source.split("#", 1)[1] for one in weeks())
        assert sources == sorted(names)


class TestAtAUtilitys3xServer:
    def test_each_week_is_reported(self, fleet: Fleet) -> None:
        ven = Ven3(fleet)
        ven.send("shed", -3.0)
        ven.extend(START + WEEK - HOUR)
        for one in weeks():
            settle(one)
        asked: dict[str, Any] = {"connection_pk": ven.connection.pk, "now": START + 3 * WEEK}
        assert [reports_make(**asked) for _ in range(2)] == [2, 0]
        names = set(VenReport3.objects.values_list("name", flat=True))
        assert names == {"settlement 1", f"settlement 1 from {weeks()[1].starts_at:%Y-%m-%d %H:%M}"}


class TestAtAUtilitys2bServer:
    def test_an_event_kept_by_an_earlier_version_waits_until_it_comes_again(self, fleet: Fleet) -> None:
        ven = Ven2b(fleet)
        ven.send("shed", -3.0)
        VenEvent2b.objects.update(content=None)
        assert ven.extend(START + WEEK - HOUR) == 0
        ven.number -= 1
        ven.send("shed", -3.0)  # the same again
        assert ven.extend(START + WEEK - HOUR) == 1


def settle(signal: GridSignal) -> None:
    GridSignal.objects.filter(pk=signal.pk).update(state="ended")
    signal.refresh_from_db()
    assert signal_settle(signal=signal, now=signal.ends_at + DAY) is not None
