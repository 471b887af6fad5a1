"""The Energy page: what it says, its series, its file, and the tariff behind it."""

import csv
import io
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.markets.models import Market
from apps.programs.models import GridSignal
from apps.sites.models import GridArea, SiteTariff
from tests.apps.portal.world import World, add_quarter, add_signal, settle, words

As = Callable[[User | None], Client]
QUARTER = timedelta(minutes=15)
# Local midnight of the present day (2026-06-17, Berlin).
TODAY = datetime(2026, 6, 16, 22, tzinfo=UTC)
# Used, sun, battery, grid [kW] of four hours of a day; tests/vpp/settlement/test_home_account.py has them too.
HOURS = {
    7: (2.0, 0.0, 0.0, 2.0),
    12: (1.0, 5.0, 3.0, -1.0),
    17: (3.0, 0.0, -2.5, 0.5),
    1: (0.5, 0.0, 0.0, 0.5),
}
BANDS = {
    "band0_days": "weekdays", "band0_starts": "07:00", "band0_ends": "08:00", "band0_price": "0,30",
    "band1_days": "all", "band1_starts": "17:00", "band1_ends": "18:00", "band1_price": "0.45",
}  # fmt: skip
TARIFF = {"currency": "eur", "import_price": "0.20", "export_price": "0.08"}


def fill(world: World, midnight: datetime = TODAY, *, times: float = 1.0) -> None:
    for hour, powers in HOURS.items():
        used, sun, battery, grid = (kw * times for kw in powers)
        for number in range(4):
            add_quarter(
                world.sites[0], midnight + timedelta(hours=hour) + number * QUARTER,
                load_kw=used, pv_kw=-sun, battery_kw=battery, grid_kw=grid,
            )  # fmt: skip


def path(world: World, rest: str = "") -> str:
    return f"/sites/{world.sites[0].pk}/energy/{rest}"


