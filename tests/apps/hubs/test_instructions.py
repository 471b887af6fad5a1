"""Instructions: revisions, delivery, and the states that hubs report."""

import uuid
from datetime import timedelta

import pytest

from apps.hubs.instructions import (
    Order,
    instruction_statuses_apply,
    instructions_expire,
    instructions_queue,
    instructions_take,
    instructions_verify,
    waiting_hub_ids,
)
from apps.hubs.models import Instruction
from tests import factories
from tests.factories import NOW, HubDevice
from vpp.protocols.link.messages import InstructionState, InstructionStatus, Schedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def device() -> HubDevice:
    return factories.make_hub(site=factories.make_site(organization=factories.make_organization()))


def queue(device: HubDevice, *, subject: str = "signal:1", revoke: bool = False) -> Instruction:
    schedule = None if revoke else Schedule(starts_at=0, interval_s=900, site_kw=[1.0])
    order = Order(
        hub_id=uuid.UUID(device.hub_id),
        subject=subject,
        schedule=schedule,
        not_before=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    return instructions_queue(orders=[order], now=NOW)[0]


def report(
    device: HubDevice, held: Instruction, state: InstructionState, *, revision: int | None = None
) -> bool:
    """Whether the report was taken."""
    status = InstructionStatus(
        seq=0,
        instruction_id=str(held.instruction_id),
        revision=held.revision if revision is None else revision,
        state=state,
        at=0,
        reason="because",
    )
    refused = instruction_statuses_apply(reports=[(device.hub_id, status)], now=NOW)
    held.refresh_from_db()
    return not refused


def test_same_subject_is_the_next_revision_and_ends_the_one_before(device: HubDevice) -> None:
    first, second = queue(device), queue(device)
    first.refresh_from_db()
    assert (second.instruction_id, second.revision) == (first.instruction_id, 2)
    assert (first.state, first.state_reason, first.ended_at) == (
        "expired", "replaced by a newer revision", NOW,
    )  # fmt: skip
    assert second.state == "queued"


def test_other_subject_is_an_instruction_of_its_own(device: HubDevice) -> None:
    first, second = queue(device), queue(device, subject="signal:2")
    first.refresh_from_db()
    assert second.instruction_id != first.instruction_id
    assert (first.state, second.revision) == ("queued", 1)


def test_two_hubs_with_one_subject_do_not_meet(device: HubDevice) -> None:
    other = factories.make_hub(site=factories.make_site(organization=factories.make_organization()))
    first, second = queue(device), queue(other)
    first.refresh_from_db()
    assert (first.state, second.state, second.revision) == ("queued", "queued", 1)


def test_finished_instruction_keeps_its_state_when_replaced(device: HubDevice) -> None:
    first = queue(device)
    report(device, first, "rejected")
    assert queue(device).revision == 2
    first.refresh_from_db()
    assert first.state == "rejected"


def test_revoking_order_has_no_schedule(device: HubDevice) -> None:
    queue(device)
    queue(device, revoke=True)
    ((hub_id, message),) = instructions_take(hub_ids=[device.hub_id], now=NOW)
    assert (hub_id, message.revision, message.schedule) == (device.hub_id, 2, None)


def test_taking_marks_as_sent_and_takes_once(device: HubDevice) -> None:
    held = queue(device)
    assert waiting_hub_ids(now=NOW) == [device.hub_id]
    assert len(instructions_take(hub_ids=[device.hub_id], now=NOW)) == 1
    assert instructions_take(hub_ids=[device.hub_id], now=NOW) == []
    held.refresh_from_db()
    assert (held.state, held.sent_at, waiting_hub_ids(now=NOW)) == ("sent", NOW, [])


def test_resending_repeats_what_has_no_answer(device: HubDevice) -> None:
    queue(device)
    instructions_take(hub_ids=[device.hub_id], now=NOW)
    assert len(instructions_take(hub_ids=[device.hub_id], now=NOW, resend=True)) == 1


def test_what_has_expired_is_not_taken(device: HubDevice) -> None:
    queue(device)
    late = NOW + timedelta(hours=1)
    assert instructions_take(hub_ids=[device.hub_id], now=late, resend=True) == []
    assert waiting_hub_ids(now=late) == []


def test_expiry_ends_what_was_not_answered(device: HubDevice) -> None:
    waiting, answered = queue(device), queue(device, subject="signal:2")
    report(device, answered, "applied")
    assert instructions_expire(now=NOW + timedelta(minutes=59)) == 0
    assert instructions_expire(now=NOW + timedelta(hours=1)) == 1
    waiting.refresh_from_db()
    answered.refresh_from_db()
    assert (waiting.state, waiting.state_reason) == ("expired", "not delivered before it expired")
    assert answered.state == "applied"


def test_states_follow_the_hub(device: HubDevice) -> None:
    held = queue(device)
    assert report(device, held, "acknowledged")
    assert (held.state, held.acknowledged_at, held.ended_at) == ("acknowledged", NOW, None)
    assert report(device, held, "applied")
    assert instructions_verify(hub_ids=[uuid.UUID(device.hub_id)]) == 1
    held.refresh_from_db()
    assert held.state == "verified"


def test_rejection_keeps_its_reason(device: HubDevice) -> None:
    held = queue(device)
    assert report(device, held, "rejected")
    assert (held.state, held.state_reason, held.ended_at) == ("rejected", "because", NOW)


def test_repeated_and_overtaken_reports_change_nothing(device: HubDevice) -> None:
    held = queue(device)
    report(device, held, "applied")
    assert report(device, held, "applied")
    assert report(device, held, "acknowledged")
    assert (held.state, held.acknowledged_at) == ("applied", None)


def test_report_that_cannot_follow_is_refused(device: HubDevice) -> None:
    held = queue(device)
    report(device, held, "rejected")
    assert not report(device, held, "applied")
    assert held.state == "rejected"


@pytest.mark.parametrize("revision", [0, 2, 2**31, 2**53 - 1])
def test_report_on_an_unknown_revision_is_refused(device: HubDevice, revision: int) -> None:
    held = queue(device)
    assert not report(device, held, "applied", revision=revision)
    assert held.state == "queued"


def test_report_of_another_hub_is_refused(device: HubDevice) -> None:
    other = factories.make_hub(site=factories.make_site(organization=factories.make_organization()))
    held = queue(device)
    assert not report(other, held, "applied")
    assert held.state == "queued"


def test_one_bad_report_does_not_hold_up_the_others(device: HubDevice) -> None:
    held = queue(device)
    good = InstructionStatus(
        seq=1, instruction_id=str(held.instruction_id), revision=1, state="applied", at=0
    )
    bad = InstructionStatus(seq=0, instruction_id="nonsense", revision=1, state="applied", at=0)
    reports = [(device.hub_id, bad), (device.hub_id, good)]
    assert instruction_statuses_apply(reports=reports, now=NOW) == {0}
    held.refresh_from_db()
    assert held.state == "applied"
