"""A preview asks the fleet the real question, and leaves no trace."""

from datetime import timedelta

import pytest

from apps.common.progress import waiting
from apps.dispatch.errors import AnswerUnderWayError
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.preview import (
    SHED_STAGES,
    STEERED_STAGES,
    Wished,
    preview_found,
    preview_request,
    signal_preview,
)
from apps.dispatch.services import signal_plan
from apps.flexibility.models import SiteFlexibility
from apps.hubs.models import Instruction
from apps.programs.models import GridSignal
from tests import factories
from tests.factories import NOW
from vpp.translate.grid_signal import GridSignalDraft

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)


def draft(kind: str, values: list[float], **detail: str) -> GridSignalDraft:
    ends_at = START + factories.QUARTER * len(values)
    return GridSignalDraft(kind, START, ends_at, 900, tuple(values), kind.upper(), detail)  # type: ignore[arg-type]


def test_preview_of_a_shed_is_the_plan_that_would_follow() -> None:
    fleet = factories.make_fleet(homes=3)
    said = signal_preview(program=fleet.program, wished=Wished(draft("shed", [6.0, 20.0, 6.0, 6.0])), now=NOW)
    stored = [model.objects.count() for model in (GridSignal, Plan, Schedule, SiteFlexibility, Instruction)]
    assert stored == [0] * 5
    signal = factories.make_signal(program=fleet.program, target_kw=[6.0, 20.0, 6.0, 6.0])
    plan = signal_plan(signal_id=signal.pk, reason="it came in", now=NOW)
    assert plan is not None
    assert said.planned_kw == pytest.approx(plan.planned_kw, abs=1e-3)
    assert said.shortfall_kw == pytest.approx(plan.shortfall_kw, abs=1e-3)
    assert (said.homes, said.taking_part, said.status) == (3, 3, plan.status)
    assert said.explanation == plan.explanation
    assert (said.starts_at, said.interval_s) == (START, 900)


def test_level_is_previewed_as_the_programs_share_of_what_can_be_held() -> None:
    fleet = factories.make_fleet(homes=2)
    half, full = (
        signal_preview(program=fleet.program, wished=Wished(draft("level", [level] * 4)), now=NOW).target_kw
        for level in (2.0, 3.0)
    )
    assert half == pytest.approx([value / 2 for value in full], abs=1e-3)
    assert min(full) > 0


def test_targets_choose_the_homes() -> None:
    fleet = factories.make_fleet(homes=3)
    wished = Wished(draft("shed", [2.0] * 4), targets=[fleet.sites[0].name])
    assert signal_preview(program=fleet.program, wished=wished, now=NOW).homes == 1


def test_homes_that_serve_a_more_important_event_are_busy() -> None:
    fleet = factories.make_fleet(homes=2)
    signal = factories.make_signal(program=fleet.program, target_kw=[9.0] * 4)
    GridSignal.objects.filter(pk=signal.pk).update(priority=0)
    signal_plan(signal_id=signal.pk, reason="it came in", now=NOW)
    said = signal_preview(program=fleet.program, wished=Wished(draft("shed", [2.0] * 4), priority=3), now=NOW)
    assert (said.busy, said.taking_part) == (2, 0)
    assert said.explanation[-1] == "2 homes serve another event that goes first."


def test_dear_hours_let_batteries_carry_the_homes() -> None:
    fleet = factories.make_fleet(homes=2)
    said = signal_preview(program=fleet.program, wished=Wished(draft("price", [2.0] * 4)), now=NOW)
    assert GridSignal.objects.count() == Plan.objects.count() == 0
    assert said.starts_at == NOW
    assert said.idle_kw == pytest.approx([2.0] * 12, abs=1e-3)
    assert said.planned_kw[8:12] == pytest.approx([0.0] * 4, abs=0.05)
    assert said.explanation[0] == "Planned by price together."


def test_notice_is_passed_on() -> None:
    fleet = factories.make_fleet(homes=1, history=False)
    said = signal_preview(program=fleet.program, wished=Wished(draft("notice", [0.0])), now=NOW)
    assert (said.status, said.planned_kw) == ("passed on", [])


@pytest.mark.django_db(transaction=True)
def test_worker_answers_and_one_preview_runs_at_a_time(settings: object) -> None:
    factories.forget_counts()
    settings.ORES_CLOCK = factories.clock_at(NOW)  # type: ignore[attr-defined]
    fleet = factories.make_fleet(homes=2)
    wished = Wished(draft("shed", [2.0] * 4), priority=1, targets=(fleet.sites[0].name,))
    token = preview_request(program=fleet.program, wished=wished)
    queued = {"kind": "waiting", "stage": "Waiting for a worker", "share_pct": 0}
    assert preview_found(program=fleet.program, token=token) == queued
    with pytest.raises(AnswerUnderWayError):
        preview_request(program=fleet.program, wished=wished)
    assert "dispatch.preview_signal" in factories.run_queued()
    found = preview_found(program=fleet.program, token=token)
    assert found is not None
    assert (found["kind"], found["preview"].homes) == ("preview", 1)
    assert preview_found(program=factories.make_program(organization=fleet.organization), token=token) is None


@pytest.mark.parametrize(
    ("kind", "values", "shares"),
    [
        ("shed", [2.0] * 4, {"What homes usually draw": 0, "What homes are about to draw": 25,
                             "What each home can give": 50, "Which home gives what": 75}),
        ("price", [2.0] * 4, {"What utilities wish": 0, "What homes are about to draw": 33,
                              "When batteries charge and give": 67}),
        ("notice", [0.0], {}),
    ],
)  # fmt: skip
def test_work_says_how_far_it_has_come(kind: str, values: list[float], shares: dict[str, int]) -> None:
    fleet = factories.make_fleet(homes=1)
    stages = SHED_STAGES if kind == "shed" else STEERED_STAGES
    told: list[str] = []
    signal_preview(program=fleet.program, wished=Wished(draft(kind, values)), now=NOW, begins=told.append)
    shown = [waiting(stages, stage) for stage in told]
    assert shown == [
        {"kind": "waiting", "stage": stage, "share_pct": share} for stage, share in shares.items()
    ]
