"""The platform as a 2.0b VEN: of `openleadr`'s own VTN, and of ours."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.openadr.models import (
    VenConnection2b,
    VenEvent2b,
)
from apps.openadr.ven2b.connections import (
    connection_create,
)
from apps.programs.models import GridSignal, Program
from apps.programs.opt_out_periods import opt_out_period_create, opt_out_period_end
from apps.programs.services import enrollment_create, signal_cancel
from apps.sites.services import site_create
from tests.exhaustive import exhaustive
from tests.openadr2b import VenProcess, soon
from tests.openadr2b_ven import LibraryVtn, VenThread, until

pytestmark = pytest.mark.django_db(transaction=True)


def event(event_id: str = "e-1", number: int = 0, *, starts_at: datetime, **changes: Any) -> dict[str, Any]:
    """An event of the library: two half-hours of `value` kW."""
    value, kind = changes.pop("value", -3.0), changes.pop("kind", ("LOAD_DISPATCH", "delta"))
    interval = {"dtstart": starts_at, "duration": timedelta(minutes=30), "signal_payload": value}
    signal_ = {
        "intervals": [interval, {**interval, "dtstart": starts_at + timedelta(minutes=30)}],
        "signal_name": kind[0], "signal_type": kind[1], "signal_id": "s",
    }  # fmt: skip
    if kind[0] == "LOAD_DISPATCH":
        power = {"hertz": 50, "voltage": 230, "ac": True}
        signal_["measurement"] = {
            "name": "powerReal", "description": "RealPower", "unit": "W", "scale": "k", "power_attributes": power,
        }  # fmt: skip
    return {
        "event_descriptor": {
            "event_id": event_id, "modification_number": number, "market_context": "http://utility", "priority": 0,
            "event_status": changes.pop("status", "far"), "created_date_time": soon(0),
        },
        "active_period": {"dtstart": starts_at, "duration": timedelta(hours=1)},
        "event_signals": [signal_],
        "targets": [{"ven_id": "ven-1"}],
        "response_required": "always",
        **changes,
    }  # fmt: skip


@pytest.fixture
def connection(program: Program, utility: LibraryVtn) -> VenConnection2b:
    return connection_create(
        program=program, name="ores", url=utility.url, now=soon(0), level_kw=[1.0, 2.0, 3.0]
    )


def signal_of(connection: VenConnection2b, event_id: str = "e-1") -> GridSignal:
    found = GridSignal.objects.filter(source__startswith=f"openadr2b:{connection.pk}:{event_id}#")
    return found.latest("received_at")


class TestEvents:
    def test_utility_hears_when_no_home_is_left_and_when_one_is_back(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        home = site_create(organization=connection.program.organization, name="Rose Street 1", now=soon(0))
        enrollment_create(program=connection.program, site=home, now=soon(0))
        period = opt_out_period_create(
            site=home, starts_at=soon(0), ends_at=None, user=None, actor="owner", now=soon(0)
        )
        utility.show(event(starts_at=soon()))
        until(lambda: bool(utility.opts) and utility.opts[-1] == ("e-1", "optOut"))
        opt_out_period_end(site=home, period_id=period.pk, actor="owner", now=soon(0))
        until(lambda: utility.opts[-1] == ("e-1", "optIn"))

    def test_event_becomes_a_signal_that_is_revised_and_canceled(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        starts_at = soon()
        utility.show(event(starts_at=starts_at))
        until(lambda: utility.opts == [("e-1", "optIn")])
        signal_ = signal_of(connection)
        assert (signal_.starts_at, signal_.ends_at) == (starts_at, starts_at + timedelta(hours=1))
        assert (signal_.target_kw, signal_.program_id) == ([3.0] * 4, connection.program_id)
        utility.show(event(number=1, starts_at=starts_at, value=-5.0))
        until(lambda: len(utility.opts) == 2)
        signal_.refresh_from_db()
        assert (signal_.target_kw, signal_.revision, signal_.state) == ([5.0] * 4, 2, "accepted")
        utility.show(event(number=2, starts_at=starts_at, status="cancelled"))
        until(lambda: len(utility.opts) == 3)
        assert signal_of(connection).state == "canceled"
        assert GridSignal.objects.count() == 1

    def test_change_and_cancellation_during_the_event(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        starts_at = soon(-10)
        utility.show(event(starts_at=starts_at, status="active"))
        until(lambda: utility.opts == [("e-1", "optIn")])
        utility.show(event(number=1, starts_at=starts_at, status="active", value=-1.0))
        until(lambda: len(utility.opts) == 2)
        assert signal_of(connection).target_kw == [1.0] * 4
        utility.show(event(number=2, starts_at=starts_at, status="cancelled", value=-1.0))
        until(lambda: signal_of(connection).state == "canceled")

    def test_event_that_is_missing_is_canceled(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        first, second = event("e-1", starts_at=soon()), event("e-2", starts_at=soon(200))
        utility.show(first, second)
        until(lambda: len(utility.opts) == 2)
        utility.show(second)
        until(lambda: signal_of(connection).state == "canceled")
        assert signal_of(connection, "e-2").state == "accepted"
        utility.show()
        until(lambda: signal_of(connection, "e-2").state == "canceled")
        utility.show(first)
        until(lambda: GridSignal.objects.filter(state="accepted").count() == 1)
        assert GridSignal.objects.count() == 3

    def test_simple_levels_mean_what_the_connection_says(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        utility.show(event(starts_at=soon(), kind=("SIMPLE", "level"), value=2))
        until(lambda: utility.opts == [("e-1", "optIn")])
        assert signal_of(connection).target_kw == [2.0] * 4

    @pytest.mark.parametrize(
        ("changes", "response_code"),
        [
            ({"kind": ("x-strange", "level"), "value": 1.0}, 460),
            ({"value": 4.0}, 200),
            ({"kind": ("BID_LOAD", "setpoint"), "value": 1.0}, 460),
        ],
        ids=["unknown signal", "asks for more", "unsupported"],
    )
    def test_what_the_platform_cannot_do_is_refused(
        self,
        utility: LibraryVtn,
        connection: VenConnection2b,
        ven: VenThread,
        changes: Any,
        response_code: int,
    ) -> None:
        utility.show(event(starts_at=soon(), **changes))
        until(lambda: utility.opts == [("e-1", "optOut")])
        held = VenEvent2b.objects.get()
        assert (held.response_code, held.signal, bool(held.reason)) == (response_code, None, True)
        assert GridSignal.objects.count() == 0

    def test_event_that_turns_impossible_is_asked_of_nobody(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        starts_at = soon()
        utility.show(event(starts_at=starts_at))
        until(lambda: len(utility.opts) == 1)
        utility.show(event(number=1, starts_at=starts_at, value=4.0))
        until(lambda: utility.opts == [("e-1", "optIn"), ("e-1", "optOut")])
        assert signal_of(connection).state == "canceled"

    def test_change_of_mind_reaches_a_vtn_without_ei_opt(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        utility.show(event(starts_at=soon()))
        until(lambda: utility.opts == [("e-1", "optIn")])
        signal_cancel(signal_id=signal_of(connection).pk, now=soon(0))
        until(lambda: utility.opts == [("e-1", "optIn"), ("e-1", "optOut")])

    def test_test_event_asks_nothing_of_the_homes(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        made = event(starts_at=soon())
        made["event_descriptor"]["test_event"] = True
        utility.show(made)
        until(lambda: utility.opts == [("e-1", "optIn")])
        assert GridSignal.objects.count() == 0

    def test_forgotten_ven_registers_again_and_keeps_its_signals(
        self, utility: LibraryVtn, connection: VenConnection2b, ven: VenThread
    ) -> None:
        utility.show(event(starts_at=soon()))
        until(lambda: len(utility.opts) == 1)
        utility.forget()
        until(lambda: len(utility.registrations) == 2)
        until(lambda: len(utility.opts) == 2)
        assert utility.registrations[1]["ven_id"] == "ven-1"
        assert (signal_of(connection).state, signal_of(connection).revision) == ("accepted", 1)


@exhaustive
def test_killed_at_any_state_of_an_events_life_it_loses_nothing(
    utility: LibraryVtn, connection: VenConnection2b
) -> None:
    starts_at = soon()
    running = VenProcess("openadr2b_ven")
    try:
        until(lambda: VenConnection2b.objects.filter(reports_offered=True).exists())
        running.kill()
        utility.show(event(starts_at=starts_at))  # came while it was away
        running.start()
        until(lambda: ("e-1", "optIn") in utility.opts)
        running.kill()
        utility.show(event(number=1, starts_at=starts_at, value=-7.0))  # changed while it was away
        running.start()
        until(lambda: signal_of(connection).target_kw == [7.0] * 4)
        running.kill()
        VenEvent2b.objects.update(answered_opt="")  # killed between deciding and answering
        utility.opts.clear()
        running.start()
        until(lambda: ("e-1", "optIn") in utility.opts)
        running.kill()
        utility.show(
            event("e-2", starts_at=starts_at + timedelta(hours=4))
        )  # the first is gone, a second is there
        running.start()
        until(lambda: signal_of(connection).state == "canceled")
        until(lambda: GridSignal.objects.filter(state="accepted").count() == 1)
    finally:
        running.kill()
    assert (len(utility.registrations), signal_of(connection).revision) == (1, 2)
