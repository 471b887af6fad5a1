"""The market's pages in a real browser: a household's, and its operators' with curves, replay and map."""

import re
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.common import clock
from apps.markets.models import ClearingRun
from apps.sites.models import GridArea
from tests import factories
from tests.apps.markets.world import BID, CLOSED, OFFER, START, Street, make_street
from tests.browser.following import follow
from tests.factories import NOW


@pytest.fixture
def street(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Street:
    """Home 0 has bought of home 1 below a full line, and both have orders for later."""
    monkeypatch.setattr(clock.Clock, "now", lambda self: NOW)
    found = make_street(homes=2, history=False, mechanism="network")
    for place, limit_kw in enumerate((None, 2.0)):
        site = found.fleet.sites[place]
        site.grid_area = GridArea.objects.create(
            organization=found.fleet.organization, name=f"Branch {place}", parent=found.area, export_limit_kw=limit_kw
        )  # fmt: skip
        site.save(update_fields=["grid_area"])
    found.order(0, BID, 300_000, 1000)
    found.order(1, OFFER, 100_000, 1500, green=True)
    found.clear()
    later = START + (START - CLOSED)
    found.order(0, BID, 290_000, 700, starts_at=later)
    found.order(1, OFFER, 110_000, 900, starts_at=later)
    return found


def signed_in(page: Page, server: LiveServer, user: Any) -> None:
    client = Client()
    client.force_login(user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}]
    )


def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways, styles applied."""
    page.wait_for_load_state("load")
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_household_reads_and_places_its_orders(page: Page, live_server: LiveServer, street: Street) -> None:
    site = street.fleet.sites[0]
    signed_in(page, live_server, factories.make_owner(site=site))
    page.goto(f"{live_server.url}/sites/{site.pk}/market/")
    expect(page.get_by_role("heading", level=1)).to_have_text(street.market.name)
    expect(page.get_by_text("Saved in 30 days")).to_be_visible()
    assert fits(page)
    page.get_by_label("kWh", exact=True).fill("0.5")
    page.get_by_label("EUR per kWh").fill("0.25")
    page.get_by_role("button", name="Place").click()
    expect(page.get_by_text("Your order stands.")).to_be_visible()
    assert fits(page)


def test_operator_reads_book_curves_map_and_replays(
    page: Page, live_server: LiveServer, street: Street
) -> None:
    organization, run = street.fleet.organization, ClearingRun.objects.get()
    signed_in(page, live_server, factories.make_operator(organization=organization))
    page.goto(f"{live_server.url}/console/{organization.pk}/markets/{street.market.pk}/")
    expect(page.get_by_role("heading", name=re.compile("^Order book"))).to_be_visible()
    assert fits(page)
    page.goto(f"{live_server.url}/console/{organization.pk}/markets/{street.market.pk}/runs/{run.pk}/")
    expect(page.get_by_role("img", name=re.compile("^Prices at 3 nodes"))).to_be_visible()
    assert fits(page)
    follow(page.get_by_role("link", name="Compute it again"))
    expect(page.get_by_text("the same bytes")).to_be_visible()
    assert fits(page)


@pytest.fixture
def neighbors(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Street:
    """Two homes of a market from peer to peer that pays on a chain."""
    monkeypatch.setattr(clock.Clock, "now", lambda self: NOW)
    return make_street(homes=2, history=False, mechanism="peer_to_peer", on_chain=True)


@pytest.mark.refused
def test_neighbors_agree_on_a_contract_and_end_it(
    page: Page, live_server: LiveServer, neighbors: Street
) -> None:
    """One proposes, mistakes first; the other agrees and ends it; an address is given and forgotten."""
    buyer, seller = neighbors.fleet.sites
    signed_in(page, live_server, factories.make_owner(site=buyer))
    page.goto(f"{live_server.url}/sites/{buyer.pk}/market/")
    page.get_by_text("Propose one").click()
    page.get_by_label("Neighbor's name on this market").fill("Nobody")
    page.get_by_label("kWh in each interval").fill("0.25")
    page.get_by_label("Price, EUR per kWh").fill("0.18")
    page.get_by_label("From", exact=True).fill("2026-06-17T17:00")
    page.get_by_label("To", exact=True).fill("2026-06-17T21:00")
    follow(page.get_by_role("button", name="Propose"))
    expect(page.get_by_role("alert")).to_contain_text("nobody on this market has this name")
    expect(page.get_by_label("kWh in each interval")).to_have_value("0.25")
    assert fits(page)
    page.get_by_label("Neighbor's name on this market").fill(neighbors.participants[1].name)
    follow(page.get_by_role("button", name="Propose"))
    expect(page.get_by_text("waits for your neighbor")).to_be_visible()
    assert fits(page)
    page.get_by_label("Address").fill("0x52908400098527886E0F7030069857D2E4169EE7")
    follow(page.locator("#chain").get_by_role("button", name="Save"))
    expect(page.get_by_text("0x52908400098527886E0F7030069857D2E4169EE7")).to_be_visible()
    assert fits(page)
    page.locator("summary", has_text="Forget the address").click()
    follow(page.get_by_role("button", name="Forget it"))
    expect(page.get_by_text("No address: your account pays and is paid.")).to_be_visible()
    signed_in(page, live_server, factories.make_owner(site=seller))
    page.goto(f"{live_server.url}/sites/{seller.pk}/market/")
    follow(page.get_by_role("button", name="Agree"))
    expect(page.get_by_text("Agreed. It holds from the next gate on.")).to_be_visible()
    page.locator("#contracts summary", has_text="End").click()
    follow(page.get_by_role("button", name="End the contract"))
    expect(page.get_by_text("Ended. What was traded by it stays.")).to_be_visible()
    assert fits(page)


@pytest.mark.refused
def test_operator_writes_the_network_from_a_file_and_reads_its_map(
    page: Page, live_server: LiveServer, street: Street
) -> None:
    organization = street.fleet.organization
    signed_in(page, live_server, factories.make_operator(organization=organization))
    page.goto(f"{live_server.url}/console/{organization.pk}/markets/{street.market.pk}/")
    follow(page.get_by_role("link", name="Network"))
    expect(page.get_by_role("img", name=re.compile("^Prices at 3 nodes"))).to_be_visible()
    assert fits(page)
    rows = "grid_area,tie_to,resistance_ohm,reactance_ohm,limit_kw\nBranch 0,,{ohm},0.08,\nBranch 0,Branch 1,,0.3,25\n"
    for ohm, said in (("much", "resistance_ohm is no number"), ("0.12", "2 rows written")):
        content = rows.format(ohm=ohm).encode()
        page.get_by_label("File").set_input_files(
            {"name": "lines.csv", "mimeType": "text/csv", "buffer": content}
        )
        follow(page.get_by_role("button", name="Write them"))
        expect(page.get_by_text(said)).to_be_visible()
        assert fits(page)
    page.locator("summary", has_text="Take away").click()
    follow(page.get_by_role("button", name="Take the tie away"))
    expect(page.get_by_text("None: every area has one way to the grid.")).to_be_visible()
