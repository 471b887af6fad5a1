"""What a homeowner reads of every kind of grid signal, how a steered one is left, and why the battery did what it did."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.dispatch.services import signal_plan, site_release
from apps.portal.reasons import instant
from apps.programs.models import GridSignal, OptOut
from apps.programs.services import signal_cancel
from tests import factories
from tests.apps.dispatch.test_signal_kinds import plan_of, receive
from tests.apps.portal.world import words
from tests.factories import Fleet
from vpp.translate.grid_signal import SignalKind

As = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db
CHEAP_THEN_DEAR = [0.05] * 8 + [0.60] * 8
CASES: list[tuple[SignalKind, Sequence[float | None], dict[str, Any], str]] = [
    ("price", CHEAP_THEN_DEAR, {}, "Your battery charges while power is cheap"),
    ("export_price", [0.3] * 4, {}, "feeds power in while the grid pays well"),
    ("ghg", [100.0, 900.0], {}, "charges while power is clean"),
    ("charge_state", [0.9] * 4, {"unit": "share"}, "Your battery is kept at least 90 % full."),
    ("charge_state", [9.0] * 4, {"unit": "kWh"}, "keeps its part of the energy"),
    (
        "charge_state",
        [1.0] * 4,
        {"unit": "share", "alert": "ALERT_WIND", "text": "Storm from the west"},
        "Wind. Storm from the west 17 June, 18:50 Your battery is kept full because of a storm warning.",
    ),
    ("import_limit", [6.0] * 4, {}, "keep what all homes together draw from the grid below a limit"),
    ("export_limit", [6.0] * 4, {}, "keep what all homes together feed into it below a limit"),
    ("device", [None] * 4, {"payload": "OLS", "content": [[0.5]] * 4}, "(OLS) was passed on to your hub"),
    (
        "notice",
        [None] * 4,
        {"alert": "ALERT_OTHER", "text": "Works in Rose Street"},
        "Other. Works in Rose Street 17 June, 18:50 This is for you to know.",
    ),
    ("level", [2.0] * 4, {"alert": "ALERT_FLEX_ALERT", "text": "Please save"}, "Flex alert. Please save"),
    ("setpoint", [0.5] * 4, {}, "Every interval"),
]


@pytest.fixture
def fleet(now: datetime) -> Fleet:
    return factories.make_fleet(homes=2, now=now)


def page(client: Client, fleet: Fleet, path: str) -> str:
    answer = client.get(f"/sites/{fleet.sites[0].pk}/{path}")
    assert answer.status_code == 200
    return words(answer.content.decode())


def make(fleet: Fleet, now: datetime, kind: SignalKind, values: Any, **detail: Any) -> GridSignal:
    return receive(fleet, kind, values, starts_at=detail.pop("starts_at", now), now=now, **detail)


class TestEveryKind:
    @pytest.mark.parametrize(("kind", "values", "detail", "said"), CASES)
    def test_in_plain_words(
        self,
        as_: As,
        fleet: Fleet,
        now: datetime,
        kind: SignalKind,
        values: Any,
        detail: dict[str, Any],
        said: str,
    ) -> None:
        client = as_(factories.make_owner(site=fleet.sites[0]))
        signal = make(fleet, now, kind, values, **detail)
        path = f"events/{signal.pk}/"
        assert said in page(client, fleet, path)
        signal_plan(signal_id=signal.pk, reason="test", now=now)
        shown = page(client, fleet, path)
        assert said in shown
        assert ("Opt out" in shown) == (kind != "notice")
        assert "statement" not in shown
        if kind != "setpoint":
            assert said in page(client, fleet, "")
        page(client, fleet, "events/")
        GridSignal.objects.update(
            state="ended", starts_at=now - timedelta(hours=4), ends_at=now - timedelta(hours=2)
        )
        shown = page(client, fleet, path)
        assert ("The statement is being made up." in shown) == signal.is_shed
        assert "Opt out" not in shown
        page(client, fleet, "")

    def test_a_canceled_one_is_gone(self, as_: As, fleet: Fleet, now: datetime) -> None:
        signal = make(fleet, now, "price", CHEAP_THEN_DEAR)
        plan_of(signal, now=now)
        signal_cancel(signal_id=signal.pk, now=now)
        client = as_(factories.make_owner(site=fleet.sites[0]))
        assert client.get(f"/sites/{fleet.sites[0].pk}/events/{signal.pk}/").status_code == 404
        page(client, fleet, "")

    def test_battery_now_and_ahead(self, as_: As, fleet: Fleet, now: datetime) -> None:
        signal = make(fleet, now, "charge_state", [1.0] * 4, unit="share")
        plan_of(signal, now=now)
        said = page(as_(factories.make_owner(site=fleet.sites[0])), fleet, f"events/{signal.pk}/")
        assert "Now your battery charges with 4.0 kW." in said
        assert "Battery (up: charging, down: giving)" in said

    def test_home_without_a_known_battery_reads_why(self, as_: As, fleet: Fleet, now: datetime) -> None:
        bare = factories.make_site(organization=fleet.organization, battery=None, now=now)
        factories.enroll(program=fleet.program, sites=[bare], now=now)
        factories.add_history(sites=[bare], now=now)
        signal = make(fleet, now, "price", CHEAP_THEN_DEAR)
        plan_of(signal, now=now)
        answer = as_(factories.make_owner(site=bare)).get(f"/sites/{bare.pk}/events/{signal.pk}/")
        said = words(answer.content.decode())
        assert "no part in it for now: no battery whose state is known." in said

    def test_an_event_that_is_paid_comes_before_an_endless_price(
        self, as_: As, fleet: Fleet, now: datetime
    ) -> None:
        make(fleet, now, "price", CHEAP_THEN_DEAR, starts_at=now - timedelta(hours=1), endless=True)
        make(fleet, now, "notice", [None], alert="ALERT_OTHER", text="Works")
        make(fleet, now, "shed", [1.0] * 4)
        said = page(as_(factories.make_owner(site=fleet.sites[0])), fleet, "event")
        assert said.startswith("Other , 17 June, 18:50 to 17 June, 19:05. Works shed running")
        assert "Also price price" in said


class TestLeaving:
    def test_opting_out_of_a_price(self, as_: As, fleet: Fleet, now: datetime) -> None:
        signal = make(fleet, now, "price", CHEAP_THEN_DEAR)
        plan_of(signal, now=now)
        client = as_(factories.make_owner(site=fleet.sites[0]))
        path = f"/sites/{fleet.sites[0].pk}/events/{signal.pk}/"
        assert "Works at once: your home goes its own way." in words(client.get(path).content.decode())
        answer = client.post(f"{path}opt-out", headers={"HX-Request": "true"})
        said = words(answer.content.decode())
        assert "You are out of this event." in said
        assert "Your battery" not in said
        assert OptOut.objects.count() == 1
        site_release(signal_id=signal.pk, site_id=fleet.sites[0].pk, reason="out", now=now)
        assert "Nobody told your home anything" in page(client, fleet, "why/")

    def test_a_limit_of_the_connection_has_no_button(self, as_: As, fleet: Fleet, now: datetime) -> None:
        fleet.program.capacity_scope = "home"
        fleet.program.save()
        signal = make(fleet, now, "import_limit", [2.5] * 4)
        plan_of(signal, now=now)
        client = as_(factories.make_owner(site=fleet.sites[0]))
        path = f"/sites/{fleet.sites[0].pk}/events/{signal.pk}/"
        said = words(client.get(path).content.decode())
        assert "Your home draws at most 2.5 kW from the grid." in said
        assert "so it cannot be left" in said
        assert "Opt out" not in said
        assert "At your hub: queued." in said
        answer = client.post(f"{path}opt-out", headers={"HX-Request": "true"})
        assert (answer.status_code, OptOut.objects.count()) == (409, 0)


class TestWhy:
    def test_chain_from_the_battery_to_plan_and_signals(self, as_: As, fleet: Fleet, now: datetime) -> None:
        make(fleet, now, "ghg", [100.0] * 8)
        signal = make(fleet, now, "price", CHEAP_THEN_DEAR)
        plan = plan_of(signal, now=now)
        owner = page(as_(factories.make_owner(site=fleet.sites[0])), fleet, "why/")
        assert "18:50: Your battery " in owner
        assert "The hub was told at 17 June, 18:50: test ." in owner
        assert "It follows from" in owner and "(price: 0.05 to 0.6 EUR per kWh)" in owner
        assert re.search(r"Planned by (price, greenhouse gas|greenhouse gas, price) together\.", owner)
        client = as_(factories.make_operator(organization=fleet.organization))
        path = f"/console/{fleet.organization.pk}/events/{plan.signal_id}/plans/{plan.revision}/"
        html = client.get(f"/sites/{fleet.sites[0].pk}/why/").content.decode()
        assert f'href="{path}"' in html

    def test_discharge_in_an_event_goes_before_the_price(self, as_: As, fleet: Fleet, now: datetime) -> None:
        plan_of(make(fleet, now, "price", [0.6] * 4 + [0.05] * 12), now=now)
        plan_of(make(fleet, now, "shed", [4.0] * 4), now=now)
        said = page(as_(factories.make_owner(site=fleet.sites[0])), fleet, "why/?at=18:50")
        assert said.index("(load reduction: 4 kW less than usual)") < said.index(
            "The order above goes first."
        )
        assert "(price: 0.05 to 0.6 EUR per kWh)" in said

    @pytest.mark.parametrize(
        "typed",
        [
            "25:99",
            "noon",
            "1",
            "18:05:xx:1",
            "2026-99-99T18:05",
            "٩٩:00",
            "0001-01-01T00:00",
            "2999-01-01T00:00",
        ],
    )
    def test_what_is_no_time(self, as_: As, fleet: Fleet, now: datetime, typed: str) -> None:
        client = as_(factories.make_owner(site=fleet.sites[0]))
        answer = client.get(f"/sites/{fleet.sites[0].pk}/why/", {"at": typed})
        assert (answer.status_code, "That is no time of day" in answer.content.decode()) == (200, True)

    def test_a_later_time_of_day_was_yesterday(self, now: datetime) -> None:
        zone = ZoneInfo("Europe/Berlin")
        assert instant("18:05", zone=zone, now=now) == now.replace(hour=16, minute=5, second=59)
        assert instant("19:30", zone=zone, now=now) == now.replace(hour=17, minute=30, second=59) - timedelta(
            days=1
        )
        assert instant("", zone=zone, now=now) == now
        assert instant("2026-06-16T08:00", zone=zone, now=now) == now.replace(
            day=16, hour=6, minute=0, second=59
        )
