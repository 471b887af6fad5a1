"""The page of one decision: who may look, what it says, what can be asked of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.console.decisions import changes, gap_text
from apps.dispatch.answers import answer_work
from apps.dispatch.errors import WhatIfInvalidError
from apps.dispatch.models import Plan
from apps.dispatch.services import signal_plan
from apps.sites.models import Site
from tests import factories
from tests.apps.portal.world import World, add_plan, add_signal, words
from tests.factories import NOW, Fleet

As = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet() -> Fleet:
    factories.forget_counts()
    fleet = factories.make_fleet(homes=5)
    Site.objects.filter(pk=fleet.sites[0].pk).update(reserve_soc=0.7)
    Site.objects.filter(pk=fleet.sites[1].pk).update(export_limit_kw=0.5)
    factories.set_latest(
        sites=fleet.sites[2:3], at=NOW - timedelta(hours=1), grid_kw=1.0, load_kw=1.0, battery_soc=0.8
    )
    return fleet


def plan_of(fleet: Fleet, *, target_kw: float = 30.0) -> Plan:
    signal = factories.make_signal(program=fleet.program, target_kw=[target_kw] * 4)
    plan = signal_plan(signal_id=signal.pk, reason="the event came in", now=NOW)
    assert plan is not None
    return plan


def path_of(plan: Plan) -> str:
    return reverse("console:decision", args=[plan.signal.organization_id, plan.signal_id, plan.revision])


def operator(fleet: Fleet, role: str = "operator") -> User:
    return factories.make_operator(organization=fleet.organization, role=role)


class TestPage:
    def test_it_says_what_was_decided_and_why(self, as_: As, fleet: Fleet) -> None:
        plan = plan_of(fleet)
        said = words(as_(operator(fleet)).get(path_of(plan)).content.decode())
        assert f"Certificate: found by {plan.solver} in" in said
        assert "kW can be met at 18:00." in said
        for index, why in (
            (0, "gives all its battery has above the reserve"),
            (1, "held by its export limit"),
            (2, "silent"),
            (3, "gives all its power"),
        ):
            row = said[said.index(f"{fleet.sites[index].name} ") :]
            assert why in row[:120], (index, row[:120])
        assert "Silent homes: 1 as of 17 Jun, 16:00" in said

    def test_event_page_leads_to_every_revision(self, as_: As, fleet: Fleet) -> None:
        plan = plan_of(fleet)
        path = reverse("console:event", args=[fleet.organization.pk, plan.signal_id])
        assert f'href="{path_of(plan)}"' in as_(operator(fleet)).get(path).content.decode()

    def test_plan_that_keeps_nothing_is_shown_all_the_same(self, world: World, as_: As) -> None:
        signal = add_signal(world, starts_at=NOW)
        plan = add_plan(signal, world.sites)
        answer = as_(world.operator).get(path_of(plan))
        assert (answer.status_code, "keeps no list of homes" in answer.content.decode()) == (200, True)

    @pytest.mark.parametrize(
        ("who", "status"), [("operator", 200), ("viewer", 200), ("owner", 404), ("stranger", 404)]
    )
    def test_who_may_look(self, world: World, as_: As, who: str, status: int) -> None:
        plan = add_plan(add_signal(world, starts_at=NOW), world.sites)
        assert as_(getattr(world, who)).get(path_of(plan)).status_code == status

    def test_unknown_revision_is_not_found(self, as_: As, fleet: Fleet) -> None:
        plan = plan_of(fleet)
        assert as_(operator(fleet)).get(path_of(plan).replace("/1/", "/9/")).status_code == 404

    def test_homes_come_by_pages(self, as_: As, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("apps.dispatch.homes.PAGE_SIZE", 2)
        plan = plan_of(fleet)
        said = words(as_(operator(fleet)).get(f"{path_of(plan)}?page=2").content.decode())
        assert "page 2 of 3" in said
        assert [site.name in said for site in fleet.sites] == [False, False, True, True, False]


class TestAsking:
    def test_replay(self, as_: As, fleet: Fleet) -> None:
        plan, client = plan_of(fleet), as_(operator(fleet))
        sent = client.post(path_of(plan), {"do": "replay"})
        assert sent.status_code == 302
        assert "Computing" in client.get(sent["Location"]).content.decode()
        token = sent["Location"].partition("answer=")[2].partition("#")[0]
        answer_work(plan_id=plan.pk, token=token, change={})
        fragment = client.get(sent["Location"], headers={"HX-Request": "true"}).content.decode()
        assert "The replay gives the same plan." in fragment
        assert "every 1s" not in fragment

    def test_what_if(self, as_: As, fleet: Fleet) -> None:
        plan, client = plan_of(fleet), as_(operator(fleet))
        form = {"do": "what_if", "target_kw": "4", "without": fleet.sites[0].name, "fairness": "0.01"}
        token = client.post(path_of(plan), form)["Location"].partition("answer=")[2].partition("#")[0]
        change = changes(plan, form)
        assert change == {
            "target_kw": [4.0] * 4,
            "without": [fleet.sites[0].pk],
            "weights": {"fairness": 0.01},
        }
        answer_work(plan_id=plan.pk, token=token, change=change)
        said = words(client.get(f"{path_of(plan)}?answer={token}").content.decode())
        assert "Planned instead" in said
        assert "Nothing was stored or sent." in said
        assert Plan.objects.count() == 1

    def test_viewer_may_not(self, as_: As, fleet: Fleet) -> None:
        plan = plan_of(fleet)
        answer = as_(operator(fleet, "viewer")).post(path_of(plan), {"do": "replay"})
        assert (answer.status_code, "only an operator" in answer.content.decode()) == (403, True)

    def test_answer_that_is_not_kept_says_so(self, as_: As, fleet: Fleet) -> None:
        said = as_(operator(fleet)).get(f"{path_of(plan_of(fleet))}?answer=gone").content.decode()
        assert "not kept any more" in said

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({}, "change something"),
            ({"target_kw": "1 2"}, "one number, or 4"),
            ({"target_kw": "much"}, "'much' is no number"),
            ({"target_kw": "nan"}, "must be 0 or more"),
            ({"shortfall": "-1"}, "must be 0 or more"),
            ({"without": "Elsewhere 1"}, "the plan knew no home by the name of 'Elsewhere 1'"),
        ],
    )
    def test_typed_nonsense(self, fleet: Fleet, sent: dict[str, str], said: str) -> None:
        with pytest.raises(WhatIfInvalidError, match=said):
            changes(plan_of(fleet), sent)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (None, "how near the least cost it is was not proven"),
        (0.0, "proven to be of least cost"),
        (1e-5, "proven to be within 0.01 % of the least cost"),
        (0.0123, "proven to be within 1.23 % of the least cost"),
    ],
)
def test_gap_in_words(gap: float | None, said: str) -> None:
    assert gap_text(gap) == said
