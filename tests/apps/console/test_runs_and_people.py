"""Decisions about runs, members, programs and enrollment, and the audit log's search."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.test import Client

from apps.accounts.members import invitation_send
from apps.accounts.models import AuditEntry, Membership, User
from apps.programs.enrollments import enrollment_job_work
from apps.programs.models import Enrollment, EnrollmentJob
from apps.programs.selectors import enrolled_site_ids
from apps.settlement.models import RunReview, SettlementRun
from apps.settlement.payouts import run_payouts, sites_owed
from apps.settlement.reviews import run_row, runs_reviewed
from tests.apps.portal.world import World, add_signal, settle, words

As = Callable[[User | None], Client]


@pytest.fixture
def run(world: World, now: datetime) -> SettlementRun:
    signal = add_signal(world, starts_at=now - timedelta(hours=5), state="settled")
    return settle(signal, world.sites)[0].run


def page(world: World, rest: str) -> str:
    return f"/console/{world.organization.pk}/{rest}"


def test_a_run_is_approved_then_paid_and_never_the_other_way(
    world: World, as_: As, run: SettlementRun
) -> None:
    client, here = as_(world.operator), page(world, f"settlement/{run.pk}/")
    assert client.get(here + "payouts").status_code == 404
    assert client.post(here, {"do": "pay"}).status_code == 409
    assert client.post(here, {"do": "explode"}).status_code == 400
    assert client.post(here, {"do": "approve"}).status_code == 302
    assert client.post(here, {"do": "approve"}).status_code == 409
    assert client.post(here, {"do": "pay", "reference": "x" * 121}).status_code == 400
    assert client.post(here, {"do": "pay", "reference": "SEPA 17"}).status_code == 302
    assert client.post(here, {"do": "pay"}).status_code == 409
    review = RunReview.objects.get(run=run)
    assert (review.state, review.approved_by, review.paid_by) == (
        "paid",
        world.operator.email,
        world.operator.email,
    )
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "run_approve",
        "run_pay",
    ]
    lines = b"".join(client.get(here + "payouts").streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[1] == f"{world.sites[0].pk},Rose Street 1,Evening peak,1,1.75,0,0,1.75,EUR"
    assert "Paid" in words(client.get(here).content.decode())


def test_a_newer_version_replaces_an_unpaid_one_and_pays_the_difference(
    world: World, as_: As, run: SettlementRun
) -> None:
    client = as_(world.operator)
    client.post(page(world, f"settlement/{run.pk}/"), {"do": "approve"})
    client.post(page(world, f"settlement/{run.pk}/"), {"do": "pay"})
    second = settle(run.signal, world.sites, version=2, amount="2.00")[0].run
    SettlementRun.objects.filter(pk=second.pk).update(previous=run)
    third = settle(run.signal, world.sites, version=3, amount="1.50")[0].run
    SettlementRun.objects.filter(pk=third.pk).update(previous=second)
    found = [run_row(one) for one in runs_reviewed(organization=world.organization)]
    assert [(row.run.version, row.state) for row in found] == [(3, "draft"), (2, "replaced"), (1, "paid")]
    assert [one.due for one in run_payouts(run=third)] == [Decimal("-0.25")] * 3
    assert client.post(page(world, f"settlement/{second.pk}/"), {"do": "approve"}).status_code == 409
    shown = words(client.get(page(world, "settlement/?state=draft")).content.decode())
    assert "3, initial" in shown
    assert "2, initial" not in shown


@pytest.mark.parametrize(("amount", "owed"), [("1.75", 0), ("2.00", 3), ("1.50", 3)])
def test_a_newer_version_owes_those_whose_amount_it_changes(
    world: World, as_: As, run: SettlementRun, amount: str, owed: int
) -> None:
    client = as_(world.operator)
    client.post(page(world, f"settlement/{run.pk}/"), {"do": "approve"})
    assert sites_owed(organization=world.organization).count() == 3
    client.post(page(world, f"settlement/{run.pk}/"), {"do": "pay"})
    assert sites_owed(organization=world.organization).count() == 0
    second = settle(run.signal, world.sites, version=2, amount=amount)[0].run
    SettlementRun.objects.filter(pk=second.pk).update(previous=run)
    assert sites_owed(organization=world.organization).count() == 0
    client.post(page(world, f"settlement/{second.pk}/"), {"do": "approve"})
    assert sites_owed(organization=world.organization).count() == owed


def test_four_eyes_let_somebody_else_approve(
    world: World, as_: As, run: SettlementRun, now: datetime
) -> None:
    client, here = as_(world.operator), page(world, f"settlement/{run.pk}/")
    assert client.post(page(world, "settlement/"), {"four_eyes": "1"}).status_code == 302
    RunReview.objects.create(run=run, started_by=world.operator.email, reason="late meter values")
    answer = client.post(here, {"do": "approve"})
    assert (answer.status_code, RunReview.objects.get(run=run).state) == (409, "draft")
    assert "somebody else approves it" in answer.content.decode()
    Membership.objects.filter(user=world.viewer).update(role="operator")
    assert as_(world.viewer).post(here, {"do": "approve"}).status_code == 302
    assert RunReview.objects.get(run=run).approved_by == world.viewer.email


def test_a_run_again_needs_a_reason(world: World, as_: As, run: SettlementRun) -> None:
    client, here = as_(world.operator), page(world, f"settlement/{run.pk}/")
    for reason in ("", " ", "x" * 301):
        assert client.post(here, {"do": "again", "reason": reason}).status_code == 400
    SettlementRun.objects.filter(pk=run.pk).update(kind="final")
    assert client.post(here, {"do": "again", "reason": "late values"}).status_code == 409
    assert SettlementRun.objects.count() == 1


def test_somebody_is_invited_and_finds_the_way_in(world: World, as_: As) -> None:
    client = as_(world.operator)
    for wrong in ({"email": "no", "role": "viewer"}, {"email": "a@example.org", "role": "king"}):
        assert client.post(page(world, "members/"), wrong).status_code == 400
    assert (
        client.post(page(world, "members/"), {"email": world.viewer.email, "role": "viewer"}).status_code
        == 409
    )
    assert (
        client.post(page(world, "members/"), {"email": "New@Example.org", "role": "viewer"}).status_code
        == 302
    )
    made = Membership.objects.get(user__email="new@example.org")
    invitation_send(membership_id=made.pk, invited_by=world.operator.email)
    letter = mail.outbox[-1]
    assert letter.to == ["new@example.org"]
    link = next(line.split(": ", 1)[1] for line in str(letter.body).splitlines() if "password" in line)
    answer = as_(None).get("/" + link.split("/", 3)[3], follow=True)
    assert answer.status_code == 200
    assert 'type="password"' in answer.content.decode()


def test_the_last_operator_stays(world: World, as_: As) -> None:
    client, me = as_(world.operator), Membership.objects.get(user=world.operator)
    for sent in ({"do": "remove"}, {"role": "viewer"}):
        assert client.post(page(world, f"members/{me.pk}/"), sent).status_code == 409
    other = Membership.objects.get(user=world.viewer)
    assert client.post(page(world, f"members/{other.pk}/"), {"role": "operator"}).status_code == 302
    assert client.post(page(world, f"members/{me.pk}/"), {"do": "remove"}).status_code == 302
    assert client.get(page(world, "members/")).status_code == 404
    entry = AuditEntry.objects.get(action="member_set_role")
    assert entry.detail == {"role": "operator", "was": {"role": "viewer"}}


def test_staff_create_a_tenant_with_its_first_operator(world: World, as_: As) -> None:
    User.objects.filter(pk=world.owner.pk).update(is_staff=True)
    client = as_(world.owner)
    sent = {"name": "New tenant", "slug": "new-tenant", "email": "first@example.org"}
    assert client.post("/console/tenants/", {**sent, "slug": "no slug"}).status_code == 400
    assert client.post("/console/tenants/", {**sent, "slug": "sunny-street"}).status_code == 409
    assert client.post("/console/tenants/", sent).status_code == 302
    made = Membership.objects.get(user__email="first@example.org")
    assert (made.role, made.organization.slug) == ("operator", "new-tenant")
    assert "New tenant new-tenant" in words(client.get("/console/tenants/").content.decode())


def test_many_homes_leave_and_join_in_the_background(world: World, as_: As, now: datetime) -> None:
    client, here = as_(world.operator), page(world, f"programs/{world.program.pk}/enrollment/")
    shown = words(client.get(here + "?name=street").content.decode())
    assert "3 homes are like this 0 of them would join Evening relief. 3 take part already." in shown
    assert client.post(here, {"name": "street", "do": "enroll"}).status_code == 409
    assert client.post(here, {"name": "street 3", "do": "leave"}).status_code == 302
    job = EnrollmentJob.objects.get()
    assert (job.site_ids, job.state) == ([world.sites[1].pk], "waiting")
    assert client.post(here, {"name": "street", "do": "leave"}).status_code == 409
    enrollment_job_work(job_id=job.pk, now=now)
    enrollment_job_work(job_id=job.pk, now=now)
    job.refresh_from_db()
    assert (job.state, job.done, job.changed) == ("done", 1, 1)
    assert enrolled_site_ids(program=world.program, at=now) == [world.sites[0].pk, world.sites[2].pk]
    assert client.post(here, {"do": "enroll"}).status_code == 302
    enrollment_job_work(job_id=EnrollmentJob.objects.latest("pk").pk, now=now)
    assert Enrollment.objects.filter(program=world.program, ends_at=None).count() == 3
    assert "take part" in words(client.get(here + "progress").content.decode())


def test_a_paused_program_asks_nobody_until_it_goes_on(world: World, as_: As, now: datetime) -> None:
    client, here = as_(world.operator), page(world, f"programs/{world.program.pk}/")
    assert client.post(here, {"do": "pause"}).status_code == 302
    world.program.refresh_from_db()
    assert enrolled_site_ids(program=world.program, at=now) == []
    assert len(enrolled_site_ids(program=world.program, at=now - timedelta(hours=1))) == 3
    assert "Paused since" in words(client.get(here).content.decode())
    assert client.post(here, {"do": "resume"}).status_code == 302
    world.program.refresh_from_db()
    assert len(enrolled_site_ids(program=world.program, at=now)) == 3


def test_rules_are_saved_and_wrong_ones_refused(world: World, as_: As) -> None:
    client, here = as_(world.operator), page(world, f"programs/{world.program.pk}/")
    sent = {
        "do": "rules", "name": "Night relief", "reserve_kw": "5", "most_events": "4", "most_events_days": "7",
        "level_1": "20", "level_2": "40", "level_3": "80", "capacity_scope": "home", "carbon_price": "0.2",
    }  # fmt: skip
    for name, value in (("reserve_kw", "x"), ("carbon_price", "nan"), ("level_1", "90"), ("name", " ")):
        assert client.post(here, {**sent, name: value}).status_code == 400, name
    world.program.refresh_from_db()
    assert world.program.name == "Evening relief"
    assert client.post(here, sent).status_code == 302
    world.program.refresh_from_db()
    assert (world.program.name, world.program.level_shares, world.program.most_events) == (
        "Night relief",
        [0.2, 0.4, 0.8],
        4,
    )


def test_a_household_is_opted_out_with_the_reason(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now + timedelta(hours=1))
    client, here = as_(world.operator), page(world, f"sites/{world.sites[0].pk}/events/{signal.pk}/opt-out")
    assert client.post(here, {"reason": " "}).status_code == 400
    assert client.post(here, {"reason": "they called us"}).status_code == 302
    shown = words(client.get(page(world, f"sites/{world.sites[0].pk}/")).content.decode())
    assert "opted out they called us" in shown
    assert AuditEntry.objects.get(action="opt_out").actor == world.operator.email


def test_the_audit_log_is_searched_and_shows_before_and_after(world: World, as_: As, now: datetime) -> None:
    def note(actor: str, action: str, at: datetime, **detail: object) -> AuditEntry:
        return AuditEntry.objects.create(
            organization=world.organization,
            actor=actor,
            action=action,
            subject="program 1",
            detail=detail,
            at=at,
        )

    first = note(
        "anna@example.org", "program_rename", now - timedelta(days=3), name="New", was={"name": "Old"}
    )
    note("ben@example.org", "run_pay", now, reference="SEPA seventeen")
    client, here = as_(world.viewer), page(world, "audit/")
    said = {
        query: words(client.get(here + query, headers={"HX-Request": "true", "HX-Target": "audit-list"}).content.decode())
        for query in ("", "?text=sepa+sevent", "?actor=ANNA", "?action=run_pay", "?subject=program+1", "?since=2026-06-17",
                      "?until=2026-06-14", "?text=!!", "?since=nonsense")
    }  # fmt: skip
    both, anna, ben = (
        {"", "?subject=program+1", "?since=nonsense"},
        {"?actor=ANNA", "?until=2026-06-14"},
        set(said),
    )
    ben -= both | anna | {"?text=!!"}
    assert {query for query, text in said.items() if "anna@" in text} == both | anna
    assert {query for query, text in said.items() if "ben@" in text} == both | ben
    shown = words(client.get(page(world, f"audit/{first.pk}/")).content.decode())
    assert "Field Before After name Old New" in shown
    download = client.get(page(world, "audit/download.jsonl?actor=anna"))
    assert b'"was": {"name": "Old"}' in b"".join(download.streaming_content)  # type: ignore[attr-defined]
    assert AuditEntry.objects.filter(action="audit_download").count() == 1