def said(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return words(response.content.decode())


def test_a_day_by_an_assumed_tariff(world: World, as_: As) -> None:
    fill(world)
    text = said(as_(world.owner), path(world))
    assert "Wednesday, 17 June 2026 so far" in text
    assert "Used 6.50 kWh From the sun 5.00 kWh Imported 3.00 kWh Exported 1.00 kWh" in text
    assert "Self-sufficient 54 % Own sun used 80 %" in text
    # 5.5 x 0.30 - 4 x 0.08 = 1.33; 3 x 0.30 - 1 x 0.08 = 0.82
    assert "Without battery and programs 1.33 € As it was 0.82 € Saved by battery and control 0.51 €" in text
    assert "Nobody has said what you pay, so 0.30 EUR per kWh and 0.08 for export are assumed." in text
    # 3 kWh x 210 g, and 3.5 kWh x 210 g
    assert "Of what you drew from the grid 0.63 kg Spared by sun and battery 0.73 kg" in text
    assert "12:00 1.00 5.00 0.00 1.00 100 %" in text


def test_the_owners_bands_price_their_hours(world: World, as_: As) -> None:
    fill(world)
    client = as_(world.owner)
    assert client.post(path(world, "tariff/"), TARIFF | BANDS).status_code == 302
    text = said(client, path(world))
    assert "Without battery and programs 1.73 € As it was 0.85 € Saved by battery and control 0.88 €" in text
    assert (
        "By your own tariff: 0.2000 EUR per kWh, 0.0800 for export. Other prices hold in its bands." in text
    )
    entry = AuditEntry.objects.get(action="site_tariff_set")
    assert (entry.actor, entry.subject) == (world.owner.email, f"site {world.sites[0].pk}")
    held = SiteTariff.objects.get()
    assert (held.currency, held.import_price, len(held.bands)) == ("EUR", Decimal("0.20"), 2)
    assert client.post(path(world, "tariff/"), {"remove": "1"}).status_code == 302
    assert (SiteTariff.objects.count(), AuditEntry.objects.filter(action="site_tariff_remove").count()) == (
        0,
        1,
    )


def test_the_areas_tariff_and_carbon_count_where_the_household_says_nothing(
    world: World, as_: As, now: datetime
) -> None:
    fill(world)
    area = GridArea.objects.create(organization=world.organization, name="North")
    Market.objects.create(
        organization=world.organization, grid_area=area, name="North", currency="USD", created_at=now,
        import_tariff_micro=250_000, export_tariff_micro=50_000, carbon_g_per_kwh=400, carbon_source="the operator",
    )  # fmt: skip
    world.sites[0].grid_area = area
    world.sites[0].save()
    text = said(as_(world.owner), path(world))
    assert "As it was 0.70 $" in text
    assert "By your area's tariff: 0.2500 USD per kWh, 0.0500 for export." in text
    assert "Of what you drew from the grid 1.20 kg" in text
    assert "400 g CO₂e per kWh are taken (the operator)." in text


def test_what_a_utility_says_of_greenhouse_gas_counts_and_its_last_word_most(world: World, as_: As) -> None:
    fill(world)
    for minutes, grams in ((0, 900.0), (5, 504.0)):
        signal = add_signal(world, starts_at=TODAY + timedelta(hours=16))
        GridSignal.objects.filter(pk=signal.pk).update(
            kind="ghg", interval_s=3600, ends_at=signal.starts_at + timedelta(hours=2), target_kw=[0.0, 0.0],
            values=[None, grams], received_at=TODAY + timedelta(minutes=minutes),
        )  # fmt: skip
    text = said(as_(world.owner), path(world))
    # from 17:00 to 18:00: 0.5 kWh x 504 g and 2.5 kWh x 504 g; the other hours by 210 g
    assert "Of what you drew from the grid 0.78 kg Spared by sun and battery 1.47 kg" in text
    assert "For 17 % of what you drew, your utility said what a kWh emits." in text


def test_programs_payments_of_the_period_stand_beside_the_savings(world: World, as_: As) -> None:
    fill(world)
    for hours in (5, -30):
        signal = add_signal(world, starts_at=TODAY + timedelta(hours=hours), state="settled")
        settle(signal, world.sites)
    assert "Paid to you by programs 1.75 €" in said(as_(world.owner), path(world))
    assert "Paid to you by programs 3.50 €" in said(as_(world.owner), path(world, "?span=week"))


def test_other_spans_are_linked_and_compared(world: World, as_: As) -> None:
    fill(world)
    fill(world, TODAY - timedelta(days=1), times=2.0)
    fill(world, TODAY - timedelta(days=365), times=0.5)
    client = as_(world.owner)
    page = client.get(path(world, "?span=day&on=2026-06-17")).content.decode()
    assert 'rel="prev" href="?span=day&amp;on=2026-06-16"' in page
    assert 'rel="next"' not in page
    assert "Used kWh 6.50 13.00 −50 %" in words(page)
    assert "This period is running" in words(page)
    assert "Used kWh 6.50 3.25 +100 %" in said(client, path(world, "?span=day&on=2026-06-17&against=year"))
    week = client.get(path(world, "?span=week&on=2026-06-17")).content.decode()
    assert "15 June to 21 June 2026" in words(week)
    assert "Used 19.5 kWh" in words(week)
    assert "June 2026" in said(client, path(world, "?span=month&on=2026-06-01"))
    year = said(client, path(world, "?span=year&on=2025-06-01"))
    assert "Compared with 2024" in year
    assert "Nothing was measured then." in year


def test_a_home_without_measurements_says_so(world: World, as_: As) -> None:
    for address in ("", "?span=year&on=2030-01-01", "?span=fortnight&on=never"):
        assert "Nothing was measured in this period." in said(as_(world.owner), path(world, address))


def test_series_of_a_year_comes_at_once_and_is_kept_by_the_browser(world: World, as_: As) -> None:
    fill(world)
    client = as_(world.owner)
    address = path(world, "quarters?span=year&on=2026-06-17")
    response = client.get(address)
    quarters = len(response.content) // 8
    # from New Year to the running quarter-hour of 18:50 local time
    assert quarters == (TODAY + timedelta(hours=19) - datetime(2025, 12, 31, 23, tzinfo=UTC)) // QUARTER
    sun = struct.unpack(f">{quarters}h", response.content[: 2 * quarters])
    assert max(sun) == 500
    assert response["Cache-Control"] == "private, no-cache"
    again = client.get(address, headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    add_quarter(world.sites[0], TODAY, grid_kw=1.0)
    assert client.get(address, headers={"If-None-Match": response["ETag"]}).status_code == 200


def test_csv_has_a_row_for_every_quarter_of_the_local_day(world: World, as_: As) -> None:
    autumn = datetime(2025, 10, 25, 22, tzinfo=UTC)  # 25 hours
    add_quarter(
        world.sites[0], autumn + timedelta(hours=3), load_kw=1.0, pv_kw=-3.0, battery_kw=0.5, grid_kw=-1.5
    )
    response = as_(world.owner).get(path(world, "energy.csv?span=day&on=2025-10-26"))
    assert (
        response["Content-Disposition"]
        == f'attachment; filename="energy-{world.sites[0].pk}-day-2025-10-26.csv"'
    )
    rows = list(csv.reader(io.StringIO(response.getvalue().decode())))
    assert rows[0] == [
        "starts_at", "used_kw", "production_kw", "battery_charge_kw", "battery_discharge_kw", "import_kw", "export_kw",
    ]  # fmt: skip
    assert len(rows) == 1 + 100
    assert [row[0] for row in rows[1::99]] == ["2025-10-26T00:00:00+02:00", "2025-10-26T23:45:00+01:00"]
    assert [row for row in rows[1:] if row[1]] == [
        ["2025-10-26T02:00:00+01:00", "1.000", "3.000", "0.500", "0.000", "0.000", "1.500"]
    ]


PAGES = ["", "quarters", "energy.csv", "tariff/"]


@pytest.mark.parametrize("rest", PAGES)
@pytest.mark.parametrize("who", ["owner", "member", "operator", "viewer"])
def test_household_and_operators_see_it(world: World, as_: As, who: str, rest: str) -> None:
    assert as_(getattr(world, who)).get(path(world, rest)).status_code == 200


@pytest.mark.parametrize("rest", PAGES)
def test_strangers_do_not(world: World, as_: As, rest: str) -> None:
    assert as_(world.stranger).get(path(world, rest)).status_code == 404
    assert as_(None).get(path(world, rest)).status_code == 302


@pytest.mark.parametrize(
    ("who", "status"), [("member", 403), ("operator", 403), ("viewer", 403), ("stranger", 404), (None, 302)]
)
def test_only_an_owner_sets_the_tariff(world: World, as_: As, who: str | None, status: int) -> None:
    before = AuditEntry.objects.count()
    client = as_(getattr(world, who) if who else None)
    for typed in (TARIFF, {"remove": "1"}):
        assert client.post(path(world, "tariff/"), typed).status_code == status
    assert (SiteTariff.objects.count(), AuditEntry.objects.count()) == (0, before)


@pytest.mark.parametrize(
    ("change", "words_of_it"),
    [
        ({"import_price": "cheap"}, "the price 'cheap' is not a number"),
        ({"import_price": "NaN"}, "must lie between"),
        ({"import_price": "11"}, "must lie between −10 and 10 per kWh"),
        ({"import_price": "0.1234567"}, "at most five decimals"),
        ({"export_price": "∞"}, "is not a number"),
        ({"currency": "€"}, "is no currency code like EUR"),
        (
            {"band0_starts": "07:10", "band0_ends": "08:00", "band0_price": "1"},
            "07:10:00 does not begin a quarter-hour",
        ),
        ({"band0_starts": "soon", "band0_ends": "08:00", "band0_price": "1"}, "is not a time like 18:00"),
        (
            {"band0_starts": "07:00", "band0_ends": "07:00", "band0_price": "1"},
            "begins and ends at different times",
        ),
        ({"band0_starts": "07:00", "band0_ends": "08:00", "band0_price": ""}, "is not a number"),
        (
            {"band0_days": "moonday", "band0_starts": "07:00", "band0_ends": "08:00", "band0_price": "1"},
            "all days",
        ),
    ],
)
def test_nonsense_is_refused_and_stays_in_the_form(
    world: World, as_: As, change: dict[str, str], words_of_it: str
) -> None:
    response = as_(world.owner).post(path(world, "tariff/"), TARIFF | {"export_price": "0.0777"} | change)
    page = response.content.decode()
    assert response.status_code == 422
    assert words_of_it in words(page)
    assert "0.0777" in page or "export_price" in change
    assert SiteTariff.objects.count() == 0
