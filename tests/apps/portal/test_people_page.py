"""The page of a home's people, the door an invitation opens, and what guests see."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.test import Client

from apps.accounts.models import User
from apps.portal.people_words import ACTIONS
from apps.sites.models import AccessEntry, Invitation, SiteMember
from tests import factories
from tests.apps.portal.world import World, add_quarter
from tests.architecture.tree import ROOT

As = Callable[[User | None], Client]
SOON = datetime.now(UTC) + timedelta(days=3)


def path(world: World, rest: str = "people/") -> str:
    return f"/sites/{world.sites[0].pk}/{rest}"


def guest(world: World, role: str) -> User:
    user = factories.make_user()
    SiteMember.objects.create(
        site=world.sites[0], user=user, role=role, expires_at=SOON if role == "installer" else None
    )
    return user


def invite(client: Client, world: World, **sent: str) -> str:
    answer = client.post(path(world, "people/invite"), sent, follow=True).content.decode()
    factories.run_queued()
    return answer


def token() -> str:
    found = re.search(r"http://\S+(/invitations/\S+/)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


@pytest.mark.django_db(transaction=True)
def test_an_invited_stranger_makes_an_account_and_lands_in_the_home(world: World, as_: As) -> None:
    said = invite(as_(world.owner), world, email="Gus@example.org", role="viewer", until="")
    assert "gus@example.org gets an e-mail with a link." in said
    assert "waits for an answer" in said
    link, nobody = token(), Client()
    shown = nobody.get(link).content.decode()
    assert "owner@example.org invites you." in shown
    assert "Make my account and come in" in shown
    weak = nobody.post(link, {"first_name": "Gus", "password": "short"})
    assert (weak.status_code, User.objects.filter(email="gus@example.org").count()) == (400, 0)
    landed = nobody.post(link, {"first_name": "Gus", "password": "a-long-word-of-mine"}, follow=True)
    assert landed.redirect_chain[-1][0] == path(world, "")
    assert "Welcome to Rose Street 1." in landed.content.decode()
    assert (
        nobody.post(path(world, "people/invite"), {"email": "x@example.org", "role": "owner"}).status_code
        == 302
    )
    assert Invitation.objects.count() == 1
    again = Client().get(link)
    assert (again.status_code, "This link is not good any more" in again.content.decode()) == (404, True)


@pytest.mark.django_db(transaction=True)
def test_who_has_an_account_signs_in_and_only_the_invited_one_comes_in(world: World, as_: As) -> None:
    invite(as_(world.owner), world, email=world.stranger.email, role="installer", until=f"{SOON:%Y-%m-%d}")
    link = token()
    assert f"Sign in as {world.stranger.email}" in as_(None).get(link).content.decode()
    assert "This invitation is for stranger@example.org" in as_(world.member).get(link).content.decode()
    assert as_(world.member).post(link).status_code == 403
    landed = as_(world.stranger).post(link, follow=True)
    assert landed.redirect_chain[-1][0] == path(world, "devices/")
    member = SiteMember.objects.get(user=world.stranger, site=world.sites[0])
    assert (member.role, member.expires_at is not None) == ("installer", True)


def test_an_installer_opens_devices_and_hub_and_nothing_else_and_the_owner_reads_it(
    world: World, as_: As
) -> None:
    client = as_(guest(world, "installer"))
    opened = {rest: client.get(path(world, rest)).status_code for rest in (
        "", "live", "day", "events/", "market/", "people/", "preferences/", "totals/", "devices/", "hub/", "s2/",
    )}  # fmt: skip
    assert [rest for rest, status in opened.items() if status == 200] == ["devices/", "hub/", "s2/"]
    assert set(opened.values()) == {200, 404}
    shown = as_(world.owner).get(path(world)).content.decode()
    assert all(text in shown for text in ("devices without a hub", "the hub&#x27;s page", "Installer"))
    assert AccessEntry.objects.count() == 3


def test_a_landlord_reads_whole_months_and_nothing_of_today(world: World, as_: As, now: datetime) -> None:
    before = now - timedelta(days=40)
    for hour in range(4):
        add_quarter(world.sites[0], before.replace(minute=0, hour=hour), grid_kw=2.0, pv_kw=-1.0)
    add_quarter(world.sites[0], now - timedelta(hours=2), grid_kw=99.0)
    client = as_(guest(world, "landlord"))
    shown = client.get(path(world, "totals/")).content.decode()
    assert (f"{before:%B %Y}" in shown, "2.00</td>" in shown, "1.00</td>" in shown, "24.8" in shown) == (
        True, True, True, False,
    )  # fmt: skip
    assert [client.get(path(world, rest)).status_code for rest in ("", "live", "devices/", "people/")] == [
        404
    ] * 4


def test_owner_changes_removes_and_takes_back(world: World, as_: As) -> None:
    client = as_(world.owner)
    member = SiteMember.objects.get(user=world.member)
    client.post(path(world, f"people/{member.pk}"), {"role": "viewer", "until": ""})
    member.refresh_from_db()
    assert member.role == "viewer"
    bad = client.post(path(world, f"people/{member.pk}"), {"role": "viewer", "until": "soon"}, follow=True)
    assert "Nothing was changed: this is not a date." in bad.content.decode()
    client.post(path(world, f"people/{member.pk}"), {"role": "viewer", "remove": "yes"})
    assert not SiteMember.objects.filter(pk=member.pk).exists()
    assert as_(world.member).get(path(world)).status_code == 404
    gone = as_(world.owner).post(path(world, "people/leave"), follow=True).content.decode()
    assert "a home has an owner; make somebody else one first" in gone


@pytest.mark.parametrize("who", ["member", "viewer", "operator"])
def test_others_see_no_forms_and_change_nothing(world: World, as_: As, who: str) -> None:
    client = as_(getattr(world, who))
    shown = client.get(path(world)).content.decode()
    assert ("Send the invitation" in shown, "Take access back" in shown, "Who looked in" in shown) == (
        False,
    ) * 3
    before = list(SiteMember.objects.order_by("pk").values())
    for rest in ("people/invite", f"people/{SiteMember.objects.get(user=world.owner).pk}"):
        sent = {"email": "x@example.org", "role": "owner", "remove": "yes"}
        assert (
            "only an owner of this home decides this"
            in client.post(path(world, rest), sent, follow=True).content.decode()
        )
    assert (list(SiteMember.objects.order_by("pk").values()), Invitation.objects.count()) == (before, 0)


def test_strangers_find_nothing(world: World, as_: As) -> None:
    for user in (world.stranger, None):
        answers = [as_(user).get(path(world)), as_(user).post(path(world, "people/leave"))]
        assert [answer.status_code for answer in answers] == ([404, 404] if user else [302, 302])
    assert as_(None).get("/invitations/invented/").status_code == 404


AUDITED = re.compile(
    r'audit\((?:(?!audit\().)*?action=(?:"(\w+)"|f"(\w+_)\{)(?:(?!audit\().)*?subject=f"site ', re.S
)


def test_everything_that_is_noted_of_a_home_has_words_for_its_people() -> None:
    """Who writes a new action into a home's log names it in the portal."""
    source = "\n".join(path.read_text() for path in sorted((ROOT / "apps").rglob("*.py")))
    # Of a home that is deleted nobody reads the log.
    noted = {whole or start for whole, start in AUDITED.findall(source)} - {"site_delete"}
    assert {"site_tariff_set", "insight_", "devices_look"} <= noted
    assert [one for one in sorted(noted) if not any(name.startswith(one) for name in ACTIONS)] == []
