"""What a home earned and was paid: the sum is always that of its lines."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import AuditEntry, User
from apps.portal.earnings import EarnedLine, YearEarnings, plain, year_csv, year_earnings
from apps.settlement.errors import PayoutInvalidError
from apps.settlement.models import Payout, PayoutLine, SettlementRun
from apps.settlement.payouts import owed_to_site, payout_record, run_payouts
from apps.settlement.reviews import run_approve, run_pay, run_row, runs_reviewed
from apps.sites.models import Site
from tests.apps.portal.world import World, add_signal, settle, words

As = Callable[[User | None], Client]


@pytest.fixture
def settled(world: World, now: datetime) -> World:
    for back, amount in ((2, "1.75"), (40, "0.10"), (200, "3.05")):
        signal = add_signal(world, starts_at=now - timedelta(days=back), name=f"E{back}", state="settled")
        settle(signal, world.sites, amount=amount)
    return world


def approve(world: World, now: datetime) -> None:
    """Let the operator approve the newest run of every event that is not yet."""
    for row in map(run_row, runs_reviewed(organization=world.organization)):
        if row.state == "draft":
            run_approve(run=row.run, actor="op", now=now)


def pay(world: World, now: datetime, reference: str = "SEPA 1") -> Payout:
    return payout_record(
        site=world.sites[0], currency="EUR", reference=reference, actor="op", paid_at=now, now=now
    )


def test_a_year_line_by_line_with_what_is_owed_and_paid(settled: World, as_: As, now: datetime) -> None:
    client, url = as_(settled.owner), f"/sites/{settled.sites[0].pk}/earnings/"
    said = words(client.get(url).content.decode())
    assert "1.85 € From events 1.85 € Waiting for approval 4.90 €" in said
    assert "Not paid out yet" not in said
    with pytest.raises(PayoutInvalidError, match="nothing is owed"):
        pay(settled, now)
    approve(settled, now)
    said = words(client.get(url).content.decode())
    assert "1.85 € From events 1.85 € Not paid out yet 4.90 €" in said
    assert "Nothing was paid out yet." in said
    pay(settled, now)
    said = words(client.get(url + "?year=2025").content.decode())
    assert "3.05 €" in said
    assert "SEPA 1 4.90 €" in said
    assert "Not paid out yet" not in said
    assert client.get(url + "?year=99999999").status_code == 200


def test_a_correction_pays_the_difference_only(settled: World, now: datetime) -> None:
    approve(settled, now)
    assert [line.amount for line in pay(settled, now).lines.order_by("pk")] == [
        Decimal("1.75"),
        Decimal("0.10"),
        Decimal("3.05"),
    ]
    signal = add_signal(settled, starts_at=now - timedelta(days=1), name="New", state="settled")
    settle(signal, settled.sites, amount="2.00")
    approve(settled, now)
    first = pay(settled, now, "SEPA 2")
    settle(signal, settled.sites, version=2, amount="2.60")
    assert owed_to_site(site=settled.sites[0]) == []
    approve(settled, now)
    assert [one.amount for one in owed_to_site(site=settled.sites[0])] == [Decimal("0.60")]
    second = pay(settled, now, "SEPA 3")
    assert (first.amount, second.amount) == (Decimal("2.00"), Decimal("0.60"))
    with pytest.raises(PayoutInvalidError, match="nothing is owed"):
        pay(settled, now, "SEPA 4")
    for payout in Payout.objects.all():
        assert payout.amount == sum(line.amount for line in payout.lines.all())


def test_files_to_keep(settled: World, as_: As, now: datetime) -> None:
    client, url = as_(settled.owner), f"/sites/{settled.sites[0].pk}/earnings/"
    rows = list(csv.DictReader(io.StringIO(client.get(url + "2026.csv").content.decode())))
    assert [(one["kind"], one["description"], one["amount"]) for one in rows] == [
        ("event", "E40", "0.10"),
        ("event", "E2", "1.75"),
        ("total", settled.sites[0].name, "1.85"),
    ]
    pdf = client.get(url + "2026.pdf")
    assert (pdf.status_code, pdf.content[:5]) == (200, b"%PDF-")
    assert [client.get(url + name).status_code for name in ("2026.exe", "1.csv", "99999.pdf")] == [404] * 3


AMOUNTS = st.decimals(min_value=-1000, max_value=1000, places=9)


@given(st.lists(st.tuples(AMOUNTS, st.sampled_from(["EUR", "USD"]), st.sampled_from(["event", "market"]))))
def test_sums_are_always_those_of_the_lines(found: list[tuple[Decimal, str, str]]) -> None:
    day = datetime(2026, 1, 1).date()  # noqa: DTZ001
    lines = [EarnedLine(day, kind, "x", Decimal(0), amount, currency) for amount, currency, kind in found]
    earned = YearEarnings(2026, lines)
    rows = list(csv.DictReader(io.StringIO(year_csv(site=Site(name="Home"), earned=earned))))
    for currency, total in earned.totals:
        assert total == sum(amount for amount, name, _ in found if name == currency)
        assert total == sum(amount for _, name, amount in earned.by_kind if name == currency)
        said = [Decimal(one["amount"]) for one in rows if one["currency"] == currency]
        assert sum(said[:-1]) == said[-1] == total
    assert all(Decimal(plain(amount)) == amount for amount, _, _ in found)


def test_years_begin_at_local_midnight(world: World, now: datetime) -> None:
    starts_at = datetime.fromisoformat("2025-12-31T23:30:00+00:00")  # 00:30 in Berlin
    settle(add_signal(world, starts_at=starts_at, state="settled"), world.sites)
    assert [len(year_earnings(site=world.sites[0], year=year).lines) for year in (2025, 2026)] == [0, 1]


def test_a_paid_run_stands_at_each_home_and_is_not_paid_again(settled: World, as_: As, now: datetime) -> None:
    signal = add_signal(settled, starts_at=now - timedelta(days=1), name="New", state="settled")
    run = settle(signal, settled.sites, amount="2.00")[0].run
    run_approve(run=run, actor="op", now=now)
    first = pay(settled, now, "one home by hand")
    run_pay(run=run, reference="SEPA 7", actor="op", now=now)
    homes = len(settled.sites)
    assert [(one.site, one.amount, one.reference) for one in Payout.objects.order_by("pk")] == [
        (settled.sites[0], Decimal("2.00"), "one home by hand"),
        *((site, Decimal("2.00"), "SEPA 7") for site in settled.sites[1:]),
    ]
    assert [owed_to_site(site=site) for site in settled.sites] == [[]] * homes
    assert [one.amount for one in run_payouts(run=run)] == [Decimal(0), *[Decimal("2.00")] * (homes - 1)]
    assert first.amount == Decimal("2.00")
    assert "one home by hand 2.00 €" in words(
        as_(settled.owner).get(f"/sites/{settled.sites[0].pk}/earnings/").content.decode()
    )


def test_what_a_home_was_paid_too_much_is_held_back_from_the_next(world: World, now: datetime) -> None:
    def settled_run(name: str, amount: str, version: int = 1) -> SettlementRun:
        run = settle(signals[name], world.sites[:1], version=version, amount=amount)[0].run
        run_approve(run=run, actor="op", now=now)
        run_pay(run=run, reference=f"{name}{version}", actor="op", now=now)
        return run

    signals = {
        name: add_signal(world, starts_at=now - timedelta(days=day), name=name, state="settled")
        for day, name in enumerate("ABC", 1)
    }
    settled_run("A", "5.00")
    corrected = settled_run("A", "3.50", version=2)
    assert [one.amount for one in owed_to_site(site=world.sites[0])] == [Decimal("-1.50")]
    small = settled_run("B", "1.00")
    held = settled_run("C", "4.00")
    assert [(one.amount, one.reference) for one in Payout.objects.order_by("pk")] == [
        (Decimal("5.00"), "A1"),
        (Decimal("3.50"), "C1"),
    ]
    [last] = run_payouts(run=held)
    assert (last.due, last.carried, last.amount) == (Decimal("4.00"), Decimal("-0.50"), Decimal("3.50"))
    assert [one.amount for one in run_payouts(run=corrected) + run_payouts(run=small)] == [Decimal(0)] * 2
    assert owed_to_site(site=world.sites[0]) == []
    assert sum(line.amount for line in PayoutLine.objects.all()) == Decimal("8.50")


def test_operator_records_what_was_paid(settled: World, as_: As, now: datetime) -> None:
    approve(settled, now)
    url, site = f"/console/{settled.organization.pk}/payouts/", settled.sites[0]
    client = as_(settled.operator)
    assert "4.90 €" in words(client.get(url).content.decode())
    response = client.post(url, {"site": site.pk, "currency": "EUR", "reference": "SEPA 9"}, follow=True)
    assert "Recorded: 4.90 EUR" in response.content.decode()
    payout = Payout.objects.get()
    assert (payout.site, payout.reference, payout.recorded_by) == (site, "SEPA 9", settled.operator.email)
    assert (
        client.post(url, {"site": site.pk, "currency": "EUR", "reference": "again"}, follow=True).status_code
        == 200
    )
    assert Payout.objects.count() == 1


@pytest.mark.parametrize("who", ["owner", "member", "viewer", "stranger", None])
def test_nobody_else_records_or_reads(settled: World, as_: As, who: str | None) -> None:
    noted = AuditEntry.objects.count()
    client = as_(getattr(settled, who) if who else None)
    sent = {"site": settled.sites[0].pk, "currency": "EUR", "reference": "x"}
    status = client.post(f"/console/{settled.organization.pk}/payouts/", sent).status_code
    assert status == (302 if who in {"viewer", None} else 404)
    assert (Payout.objects.count(), AuditEntry.objects.count()) == (0, noted)
    seen = client.get(f"/sites/{settled.sites[0].pk}/earnings/").status_code
    assert seen == {"stranger": 404, None: 302}.get(who, 200)
