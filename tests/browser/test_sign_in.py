"""Signing in with a passkey and with an authenticator app, in a real browser with an authenticator of its own."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests import factories
from tests.apps.portal.world import PASSWORD, World, build_world, evening
from tests.browser.test_pages import fits, sign_in

PERIOD_S = 30


@pytest.fixture
def world(transactional_db: None) -> World:
    factories.forget_counts()
    return build_world(now=evening())


def add_authenticator(page: Page) -> None:
    """Give the browser a key that says yes at once, as a finger on the sensor does."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def confirm(page: Page) -> None:
    """Say the password once more, as every change of the account's protection asks for."""
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def sign_out(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.url}/account/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login/**")


def test_a_passkey_is_added_and_signs_in_without_a_password(
    page: Page, live_server: LiveServer, world: World
) -> None:
    add_authenticator(page)
    sign_in(page, live_server, world.owner)
    page.goto(f"{live_server.url}/account/2fa/webauthn/add/")
    confirm(page)
    page.get_by_label("Name").fill("This phone")
    page.get_by_label("Passwordless").check()
    assert fits(page)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery Codes")).to_be_visible()
    page.goto(f"{live_server.url}/account/2fa/webauthn/")
    expect(page.get_by_text("This phone")).to_be_visible()
    assert Authenticator.objects.filter(user=world.owner, type="webauthn").count() == 1
    sign_out(page, live_server)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Rose Street 1")).to_be_visible()


def code_of(secret: str, *, ahead: int = 0) -> str:
    """Return what an authenticator app shows now or a period later; no code is taken twice."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD_S + ahead)))


def test_an_authenticator_app_is_asked_for_after_the_password(
    page: Page, live_server: LiveServer, world: World
) -> None:
    sign_in(page, live_server, world.owner)
    page.goto(f"{live_server.url}/account/2fa/totp/activate/")
    confirm(page)
    assert fits(page)
    secret = page.get_by_label("Authenticator secret").input_value()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Authenticator app activated")).to_be_visible()
    sign_out(page, live_server)
    sign_in_with_password(page, world)
    expect(page.get_by_role("heading", name="Rose Street 1")).to_have_count(0)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    page.get_by_label("Code").fill(code_of(secret, ahead=1))
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Rose Street 1")).to_be_visible()


def sign_in_with_password(page: Page, world: World) -> None:
    page.get_by_label("E-mail address").fill(world.owner.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
