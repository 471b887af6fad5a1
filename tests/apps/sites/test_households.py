"""The people of a home: roles, what they may, how they come and go, and when their access ends."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, transaction

from apps.accounts.errors import PasswordWeakError
from apps.accounts.models import AuditEntry, User
from apps.sites import households, invitations
from apps.sites.households import LastOwnerError, NotOwnerError, RoleInvalidError, standing_of
from apps.sites.invitations import AlreadyThereError, InvitationGoneError, InvitationOfAnotherError
from apps.sites.models import AccessEntry, Invitation, Role, Site, SiteMember
from apps.sites.selectors import is_owner, site_visible, sites_of_household
from apps.sites.services import site_member_add
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MACHINE = datetime.now(UTC)
SOON = MACHINE + timedelta(days=3)


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization())


@pytest.fixture
def owner(site: Site) -> User:
    return factories.make_owner(site=site)


def person(site: Site, role: str, *, expires_at: datetime | None = None) -> User:
    user = factories.make_user()
    SiteMember.objects.create(site=site, user=user, role=role, expires_at=expires_at)
    return user


def invite(
    site: Site,
    by: User,
    *,
    email: str = "guest@example.org",
    role: str = "member",
    until: datetime | None = None,
) -> Invitation:
    return invitations.invitation_create(
        site=site, by=by, email=email, role=role, access_until=until, machine_now=MACHINE, now=NOW
    )


def link_of(invitation: Invitation) -> str:
    mail.outbox.clear()
    assert invitations.invitation_send(invitation_id=invitation.pk)
    found = re.search(r"/invitations/([^/\s]+)/", str(mail.outbox[0].body))
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("owner", {"see", "totals", "devices", "install", "comfort", "decide"}),
        ("member", {"see", "totals", "devices", "comfort"}),
        ("viewer", {"see", "totals", "devices"}),
        ("installer", {"devices", "install"}),
        ("landlord", {"totals"}),
    ],
)
def test_each_role_holds_its_rights_and_no_more(site: Site, role: str, rights: set[str]) -> None:
    user = person(site, role, expires_at=SOON if role == "installer" else None)
    standing = standing_of(user=user, site_id=site.pk)
    assert standing is not None
    assert (standing.role, set(standing.rights)) == (role, rights)
    assert site_visible(user=user, site_id=site.pk) == (site if "see" in rights else None)
    assert is_owner(user=user, site=site) is (role == "owner")
    assert list(sites_of_household(user=user)) == ([site] if "see" in rights else [])


def test_strangers_hold_nothing_and_operators_only_look(site: Site) -> None:
    assert standing_of(user=factories.make_user(), site_id=site.pk) is None
    operator = standing_of(user=factories.make_operator(organization=site.organization), site_id=site.pk)
    assert operator is not None
    assert (operator.role, set(operator.rights)) == ("operator", {"see", "totals", "devices"})


def test_access_ends_when_it_was_said_to_without_any_task(site: Site) -> None:
    user = person(site, "installer", expires_at=MACHINE - timedelta(seconds=1))
    assert standing_of(user=user, site_id=site.pk) is None
    assert households.standings_of_person(user=user) == []
    assert households.members_of_site(site=site) == []
    viewer = person(site, "viewer", expires_at=MACHINE - timedelta(seconds=1))
    assert (site_visible(user=viewer, site_id=site.pk), list(sites_of_household(user=viewer))) == (None, [])


def test_an_invited_person_comes_in_once_under_their_own_name(site: Site, owner: User) -> None:
    made = invite(site, owner, role="installer", until=SOON)
    token = link_of(made)
    assert "guest@example.org" in mail.outbox[0].to
    assert "as installer" in mail.outbox[0].body
    guest = factories.make_user(email="Guest@example.org")
    with pytest.raises(InvitationOfAnotherError):
        invitations.invitation_accept(token=token, user=factories.make_user(), now=NOW)
    member = invitations.invitation_accept(token=token, user=guest, now=NOW)
    assert (member.role, member.expires_at) == ("installer", SOON)
    with pytest.raises(InvitationGoneError):
        invitations.invitation_accept(token=token, user=guest, now=NOW)
    assert not invitations.invitation_send(invitation_id=made.pk)
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == ["member_invite", "member_join"]


def test_signing_up_makes_an_account_with_a_proven_address(site: Site, owner: User) -> None:
    token = link_of(invite(site, owner))
    with pytest.raises(PasswordWeakError):
        invitations.invitation_sign_up(token=token, first_name="", password="1234567890", now=NOW)
    assert not User.objects.filter(email="guest@example.org").exists()
    user = invitations.invitation_sign_up(
        token=token, first_name="Gus", password="a-long-word-of-mine", now=NOW
    )
    assert (user.email, user.first_name, user.check_password("a-long-word-of-mine")) == (
        "guest@example.org", "Gus", True,
    )  # fmt: skip
    assert list(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary")) == [
        ("guest@example.org", True, True)
    ]
    assert SiteMember.objects.get(user=user).role == "member"


def test_links_die_by_age_by_revocation_and_by_a_newer_one(site: Site, owner: User) -> None:
    old = invite(site, owner)
    token = link_of(old)
    newer = link_of(invite(site, owner))
    with pytest.raises(InvitationGoneError):
        invitations.invitation_shown(token=token)
    shown = invitations.invitation_shown(token=newer)
    assert (shown.invitation.email, shown.has_account) == ("guest@example.org", False)
    invitations.invitation_revoke(site=site, by=owner, invitation_id=shown.invitation.pk, now=NOW)
    with pytest.raises(InvitationGoneError):
        invitations.invitation_shown(token=newer)
    late = invite(site, owner, email="late@example.org")
    token = link_of(late)
    Invitation.objects.filter(pk=late.pk).update(expires_at=MACHINE - timedelta(seconds=1))
    with pytest.raises(InvitationGoneError):
        invitations.invitation_shown(token=token)
    with pytest.raises(InvitationGoneError):
        invitations.invitation_shown(token=token[:-1] + ("a" if token[-1] != "a" else "b"))


@pytest.mark.parametrize("who", ["member", "viewer", "installer", "landlord", "operator", "stranger"])
def test_only_owners_decide_about_people(site: Site, owner: User, who: str) -> None:
    if who in Role.values:
        user = person(site, who, expires_at=SOON if who == "installer" else None)
    else:
        user = (
            factories.make_operator(organization=site.organization)
            if who == "operator"
            else factories.make_user()
        )
    waiting = invite(site, owner)
    target = person(site, "viewer")
    member_id = SiteMember.objects.get(user=target).pk
    before = list(SiteMember.objects.order_by("pk").values())
    with pytest.raises(NotOwnerError):
        invite(site, user, email="mine@example.org", role="owner")
    with pytest.raises(NotOwnerError):
        invitations.invitation_revoke(site=site, by=user, invitation_id=waiting.pk, now=NOW)
    with pytest.raises(NotOwnerError):
        households.member_change(
            site=site,
            by=user,
            member_id=member_id,
            role="owner",
            expires_at=None,
            machine_now=MACHINE,
            now=NOW,
        )
    with pytest.raises(NotOwnerError):
        households.member_remove(site=site, by=user, member_id=member_id, now=NOW)
    assert list(SiteMember.objects.order_by("pk").values()) == before
    assert list(Invitation.objects.values_list("pk", "revoked_at")) == [(waiting.pk, None)]


def test_a_home_never_loses_its_last_owner(site: Site, owner: User) -> None:
    mine = SiteMember.objects.get(user=owner)
    acts: tuple[Callable[[], object], ...] = (
        lambda: households.member_leave(site=site, user=owner, now=NOW),
        lambda: households.member_remove(site=site, by=owner, member_id=mine.pk, now=NOW),
        lambda: households.member_change(
            site=site,
            by=owner,
            member_id=mine.pk,
            role="viewer",
            expires_at=None,
            machine_now=MACHINE,
            now=NOW,
        ),
    )
    for act in acts:
        with pytest.raises(LastOwnerError):
            act()
    assert is_owner(user=owner, site=site)
    other = person(site, "owner")
    households.member_leave(site=site, user=owner, now=NOW)
    assert (is_owner(user=owner, site=site), is_owner(user=other, site=site)) == (False, True)


@pytest.mark.parametrize(
    ("role", "until"),
    [
        ("emperor", None),
        ("owner", SOON),
        ("installer", None),
        ("viewer", MACHINE - timedelta(minutes=1)),
        ("viewer", MACHINE + timedelta(days=400)),
    ],
)
def test_access_that_makes_no_sense_is_refused(
    site: Site, owner: User, role: str, until: datetime | None
) -> None:
    with pytest.raises(RoleInvalidError):
        invite(site, owner, role=role, until=until)
    assert Invitation.objects.count() == 0


def test_bad_addresses_and_people_who_are_there_are_refused(site: Site, owner: User) -> None:
    for email in ("", "nobody", "a@b\nc@example.org"):
        with pytest.raises(RoleInvalidError):
            invite(site, owner, email=email)
    with pytest.raises(AlreadyThereError):
        invite(site, owner, email=owner.email.upper())


def test_the_database_holds_what_the_rules_say(site: Site) -> None:
    for role, until in (("owner", SOON), ("installer", None)):
        with pytest.raises(IntegrityError), transaction.atomic():
            SiteMember.objects.create(site=site, user=factories.make_user(), role=role, expires_at=until)


def test_looks_from_outside_are_counted_by_page_and_day_and_nobody_else_is_watched(
    site: Site, owner: User
) -> None:
    landlord, operator = person(site, "landlord"), factories.make_operator(organization=site.organization)
    for user, page in ((owner, "home"), (landlord, "totals"), (landlord, "totals"), (operator, "home")):
        standing = standing_of(user=user, site_id=site.pk)
        assert standing is not None
        households.look_note(standing=standing, user=user, page=page, now=NOW)
    assert [(one.who, one.role, one.page, one.looks) for one in AccessEntry.objects.order_by("pk")] == [
        (landlord.email, "landlord", "totals", 2), (operator.email, "operator", "home", 1),
    ]  # fmt: skip


def test_a_member_added_by_an_operator_lives_there(site: Site) -> None:
    user = factories.make_user()
    site_member_add(site=site, user=user, role="member")
    assert households.standings_of_person(user=user)[0].role == "member"
