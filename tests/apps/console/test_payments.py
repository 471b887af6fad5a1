"""Operators' pages about payments: who may look, who may decide, and that a preview changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.settlement.disputes import dispute_open
from apps.settlement.models import Dispute, SettlementRun, Statement
from tests import factories
from tests.apps.portal.world import words
from tests.apps.settlement.test_settling import DUE, START, ended, meter, settle
from tests.factories import Fleet

pytestmark = pytest.mark.django_db
As = Callable[[User | None], Client]
FORM = {
    "energy_price": "1", "event_payment": "0", "currency": "EUR", "tiers": "0.5 0.5\n1 1\n", "penalty_cap": "",
    "month_events": "4", "capacity_price": "2",
}  # fmt: skip


@pytest.fixture
def fleet(settings: Any) -> Fleet:
    settings.ORES_CLOCK = factories.clock_at(DUE)
    return factories.make_fleet(homes=2)


@pytest.fixture
def run(fleet: Fleet) -> SettlementRun:
    signal = ended(fleet)
    meter(fleet, grid_kw=-1.0)
    return settle(signal)


@pytest.fixture
def dispute(fleet: Fleet, run: SettlementRun) -> Dispute:
    statement = Statement.objects.get(run=run, site=fleet.sites[0])
    owner = factories.make_owner(site=fleet.sites[0])
    return dispute_open(statement=statement, user=owner, reason="My meter jumped", now=DUE)


@pytest.fixture
def pages(fleet: Fleet, run: SettlementRun, dispute: Dispute) -> list[str]:
    names = [
        "payments/",
        f"payments/{fleet.program.pk}/",
        "objections/",
        f"objections/{dispute.pk}/",
        f"events/{run.signal_id}/settlements/1/csv",
    ]
    return [f"/console/{fleet.organization.pk}/{name}" for name in names]


def who(fleet: Fleet, role: str) -> User:
    if role == "owner":
        return factories.make_owner(site=fleet.sites[0])
    if role == "stranger":
        return factories.make_operator(organization=factories.make_organization())
    return factories.make_operator(organization=fleet.organization, role=role)


@pytest.mark.parametrize(
    ("role", "status"), [("operator", 200), ("viewer", 200), ("owner", 404), ("stranger", 404)]
)
def test_members_of_the_organization_look(
    fleet: Fleet, as_: As, pages: list[str], role: str, status: int
) -> None:
    client = as_(who(fleet, role))
    assert [client.get(page).status_code for page in pages] == [status] * 5


def test_another_tenants_things_are_not_found_under_ones_own(fleet: Fleet, as_: As, pages: list[str]) -> None:
    other = factories.make_organization()
    client = as_(factories.make_operator(organization=other))
    moved = [page.replace(f"/console/{fleet.organization.pk}/", f"/console/{other.pk}/") for page in pages]
    assert [client.get(page).status_code for page in moved] == [200, 404, 200, 404, 404]
    assert [client.post(page, FORM).status_code for page in moved[1:4:2]] == [404, 404]


class TestRules:
    def test_preview_shows_both_and_changes_nothing(self, fleet: Fleet, as_: As, pages: list[str]) -> None:
        html = as_(who(fleet, "viewer")).post(pages[1], {**FORM, "do": "preview"}).content.decode()
        # 2 kW each: 2.00 for energy and 4.00 for capacity, against 1.00.
        assert "2.00 EUR 12.00 EUR 1.00 · 1.00 · 1.00 6.00 · 6.00 · 6.00" in words(html)
        assert "0.5 0.5" in html
        fleet.program.refresh_from_db()
        assert (fleet.program.energy_price, fleet.program.payment_rules) == (Decimal("0.5000"), {})
        assert SettlementRun.objects.count() == 1

    def test_operator_saves_a_rule(self, fleet: Fleet, as_: As, pages: list[str]) -> None:
        answer = as_(who(fleet, "operator")).post(pages[1], {**FORM, "do": "save"})
        assert answer.status_code == 302
        fleet.program.refresh_from_db()
        assert fleet.program.energy_price == Decimal(1)
        assert fleet.program.payment_rules == {
            "capacity_price": "2",
            "month_events": 4,
            "tiers": [{"at_least": "0.5", "factor": "0.5"}, {"at_least": "1", "factor": "1"}],
        }

    def test_viewer_saves_nothing(self, fleet: Fleet, as_: As, pages: list[str]) -> None:
        client = as_(who(fleet, "viewer"))
        assert client.post(pages[1], {**FORM, "do": "save"}).status_code == 403
        assert 'value="save"' not in client.get(pages[1]).content.decode()
        fleet.program.refresh_from_db()
        assert fleet.program.energy_price == Decimal("0.5000")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("energy_price", "much"),
            ("tiers", "0.5"),
            ("rounding", "0.001"),
            ("month_events", "many"),
            ("currency", ""),
        ],
    )
    @pytest.mark.parametrize("do", ["preview", "save"])
    def test_rule_without_sense_is_named_and_kept_in_the_form(
        self, fleet: Fleet, as_: As, pages: list[str], field: str, value: str, do: str
    ) -> None:
        answer = as_(who(fleet, "operator")).post(pages[1], {**FORM, field: value, "do": do})
        assert answer.status_code == 400
        assert f"payment rule: {field}" in words(answer.content.decode())
        fleet.program.refresh_from_db()
        assert (fleet.program.energy_price, fleet.program.payment_rules) == (Decimal("0.5000"), {})


class TestObjections:
    def test_operator_accepts_with_a_correction(
        self, fleet: Fleet, as_: As, pages: list[str], dispute: Dispute
    ) -> None:
        line = dispute.statement.lines.get(starts_at=START + timedelta(minutes=15))
        left_out = dispute.statement.lines.get(starts_at=START)
        sent = {
            f"kwh_{line.pk}": "0",
            f"kwh_{left_out.pk}": "-",
            "why": "photo",
            "note": "Yes.",
            "do": "accept",
        }
        client = as_(who(fleet, "operator"))
        assert client.post(pages[3], sent).status_code == 302
        dispute.refresh_from_db()
        assert dispute.answer is not None
        # Before 4 x 0.5 kWh; now 0, 0.25, 0.5, 0.5 for this home and 2 kWh for the other.
        assert (dispute.answer.delivered_kwh, dispute.answer.adjustment) == (
            Decimal("3.250"),
            Decimal("-0.37"),
        )
        assert "Version 2" in words(client.get(pages[3]).content.decode())

    def test_operator_rejects(self, fleet: Fleet, as_: As, pages: list[str], dispute: Dispute) -> None:
        as_(who(fleet, "operator")).post(pages[3], {"note": "No jump.", "do": "reject"})
        dispute.refresh_from_db()
        assert (dispute.state, dispute.resolution, SettlementRun.objects.count()) == (
            "rejected",
            "No jump.",
            1,
        )

    @pytest.mark.parametrize(
        ("role", "sent", "status"),
        [
            ("viewer", {"note": "x", "do": "reject"}, 403),
            ("viewer", {"note": "x", "do": "accept"}, 403),
            ("owner", {"note": "x", "do": "accept"}, 404),
            ("stranger", {"note": "x", "do": "accept"}, 404),
            ("operator", {"note": "", "do": "reject"}, 400),
            ("operator", {"note": "x"}, 400),
        ],
    )
    def test_what_may_not_be_changes_nothing(
        self, fleet: Fleet, as_: As, pages: list[str], dispute: Dispute, role: str, sent: Any, status: int
    ) -> None:
        assert as_(who(fleet, role)).post(pages[3], sent).status_code == status
        dispute.refresh_from_db()
        assert (dispute.state, SettlementRun.objects.count()) == ("open", 1)

    @pytest.mark.parametrize("typed", ["much", "nan", "inf", "99"])
    def test_value_that_is_no_energy_is_refused(
        self, fleet: Fleet, as_: As, pages: list[str], dispute: Dispute, typed: str
    ) -> None:
        line = dispute.statement.lines.earliest("starts_at")
        sent = {f"kwh_{line.pk}": typed, "why": "photo", "note": "Yes.", "do": "accept"}
        assert as_(who(fleet, "operator")).post(pages[3], sent).status_code == 400
        dispute.refresh_from_db()
        assert dispute.state == "open"
