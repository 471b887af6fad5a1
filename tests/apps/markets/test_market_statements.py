"""Account statements to keep: every booking, exact in CSV, to the cent on paper; one's own only."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from apps.markets.books import deposit
from apps.markets.documents import account_statement, statement_csv, statement_pdf
from tests import factories
from tests.apps.markets.world import BID, CLOSED, OFFER, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=30)


@pytest.fixture
def street(settings: Any) -> Street:
    settings.ORES_CLOCK = factories.clock_at(CLOSED + timedelta(minutes=1))
    found = make_street(homes=2, buyer_fee_micro=1)
    found.order(0, BID, 300_000, 1_001)
    found.order(1, OFFER, 100_001, 1_001)
    found.clear()
    return found


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def download(street: Street, form: str, *, owner_of: int = 0, place: int = 0) -> Any:
    client = Client()
    client.force_login(factories.make_owner(site=street.fleet.sites[owner_of]))
    return client.get(f"/sites/{street.fleet.sites[place].pk}/market/statement.{form}")


def test_every_booking_stands_between_what_was_and_what_is(street: Street) -> None:
    one = street.participants[0]
    made = account_statement(participant=one, starts_at=NOW - MONTH, ends_at=CLOSED + MONTH)
    found = rows(statement_csv(statement=made))
    assert [(row[1], row[3], row[4]) for row in found[1:]] == [
        ("before", "", "0"), ("deposit", "0", "10"), ("energy", "1001", "-0.2002"), ("fee", "0", "-0.000001001"),
        ("after", "", "9.799798999"),
    ]  # fmt: skip
    one.account.refresh_from_db()
    assert made.after_nano == one.account.balance_nano


def test_the_smallest_amount_is_written_out(street: Street) -> None:
    deposit(participant=street.participants[1], amount=Decimal("0.000000001"), actor="test", now=CLOSED)
    made = account_statement(participant=street.participants[1], starts_at=CLOSED, ends_at=CLOSED + MONTH)
    assert rows(statement_csv(statement=made))[-2][4] == "0.000000001"


def test_a_later_period_begins_with_what_was_left(street: Street) -> None:
    made = account_statement(participant=street.participants[0], starts_at=CLOSED, ends_at=CLOSED + MONTH)
    assert (made.before_nano, [line.line for line in made.lines]) == (10_000_000_000, ["energy", "fee"])
    earlier = account_statement(participant=street.participants[0], starts_at=NOW, ends_at=CLOSED)
    assert earlier.after_nano == made.before_nano


def test_household_downloads_csv_and_the_same_pdf_twice(street: Street) -> None:
    answer = download(street, "csv")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert rows(answer.content.decode())[-1][4] == "9.799798999"
    assert download(street, "pdf").content.startswith(b"%PDF-")
    made = account_statement(
        participant=street.participants[0], starts_at=NOW - MONTH, ends_at=CLOSED + MONTH
    )
    papers = [statement_pdf(statement=made, zone=ZoneInfo("Europe/Berlin")) for _ in range(2)]
    assert papers[0] == papers[1]


def test_neighbors_statement_and_other_forms_are_not_found(street: Street) -> None:
    assert download(street, "csv", owner_of=1, place=0).status_code == 404
    assert download(street, "xls").status_code == 404
