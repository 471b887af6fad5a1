"""Pages of messages and incidents: what they show, take over, and refuse."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.alerts.acknowledging import incident_acknowledge
from apps.alerts.incidents import Found, conditions_hold
from apps.alerts.models import (
    AlertRule,
    Channel,
    ChannelChoice,
    Delivery,
    Incident,
    IncidentKind,
    KnownBrowser,
    Notification,
    NotificationKind,
    NotificationSettings,
    PushSubscription,
)
from apps.alerts.notifications import household_tell
from apps.alerts.selectors import PAGE_SIZE
from tests.apps.alerts.conftest import As, Receiver
from tests.apps.alerts.test_web_push import Browser
from tests.apps.portal.world import PASSWORD, World, words

KIND = IncidentKind.HUB_OFFLINE
SETTINGS = "/notifications/settings/"


def tell(world: World, *keys: str, now: datetime) -> None:
    for key in keys:
        household_tell(
            site_id=world.sites[0].pk, kind=NotificationKind.HUB_OFFLINE, key=key, now=now,
            facts={"since": "2026-06-17T16:00:00+00:00"},
        )  # fmt: skip


def hold(world: World, *keys: str, now: datetime) -> list[Incident]:
    found = [Found(key, f"{key} is offline", site_id=world.sites[0].pk) for key in keys]
    conditions_hold(organization=world.organization, kind=KIND, found=found, now=now)
    return list(Incident.objects.order_by("pk"))


def test_the_bell_counts_and_the_list_marks_as_read(world: World, as_: As, now: datetime) -> None:
    tell(world, "a", "b", now=now)
    client = as_(world.owner)
    page = client.get("/notifications/").content.decode()
    assert 'aria-label="Notifications, 2 unread"' in page
    assert words(page).count("The hub of Rose Street 1 is offline") == 2
    first = Notification.objects.filter(user=world.owner).earliest("pk")
    answer = client.post(f"/notifications/{first.pk}")
    assert (answer.status_code, answer["Location"]) == (302, f"/sites/{world.sites[0].pk}/devices/")
    assert 'aria-label="Notifications, 1 unread"' in client.get("/notifications/bell").content.decode()
    newest = Notification.objects.filter(user=world.owner).latest("pk").pk
    client.post("/notifications/read", {"until": newest})
    assert 'aria-label="Notifications"' in client.get("/notifications/bell").content.decode()
    assert Notification.objects.filter(user=world.member, read_at=None).count() == 2


def test_marking_what_was_shown_leaves_what_came_since(world: World, as_: As, now: datetime) -> None:
    tell(world, "a", "b", now=now)
    shown = Notification.objects.filter(user=world.owner).earliest("pk").pk
    as_(world.owner).post("/notifications/read", {"until": shown})
    unread = Notification.objects.filter(user=world.owner, read_at=None)
    assert [one.key for one in unread] == ["b"]


def test_the_list_has_pages(world: World, as_: As, now: datetime) -> None:
    tell(world, *(str(number) for number in range(PAGE_SIZE + 3)), now=now)
    client = as_(world.owner)
    first = client.get("/notifications/").content.decode()
    cursor = Notification.objects.filter(user=world.owner).order_by("-pk")[PAGE_SIZE - 1].pk
    assert f"?before={cursor}" in first
    assert client.get(f"/notifications/?before={cursor}").content.decode().count('class="message') == 3


def test_nobody_reads_or_marks_somebody_elses_messages(world: World, as_: As, now: datetime) -> None:
    tell(world, "a", now=now)
    one = Notification.objects.get(user=world.owner)
    for who in (world.stranger, world.member, world.operator):
        client = as_(who)
        assert client.post(f"/notifications/{one.pk}").status_code == 404
        client.post("/notifications/read", {"until": one.pk})
    assert Notification.objects.get(pk=one.pk).read_at is None
    assert "is offline" not in as_(world.stranger).get("/notifications/").content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/notifications/",
        "/notifications/bell",
        SETTINGS,
        "/notifications/read",
        "/notifications/1",
        SETTINGS + "webhook",
        SETTINGS + "test",
        SETTINGS + "push",
    ],
)
def test_anonymous_is_sent_to_sign_in(world: World, as_: As, path: str) -> None:
    client = as_(None)
    method = client.get if path in {"/notifications/", "/notifications/bell", SETTINGS} else client.post
    answer = method(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/account/login/?next={path}")
    assert (Notification.objects.count(), NotificationSettings.objects.count()) == (0, 0)


def test_choices_and_quiet_hours_are_saved_as_the_form_says(world: World, as_: As, now: datetime) -> None:
    client = as_(world.owner)
    sent = {"event_coming:email": "on", "quiet_from": "22:00", "quiet_to": "07:00"}
    assert client.post(SETTINGS, sent)["Location"] == SETTINGS
    held = NotificationSettings.objects.get(user=world.owner)
    assert (str(held.quiet_from), str(held.quiet_to)) == ("22:00:00", "07:00:00")
    assert ChannelChoice.objects.get(user=world.owner, kind="event_coming", channel="email").wanted is True
    assert not ChannelChoice.objects.filter(
        kind="security", channel__in=[Channel.IN_APP, Channel.EMAIL]
    ).exists()
    page = client.get(SETTINGS).content.decode()
    assert 'name="event_coming:email" checked' in page and 'value="22:00"' in page


@pytest.mark.parametrize("wrong", [{"quiet_from": "22:00"}, {"quiet_from": "25:00", "quiet_to": "7"}])
def test_quiet_hours_that_cannot_be_change_nothing(world: World, as_: As, wrong: dict[str, str]) -> None:
    client = as_(world.owner)
    page = client.post(SETTINGS, wrong, follow=True)
    assert "Nothing was changed" in page.content.decode()
    assert (NotificationSettings.objects.count(), ChannelChoice.objects.count()) == (0, 0)


def test_a_test_goes_by_all_ways_and_the_log_says_what_became_of_it(
    world: World, as_: As, now: datetime
) -> None:
    client = as_(world.owner)
    page = client.post(SETTINGS + "test", follow=True).content.decode()
    assert Delivery.objects.get().channel == "email"
    assert "This is a test" in page and "waiting" in page


def test_a_webhook_is_set_and_its_secret_shown_once(world: World, as_: As, receiver: Receiver) -> None:
    client = as_(world.owner)
    page = client.post(SETTINGS + "webhook", {"url": receiver.url}).content.decode()
    assert page.count("whsec_") == 1
    assert "whsec_" not in client.get(SETTINGS).content.decode()
    client.post(SETTINGS + "webhook", {"url": ""})
    assert NotificationSettings.objects.get().webhook_url == ""


def test_a_browser_subscribes_and_unsubscribes(world: World, as_: As, receiver: Receiver) -> None:
    client = as_(world.owner)
    sent = Browser(receiver.url).subscription
    answer = client.post(SETTINGS + "push", sent, content_type="application/json")
    assert (answer.json(), PushSubscription.objects.get().user) == ({"on": True}, world.owner)
    wrong: list[tuple[Any, int]] = [("[1]", 400), ("{", 400), ({"endpoint": "x"}, 400)]
    for body, status in wrong:
        assert client.post(SETTINGS + "push", body, content_type="application/json").status_code == status
    other = as_(world.stranger)
    other.post(SETTINGS + "push", {"off": receiver.url}, content_type="application/json")
    assert PushSubscription.objects.count() == 1
    client = as_(world.owner)
    client.post(SETTINGS + "push", {"off": receiver.url}, content_type="application/json")
    assert PushSubscription.objects.count() == 0


def sign_in(client: Client, world: World, *, agent: str = "Firefox/130.0 Linux") -> None:
    sent = {"login": world.owner.email, "password": PASSWORD}
    answer = client.post("/account/login/", sent, headers={"User-Agent": agent})
    assert answer.status_code == 302


def test_a_sign_in_from_a_new_browser_is_told_one_from_a_known_is_not(world: World, now: datetime) -> None:
    known, other = Client(), Client()
    sign_in(known, world)
    known.post("/account/logout/")
    sign_in(known, world)
    assert (Notification.objects.count(), KnownBrowser.objects.count()) == (0, 1)
    sign_in(other, world, agent="Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36")
    told = Notification.objects.get()
    assert (told.kind, told.facts["browser"]) == ("security", "Chrome on Windows")
    assert KnownBrowser.objects.count() == 2
    cookie = other.cookies["ores_browser"]
    assert (bool(cookie["httponly"]), cookie["samesite"]) == (True, "Lax")


def test_a_changed_password_is_told(world: World, as_: As, now: datetime) -> None:
    client = as_(world.owner)
    sent = {"oldpassword": PASSWORD, "password1": "another-long-word", "password2": "another-long-word"}
    assert client.post("/account/password/change/", sent).status_code == 302
    told = Notification.objects.get(user=world.owner)
    assert (told.kind, told.facts) == ("security", {"what": "password"})


# --- operators ---


def path_of(world: World, rest: str = "") -> str:
    return f"/console/{world.organization.pk}/alerts/{rest}"


def test_operators_see_what_is_open_by_state_kind_and_severity(world: World, as_: As, now: datetime) -> None:
    first, second = hold(world, "a", "b", now=now)
    incident_acknowledge(organization=world.organization, incident_id=first.pk, note="", actor="kim", now=now)
    client = as_(world.viewer)

    def shown(query: str) -> list[str]:
        page = words(client.get(path_of(world, query)).content.decode())
        return [one.title for one in (first, second) if one.title in page]

    assert [shown(query) for query in ("", "?state=acknowledged", "?state=snoozed", "?state=history")] == [
        ["b is offline"],
        ["a is offline"],
        [],
        [],
    ]
    assert [
        shown(query) for query in ("?kind=clock_wrong", "?severity=warning", "?before=x&state=nonsense")
    ] == [
        [],
        ["b is offline"],
        ["b is offline"],
    ]
    assert "Alerts , open: 1" in words(client.get(path_of(world)).content.decode())


def test_an_operator_acknowledges_and_undoes_it(world: World, as_: As, now: datetime) -> None:
    one = hold(world, "a", now=now)[0]
    client = as_(world.operator)
    answer = client.post(path_of(world, f"{one.pk}/act"), {"act": "acknowledge", "note": "on my way"})
    assert answer["Location"] == path_of(world, f"?done={one.pk}")
    page = client.get(answer["Location"]).content.decode()
    assert "a is offline: acknowledged." in words(page) and 'value="unacknowledge"' in page
    assert "on my way" in client.get(path_of(world, f"{one.pk}/")).content.decode()
    client.post(path_of(world, f"{one.pk}/act"), {"act": "unacknowledge"})
    client.post(path_of(world, f"{one.pk}/act"), {"act": "snooze", "for": "8h"})
    one.refresh_from_db()
    assert (one.acknowledged_at, one.snoozed_until) == (None, now + timedelta(hours=8))


@pytest.mark.parametrize("who", ["viewer", "stranger", "owner", "anonymous"])
def test_nobody_but_an_operator_changes_incidents_or_rules(
    world: World, as_: As, now: datetime, who: str
) -> None:
    one = hold(world, "a", now=now)[0]
    before = Incident.objects.values().get()
    client = as_(None if who == "anonymous" else getattr(world, who))
    acts = [{"act": "acknowledge"}, {"act": "snooze", "for": "1h"}]
    codes = {client.post(path_of(world, f"{one.pk}/act"), sent).status_code for sent in acts}
    rule = {"kind": "hub_offline", "severity": "info", "after_min": "1", "most_single": "1"}
    codes.add(client.post(path_of(world, "rules/"), rule).status_code)
    looks = {client.get(path_of(world, rest)).status_code for rest in ("", f"{one.pk}/", "rules/")}
    assert (codes, looks) == {
        "viewer": ({302, 403}, {200}),
        "stranger": ({404}, {404}),
        "owner": ({404}, {404}),
        "anonymous": ({302}, {302}),
    }[who]
    assert (Incident.objects.values().get(), AlertRule.objects.count()) == (before, 0)


def test_another_tenants_incident_is_not_found_in_ones_own_console(
    world: World, as_: As, now: datetime
) -> None:
    from tests import factories

    one = hold(world, "a", now=now)[0]
    elsewhere = world.stranger.site_members.get().site.organization
    client = as_(factories.make_operator(organization=elsewhere))
    base = f"/console/{elsewhere.pk}/alerts/{one.pk}/"
    codes = [client.get(base).status_code, client.post(f"{base}act", {"act": "acknowledge"}).status_code]
    assert (codes, Incident.objects.get().acknowledged_at) == ([404, 404], None)


def test_an_operator_changes_a_rule_and_takes_the_default_back(world: World, as_: As, now: datetime) -> None:
    client = as_(world.operator)
    sent = {
        "kind": "hub_offline",
        "enabled": "on",
        "severity": "info",
        "after_min": "2.5",
        "most_single": "3",
    }
    assert client.post(path_of(world, "rules/"), sent).status_code == 302
    held = AlertRule.objects.get()
    assert (held.after_s, held.severity, held.most_single, held.enabled) == (150, "info", 3, True)
    assert client.post(path_of(world, "rules/"), {**sent, "after_min": "soon"}).status_code == 400
    paused = {
        "kind": "market_paused",
        "enabled": "on",
        "severity": "critical",
        "after_min": "9",
        "threshold": "9",
    }
    client.post(path_of(world, "rules/"), paused)
    assert AlertRule.objects.get(kind="market_paused").after_s == 0  # time plays no part in it
    client.post(path_of(world, "rules/"), {"kind": "market_paused", "default": "1"})
    assert client.post(path_of(world, "rules/"), {"kind": "hub_offline", "default": "1"}).status_code == 302
    assert AlertRule.objects.count() == 0


@pytest.mark.parametrize(
    "key", ["hub:6f9619ff-8b86-d011-b42d-00c04fc964ff", "signal:6f9619ff-8b86-d011-b42d-00c04fc964ff", "campaign:3",
            "market:3", "connection3:4", "connection2b:4", "subscription:abc", "area:0", "site:1", "webhook:x"],
)  # fmt: skip
def test_an_incident_leads_to_its_cause(world: World, as_: As, now: datetime, key: str) -> None:
    one = hold(world, key, now=now)[0]
    page = as_(world.operator).get(path_of(world, f"{one.pk}/"))
    assert page.status_code == 200
    has_link = 'class="button secondary" href="/' in page.content.decode()
    assert has_link is (key != "webhook:x")


@pytest.mark.parametrize("path", ["/notifications/", SETTINGS])
def test_pages_hold_no_inline_script_or_style(world: World, as_: As, now: datetime, path: str) -> None:
    tell(world, "a", now=now)
    page = as_(world.owner).get(path).content.decode()
    assert [page.count(one) for one in ("<style", " style=", "<script>", "onclick")] == [0, 0, 0, 0]
