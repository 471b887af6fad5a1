"""The console's pages of every kind of grid signal: what was asked, planned together, passed on."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.dispatch.answers import answer_work
from apps.dispatch.models import Plan
from apps.dispatch.services import signal_plan, signal_release, site_release
from apps.hubs.instructions import instructions_take
from apps.hubs.models import Hub, Instruction
from apps.programs.models import GridSignal
from apps.programs.services import opt_out_create, signal_cancel
from apps.programs.wording import asked_words, kind_words, rank_words
from tests import factories
from tests.apps.dispatch.test_signal_kinds import plan_of, receive
from tests.apps.portal.world import words
from tests.factories import NOW, Fleet
from vpp.translate.grid_signal import SignalKind

As = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db
CHEAP_THEN_DEAR = [0.05] * 8 + [0.60] * 8


@dataclasses.dataclass(frozen=True)
class Case:
    kind: SignalKind
    values: Sequence[float | None]
    named: str
    asked: str
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)


CASES = [
    Case("setpoint", [1.0, 2.0], "power setpoint", "1 to 2 kW in all, drawn by the homes together"),
    Case("level", [2.0] * 2, "level", "level 2: half of what the homes can give"),
    Case(
        "level",
        [3.0] * 2,
        "alert: grid emergency",
        "level 3: all that the homes can give",
        {"alert": "ALERT_GRID_EMERGENCY", "text": "Save power now"},
    ),
    Case("price", [0.05, 0.6], "price", "0.05 to 0.6 EUR per kWh"),
    Case("export_price", [0.1] * 2, "export price", "0.1 EUR for each exported kWh"),
    Case("ghg", [100.0, 900.0], "greenhouse gas", "100 to 900 g of greenhouse gas per kWh"),
    Case("charge_state", [0.9] * 2, "charge state", "batteries 90 % full", {"unit": "share"}),
    Case("charge_state", [20.0] * 2, "charge state", "20 kWh in all batteries together", {"unit": "kWh"}),
    Case(
        "import_limit",
        [6.0, None],
        "import limit",
        "at most 6 kW drawn by all homes together; 11 kW where no limit is said",
        {"fallback_kw": 11.0},
    ),
    Case("export_limit", [2.5] * 2, "export limit", "at most 2.5 kW fed in by all homes together"),
    Case(
        "export_limit",
        [None] * 2,
        "export limit",
        "3 kW fed in by all homes together where no limit is said",
        {"fallback_kw": 3.0},
    ),
    Case(
        "device",
        [None] * 2,
        "for devices",
        "OLS, passed on to devices that know it",
        {"payload": "OLS", "content": [[0.5]] * 2},
    ),
    Case(
        "notice",
        [None] * 2,
        "alert: other",
        "nothing; it is for people to know",
        {"alert": "ALERT_OTHER", "text": "Works in Rose Street"},
    ),
]


def made(fleet: Fleet, case: Case, **more: Any) -> GridSignal:
    return receive(fleet, case.kind, case.values, **{**case.detail, **more})


def said_of(as_: As, fleet: Fleet, signal: GridSignal) -> str:
    client = as_(factories.make_operator(organization=fleet.organization))
    answer = client.get(reverse("console:event", args=[fleet.organization.pk, signal.pk]))
    assert answer.status_code == 200
    return words(answer.content.decode().split("<main", 1)[-1])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.named)
class TestEveryKind:
    def test_words(self, now: datetime, case: Case) -> None:
        signal = made(factories.make_fleet(homes=0, now=now), case)
        assert (kind_words(signal), asked_words(signal)) == (case.named, case.asked)

    def test_page_planned_canceled_and_over(self, as_: As, now: datetime, case: Case) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = made(fleet, case)
        said = said_of(as_, fleet, signal)
        assert f"· {case.named} ·" in said
        assert f"Asked: {case.asked}." in said
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        assert f"Asked: {case.asked}." in said_of(as_, fleet, signal)
        signal_cancel(signal_id=signal.pk, now=NOW)
        assert "canceled" in said_of(as_, fleet, signal)
        GridSignal.objects.update(
            state="ended", starts_at=NOW - timedelta(days=2), ends_at=NOW - timedelta(days=1)
        )
        said = said_of(as_, fleet, signal)
        assert ("Settlement" in said, "Delivered" in said) == (False, signal.is_shed)

    def test_page_of_a_program_that_nobody_joined(self, as_: As, now: datetime, case: Case) -> None:
        fleet = factories.make_fleet(homes=0)
        signal = made(fleet, case)
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        assert f"Asked: {case.asked}." in said_of(as_, fleet, signal)


def test_list_names_kind_priority_and_targets(as_: As, now: datetime) -> None:
    fleet = factories.make_fleet(homes=0)
    signal = receive(fleet, "price", [0.1], priority=3, endless=True)
    GridSignal.objects.filter(pk=signal.pk).update(targets=["Feeder north", "a", "b", "c"])
    client = as_(factories.make_operator(organization=fleet.organization))
    said = words(client.get(reverse("console:events", args=[fleet.organization.pk])).content.decode())
    assert (
        f"price · {fleet.program.name} · priority 3 · for Feeder north, a, b and 1 more · revision 1" in said
    )
    assert "to no end" in said


@pytest.mark.parametrize(
    ("kind", "told"),
    [("price", "is moved on every hour"), ("setpoint", "followed by the next"), ("shed", "followed by the next")],
)  # fmt: skip
def test_page_says_how_an_event_without_end_goes_on(
    as_: As, now: datetime, kind: SignalKind, told: str
) -> None:
    fleet = factories.make_fleet(homes=0)
    assert told in said_of(as_, fleet, receive(fleet, kind, [0.1], endless=True))
    assert "no end" not in said_of(as_, fleet, receive(fleet, kind, [0.1]))


def test_a_signal_without_rank_says_nothing_of_it(now: datetime) -> None:
    assert rank_words(receive(factories.make_fleet(homes=0), "price", [0.1])) == ""


def test_setpoint_stands_beside_the_target_that_follows(as_: As, now: datetime) -> None:
    fleet = factories.make_fleet()
    signal = receive(fleet, "setpoint", [1.0] * 4)
    plan_of(signal)
    said = said_of(as_, fleet, signal)
    assert "Asked: 1 kW in all, drawn by the homes together. The target below" in said
    assert "Target now 2.00 kW" in said


class TestSteered:
    def test_page_of_a_signal_whose_plan_hangs_on_another(self, as_: As, now: datetime) -> None:
        fleet = factories.make_fleet()
        receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW)
        limit = receive(fleet, "import_limit", [6.0] * 16, starts_at=NOW)
        plan = plan_of(limit)
        assert plan.signal_id != limit.pk
        said = said_of(as_, fleet, limit)
        assert "Power of all homes" in said
        assert "Import limit" in said
        assert "What the limits cost" in said
        assert re.search(r"the utility's import limit costs \d+\.\d\d per kWh at \d\d:\d\d\.", said)
        assert "Planned together with price price: 0.05 to 0.6 EUR per kWh" in said
        assert re.search(r"\+\d+\.\d\d EUR saved against batteries at rest, by 3 homes", said)
        assert "Load reduction" not in said
        client = as_(factories.make_operator(organization=fleet.organization))
        path = reverse("console:decision", args=[fleet.organization.pk, plan.signal_id, plan.revision])
        page = reverse("console:event", args=[fleet.organization.pk, limit.pk])
        assert f'href="{path}"' in client.get(page).content.decode()

    def test_a_canceled_one_keeps_the_plans_it_was_part_of(self, as_: As, now: datetime) -> None:
        fleet = factories.make_fleet(homes=1)
        first = receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW)
        second = receive(fleet, "ghg", [100.0] * 8, starts_at=NOW)
        plan_of(second)
        signal_cancel(signal_id=second.pk, now=NOW)
        signal_release(signal_id=second.pk, reason="canceled", now=NOW)
        assert said_of(as_, fleet, second).count("Decision of") == 1
        assert said_of(as_, fleet, first).count("Decision of") == 2

    def test_homes_that_opted_out_are_counted(self, as_: As, now: datetime) -> None:
        fleet = factories.make_fleet(homes=2)
        signal = receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW)
        opt_out_create(signal_id=signal.pk, site=fleet.sites[0], user=None, reason="", now=NOW)
        site_release(signal_id=signal.pk, site_id=fleet.sites[0].pk, reason="opted out", now=NOW)
        plan_of(signal)
        said = said_of(as_, fleet, signal)
        assert "1 home opted out." in said
        assert "Left alone: 1 homes, opted out." in said


class TestPassedOn:
    def test_states_of_hubs_are_counted_with_reasons(self, as_: As, now: datetime) -> None:
        fleet = factories.make_fleet(homes=3)
        signal = receive(fleet, "device", [None] * 2, starts_at=NOW, payload="OLS", content=[[0.5]] * 2)
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        assert "queued 3 –" in said_of(as_, fleet, signal)
        Hub.objects.filter(pk=fleet.hubs[0].hub_id).update(features=["device"])
        instructions_take(hub_ids=[one.hub_id for one in fleet.hubs], now=NOW)
        Instruction.objects.filter(state="sent").update(state="applied")
        said = said_of(as_, fleet, signal)
        assert "applied 1 – rejected 2 the hub's agent is too old for device payloads" in said

    def test_limits_of_each_home(self, as_: As, now: datetime) -> None:
        fleet = factories.make_fleet(homes=1)
        fleet.program.capacity_scope = "home"
        fleet.program.save()
        signal = receive(fleet, "import_limit", [2.5] * 4, starts_at=NOW)
        plan_of(signal)
        said = said_of(as_, fleet, signal)
        assert "at most 2.5 kW drawn by each home" in said
        assert "Passed on to hubs State Hubs Why queued 1" in said


class TestDecision:
    def path(self, plan: Plan) -> str:
        return reverse("console:decision", args=[plan.signal.organization_id, plan.signal_id, plan.revision])

    def test_it_says_what_was_decided_known_and_why(self, as_: As, now: datetime) -> None:
        fleet = factories.make_fleet(homes=2)
        bare = factories.make_site(organization=fleet.organization, battery=None)
        factories.enroll(program=fleet.program, sites=[bare])
        factories.add_history(sites=[bare])
        plan = plan_of(receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW))
        client = as_(factories.make_operator(organization=fleet.organization))
        said = words(client.get(self.path(plan)).content.decode())
        assert "Certificate: steered by prices in" in said
        assert "price asks for price: 0.05 to 0.6 EUR per kWh." in said
        assert "Published prices: none published; a usual price stands where no signal says one" in said
        assert "Forecast from past days: for 3 homes without an issued forecast" in said
        assert "Batteries with a known state of charge: 2" in said
        row = said[said.rindex(f"{fleet.sites[0].name} ") :]
        assert "charges where a kWh costs 0.05 and discharges where it costs 0.60" in row[:150]
        assert "no battery whose state is known" in said[said.rindex(f"{bare.name} ") :]

    def test_replay_and_what_if(self, as_: As, now: datetime) -> None:
        factories.forget_counts()
        fleet = factories.make_fleet(homes=2)
        plan = plan_of(receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW))
        client = as_(factories.make_operator(organization=fleet.organization))
        sent = client.post(self.path(plan), {"do": "replay"})
        assert "Computing" in client.get(sent["Location"]).content.decode()
        token = sent["Location"].partition("answer=")[2].partition("#")[0]
        answer_work(plan_id=plan.pk, token=token, change={})
        assert "The replay gives the same plan." in client.get(sent["Location"]).content.decode()
        form = {"do": "what_if", "price_factor": "2", "without": fleet.sites[0].name}
        token = client.post(self.path(plan), form)["Location"].partition("answer=")[2].partition("#")[0]
        change = {"price_factor": 2.0, "without": [fleet.sites[0].pk]}
        answer_work(plan_id=plan.pk, token=token, change=change)
        said = words(client.get(f"{self.path(plan)}?answer={token}").content.decode())
        assert "Batteries 1 2 in the plan" in said
        assert "Nothing was stored or sent." in said

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ({}, "change something: the prices or the homes"),
            ({"price_factor": "much"}, "&#x27;much&#x27; is no number"),
            ({"without": "Elsewhere"}, "the plan knew no home by the name of"),
        ],
    )
    def test_typed_nonsense(self, as_: As, now: datetime, form: dict[str, str], said: str) -> None:
        fleet = factories.make_fleet(homes=1)
        plan = plan_of(receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW))
        client = as_(factories.make_operator(organization=fleet.organization))
        answer = client.post(self.path(plan), {"do": "what_if", **form})
        assert (answer.status_code, said in answer.content.decode()) == (400, True)

    def test_plan_of_nobody(self, as_: As, now: datetime) -> None:
        fleet = factories.make_fleet(homes=0)
        plan = plan_of(receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW))
        client = as_(factories.make_operator(organization=fleet.organization))
        said = words(client.get(self.path(plan)).content.decode())
        assert "nothing can be steered." in said
        assert "This plan keeps no list of homes." in said
