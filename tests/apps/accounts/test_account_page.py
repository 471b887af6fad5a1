"""A person's own account: name and language, sessions, and a sign-in that is slow to be guessed."""

import pytest
from django.test import Client, override_settings

from apps.accounts.models import User
from apps.accounts.security import browser_name
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def user() -> User:
    return factories.make_user()


def signed_in(user: User, *, agent: str = FIREFOX) -> Client:
    client = Client(headers={"User-Agent": agent})
    answer = client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def test_name_and_language_are_kept_and_follow_the_person(user: User) -> None:
    client = signed_in(user)
    answer = client.post("/account/profile", {"first_name": "Anna", "last_name": "B", "language": "de"})
    assert (answer.status_code, answer.cookies["django_language"].value) == (302, "de")
    user.refresh_from_db()
    assert (user.first_name, user.last_name, user.language) == ("Anna", "B", "de")
    other = Client().post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert other.cookies["django_language"].value == "de"
    client.post("/account/profile", {"first_name": "Eve", "language": "xx"})
    user.refresh_from_db()
    assert (user.first_name, user.language) == ("Anna", "de")


def test_sessions_are_listed_and_ended(user: User) -> None:
    here, there, third = signed_in(user), signed_in(user, agent="curl/8"), signed_in(user)
    shown = here.get("/account/").content.decode()
    assert (shown.count("Firefox · Linux"), shown.count("Some program"), shown.count(">here<")) == (2, 1, 1)
    stranger = signed_in(factories.make_user())
    number = shown.split("/account/sessions/")[2].split('"')[0]
    stranger.post(f"/account/sessions/{number}")
    assert [client.get("/account/").status_code for client in (here, there, third)] == [200, 200, 200]
    here.post("/account/sessions/others")
    assert [client.get("/account/").status_code for client in (here, there, third)] == [200, 302, 302]


def test_strangers_are_sent_to_sign_in() -> None:
    for path in ("/account/", "/account/profile", "/account/sessions/others", "/account/sessions/1"):
        ask = Client().get if path == "/account/" else Client().post
        answer = ask(path)
        assert (answer.status_code, answer.headers["Location"].startswith("/account/login/")) == (302, True)


@override_settings(ACCOUNT_RATE_LIMITS={"login": "100/m/ip", "login_failed": "100/m/ip,3/5m/key"})
def test_guessing_a_password_is_slow(user: User) -> None:
    factories.forget_counts()
    client = Client()
    wrong = {"login": user.email, "password": "not-the-password"}
    assert [client.post("/account/login/", wrong).status_code for _ in range(3)] == [200] * 3
    right = client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert right.status_code == 200
    assert "Too many" in right.content.decode()
    assert client.get("/account/").status_code == 302
    factories.forget_counts()


@override_settings(ACCOUNT_RATE_LIMITS={"login": "2/m/ip"})
def test_an_address_that_tries_too_often_waits() -> None:
    factories.forget_counts()
    client = Client()
    sent = {"login": "nobody@example.org", "password": "whatever-it-is"}
    assert [client.post("/account/login/", sent).status_code for _ in range(3)] == [200, 200, 429]
    assert (
        "For a few minutes nobody is let in from here"
        in client.post("/account/login/", sent).content.decode()
    )
    factories.forget_counts()


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FIREFOX, "Firefox · Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1",
            "Safari · iPhone",
        ),
        ("curl/8", ""),
    ],
)
def test_browsers_are_named(agent: str, said: str) -> None:
    assert browser_name(agent) == said
