"""The pages of programs' baselines: who may look, who may choose, what a report says."""

from collections.abc import Callable
from datetime import date, datetime, time

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.programs.models import BaselineReport, Program
from apps.programs.reports import baseline_report_request, baseline_report_run
from tests import factories
from tests.apps.portal.world import World, words

As = Callable[[User | None], Client]
WINDOW = {"do": "report", "starts": "18:00", "minutes": "60", "day_type": "weekday", "placebo_days": "2"}


@pytest.fixture
def path(world: World) -> str:
    return f"/console/{world.organization.pk}/baselines/{world.program.pk}/"


@pytest.mark.parametrize(
    ("who", "status"),
    [("operator", 200), ("viewer", 200), ("owner", 404), ("member", 404), ("stranger", 404)],
)
def test_who_may_look(world: World, as_: As, path: str, who: str, status: int) -> None:
    client = as_(getattr(world, who))
    list_path = f"/console/{world.organization.pk}/baselines/"
    assert [client.get(one).status_code for one in (path, list_path)] == [status, status]


def test_another_tenants_program_is_not_found(world: World, as_: As) -> None:
    foreign = factories.make_program(organization=factories.make_organization())
    path = f"/console/{world.organization.pk}/baselines/{foreign.pk}/"
    client = as_(world.operator)
    assert [client.get(path).status_code, client.post(path, WINDOW).status_code] == [404, 404]
    assert BaselineReport.objects.count() == 0


def test_operator_chooses(world: World, as_: As, path: str) -> None:
    sent = {"do": "choose", "method": "caiso_10_of_10", "holidays": "2026-12-25, 2026-12-26"}
    answer = as_(world.operator).post(path, sent)
    assert (answer.status_code, answer["Location"]) == (302, path)
    program = Program.objects.get(pk=world.program.pk)
    assert program.baseline_method == "caiso_10_of_10"
    assert program.holidays == [date(2026, 12, 25), date(2026, 12, 26)]


@pytest.mark.parametrize(
    ("who", "sent", "status"),
    [
        ("viewer", {"do": "choose", "method": "caiso_10_of_10"}, 403),
        ("viewer", WINDOW, 403),
        ("operator", {"do": "choose", "method": "weather_matching"}, 400),
        ("operator", {"do": "choose", "method": "caiso_10_of_10", "holidays": "soon"}, 400),
        ("operator", {**WINDOW, "starts": "late"}, 400),
        ("operator", {**WINDOW, "minutes": "1"}, 400),
        ("operator", {}, 400),
    ],
)
def test_refused_and_nothing_changed(
    world: World, as_: As, path: str, who: str, sent: dict[str, str], status: int
) -> None:
    assert as_(getattr(world, who)).post(path, sent).status_code == status
    assert Program.objects.get(pk=world.program.pk).baseline_method == "mean_10_of_10"
    assert BaselineReport.objects.count() == 0


def test_report_is_asked_for_once_and_shown(world: World, as_: As, path: str, now: datetime) -> None:
    client = as_(world.operator)
    assert client.post(path, WINDOW).status_code == 302
    assert client.post(path, WINDOW).status_code == 409
    report = BaselineReport.objects.get()
    assert "waiting" in words(client.get(path).content.decode())
    factories.add_history(sites=world.sites, now=now, days=40, load_kw=1.5)
    baseline_report_run(report_id=report.pk, now=now)
    shown = words(client.get(path, headers={"HX-Request": "true"}).content.decode())
    assert "fits best: RRMSE 0%, within PJM's 20%" in shown.replace("&#x27;", "'")
    assert "Mean 10 of 10, additive same-day adjustment the program's" in shown.replace("&#x27;", "'")
    assert "3 of 3 homes, 2 weekday days, 60 minutes from 18:00" in shown


def test_failed_report_says_why(world: World, as_: As, path: str, now: datetime) -> None:
    world.program.enrollments.all().delete()
    report = baseline_report_request(
        program=world.program,
        starts=time(18),
        minutes=60,
        day_type="weekday",
        placebo_days=2,
        actor="x",
        now=now,
    )
    baseline_report_run(report_id=report.pk, now=now)
    assert "no home takes part in this program" in words(as_(world.viewer).get(path).content.decode())
