"""An operator's way through the OpenADR pages in a real browser."""

import os
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import ApiClient
from apps.openadr.messages import message_note
from apps.openadr.models import EventObject, VenConnection3
from apps.openadr.ven2b.secrets import decrypt
from apps.openadr.vtn2b.vens import ven_create
from apps.programs.models import GridSignal
from tests import factories
from tests.browser.following import follow, go
from tests.browser.test_pages import fits, sign_in
from tests.factories import NOW
from tests.openadr3_fake import FakeVtn


@pytest.fixture
def fleet(transactional_db: None, settings: Any) -> factories.Fleet:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.forget_counts()
    return factories.make_fleet(homes=3)


def look(page: Page, name: str) -> None:
    """Keep a picture for people, where OPENADR_PICTURES names a folder."""
    folder = os.environ.get("OPENADR_PICTURES")
    if folder:
        width = (page.viewport_size or {"width": 0})["width"]
        page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)


def test_operator_composes_previews_sends_and_cancels(
    page: Page, live_server: LiveServer, fleet: factories.Fleet
) -> None:
    operator = factories.make_operator(organization=fleet.organization)
    sign_in(page, live_server, operator)
    go(page, "OpenADR")
    expect(page.get_by_text("No OpenADR events yet.")).to_be_visible()
    look(page, "events-empty")
    follow(page.get_by_role("link", name="Compose an event"))
    expect(page.get_by_label("From", exact=True)).to_have_value("18:00")
    page.get_by_label("The same for all, kW").fill("6")
    page.get_by_role("button", name="Fill all 8").click()
    expect(page.get_by_label("19:45", exact=True)).to_have_value("6")
    page.get_by_label("To", exact=True).fill("19:00")
    page.get_by_label("To", exact=True).press("Tab")
    expect(page.get_by_role("button", name="Fill all 4")).to_be_visible()
    page.get_by_label("18:15", exact=True).fill("20")
    assert fits(page)
    look(page, "composer")
    page.get_by_role("button", name="Preview the fleet").click()
    expect(page.get_by_text("Computing…")).to_be_visible()
    assert "dispatch.preview_signal" in factories.run_queued()
    expect(page.get_by_role("img", name="What would be asked and given")).to_be_visible()
    expect(page.get_by_text(re.compile("The fleet falls up to .* kW short"))).to_be_visible()
    assert (EventObject.objects.count(), GridSignal.objects.count()) == (0, 0)
    assert fits(page)
    look(page, "preview")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Sent. The fleet")).to_be_visible()
    factories.run_queued()
    page.reload()
    expect(page.get_by_role("list", name="Life of the event").get_by_text("planned")).to_be_visible()
    assert fits(page)
    look(page, "event")
    follow(page.get_by_role("link", name="Cancel this event"))
    page.get_by_role("button", name="Cancel this event").click()
    expect(page.get_by_text("Canceled. Homes are released")).to_be_visible()
    assert GridSignal.objects.get().state == "canceled"
    follow(page.get_by_role("link", name="OpenADR events"))
    expect(page.get_by_role("list", name="Life of the event")).to_be_visible()
    assert fits(page)
    look(page, "events")


def test_operator_walks_through_programs_vens_credentials_and_messages(
    page: Page, live_server: LiveServer, fleet: factories.Fleet
) -> None:
    _peers(fleet)
    operator = factories.make_operator(organization=fleet.organization)
    sign_in(page, live_server, operator)
    tabs = page.get_by_role("navigation", name="OpenADR")
    page.goto(f"{live_server.url}/console/openadr/{fleet.organization.pk}/programs/")
    look(page, "programs")
    follow(page.get_by_role("link", name=fleet.program.name))
    page.get_by_label("Level 1, %").fill("10")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Plans made from now on")).to_be_visible()
    assert fits(page)
    look(page, "program")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Level 1, %")).to_have_value("25")
    follow(tabs.get_by_role("link", name="Credentials"))
    page.get_by_label("Name, e.g. of the utility").fill("City Power")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("the secret is shown once")).to_be_visible()
    assert fits(page)  # and its script is there
    page.get_by_role("button", name="Copy").nth(1).click()
    expect(page.get_by_role("button", name=re.compile("Copied|Marked"))).to_be_visible()
    assert fits(page)
    look(page, "credentials")
    follow(page.get_by_role("link", name="Revoke…"))
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("City Power is revoked.")).to_be_visible()
    assert ApiClient.objects.exclude(revoked_at=None).count() == 1
    follow(tabs.get_by_role("link", name="VENs"))
    look(page, "vens")
    follow(page.get_by_role("link", name="School"))
    expect(page.get_by_role("heading", name="What it sees")).to_be_visible()
    assert fits(page)
    look(page, "ven2b")
    follow(tabs.get_by_role("link", name="Messages"))
    page.get_by_role("searchbox", name="Search").fill("refused")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert fits(page)
    look(page, "messages")
    page.locator("tbody tr a").click()
    expect(page.get_by_text("refused words")).to_be_visible()
    assert fits(page)


def _peers(fleet: factories.Fleet) -> None:
    ven_create(organization=fleet.organization, vtn_id="ores-vtn", name="School", targets=["north"], now=NOW)
    for number, body in enumerate(['{"request": "refused words"}', '{"a": 1}']):
        message_note(
            organization=fleet.organization, protocol="3.1", direction="received", peer="City Power",
            kind="POST /openadr3/3.1.0/events", status=400 if number == 0 else 201, body=body, now=NOW,
        )  # fmt: skip


def test_operator_connects_to_a_utility_and_sees_how_it_does(
    page: Page, live_server: LiveServer, fleet: factories.Fleet, settings: Any
) -> None:
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True
    fake = FakeVtn()
    try:
        fake.objects["programs"] = [{"id": "p", "programName": "Relief"}]
        sign_in(page, live_server, factories.make_operator(organization=fleet.organization))
        page.goto(f"{live_server.url}/console/openadr/{fleet.organization.pk}/vens/")
        follow(page.get_by_role("link", name="Connect to a 2.0b server"))
        expect(page.get_by_label("Its key (PEM). Kept encrypted, never shown")).to_be_empty()
        assert fits(page)
        look(page, "connection-2b")
        page.go_back()
        follow(page.get_by_role("link", name="Connect to a 3.x server"))
        page.get_by_label("Our venName").fill("ores")
        page.get_by_label("Address, e.g.").fill(fake.server.url)
        page.get_by_label("Whose homes answer").select_option(fleet.program.name)
        page.get_by_label("Client ID").fill("us")
        page.get_by_label("Secret", exact=True).fill("hush-hush")
        assert fits(page)
        look(page, "connection-new")
        page.get_by_role("button", name="Connect", exact=True).click()
        expect(page.get_by_text("Connected. The VEN process")).to_be_visible()
        expect(page.get_by_label("Secret (empty: the present one stays)")).to_be_empty()
        page.get_by_role("button", name="Test connection").click()
        expect(page.get_by_role("status").get_by_text("It lets us in and shows 1 program.")).to_be_visible()
        assert fits(page)
        look(page, "connection")
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_role("button", name="Switch on")).to_be_visible()
        follow(page.get_by_role("navigation", name="OpenADR").get_by_role("link", name="VENs"))
        expect(page.get_by_role("cell", name="off")).to_be_visible()
        assert fits(page)
        look(page, "vens-connected")
    finally:
        fake.server.stop()
    held = VenConnection3.objects.get()
    assert (held.enabled, held.program, decrypt(held.client_secret_encrypted)) == (
        False,
        fleet.program,
        "hush-hush",
    )
