"""Assistants are told of changes: by whom, of what, how often, and what becomes of those that want to hear nothing more."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import TestCase

from apps.assistants import google_telling, tasks
from apps.assistants.delivery import LONGEST_WAIT_S, link_tell, links_tell
from apps.assistants.models import AssistantLink, ThingReport
from apps.assistants.reports import changes_queue, links_due
from apps.sites.app_grants import app_revoke
from apps.sites.models import AppGrant
from ores_cloud.queues import beat_schedule
from tests import factories
from tests.apps.assistants.makers import Makers
from tests.apps.assistants.world import World, alexa, check, google
from tests.factories import NOW

MINUTE = timedelta(minutes=1)
REPORT, SYNC = "reportStateAndNotification", "requestSync"


@pytest.fixture(autouse=True)
def _own_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_telling, "_tokens", {})


def look(at: datetime) -> int:
    """Look at every link and tell what is due; return how many took it."""
    changes_queue(first=0, last=2**31, now=at)
    return links_tell(link_ids=list(links_due(now=at).values_list("pk", flat=True)), now=at)


def measured(world: World, at: datetime, *, soc: float, battery_kw: float = 2.0, pv_kw: float = -3.5) -> None:
    factories.set_latest(sites=[world.site], at=at, battery_soc=soc, battery_kw=battery_kw, pv_kw=pv_kw)


def linked(world: World, maker: str) -> AssistantLink:
    """Connect one maker's assistant, and let it hear the first time."""
    if maker == "google":
        answer = check(google(world.token, "SYNC"), "google", "sync")
        assert {one["willReportState"] for one in answer["payload"]["devices"]} == {True}
    else:
        accept(world)
    assert look(NOW) == 1
    return AssistantLink.objects.get(maker=maker)


def accept(world: World, *, code: str = "a-code", status: int = 200) -> Any:
    grant = {"type": "OAuth2.AuthorizationCode", "code": code}
    answer = alexa(world.token, "Authorization.AcceptGrant", status=status, grant=grant)
    return check(answer, "alexa", "granted" if status == 200 else "grant_refused")


def test_without_credentials_nobody_is_linked_and_nothing_queued(world: World) -> None:
    answer = check(google(world.token, "SYNC"), "google", "sync")
    assert {one["willReportState"] for one in answer["payload"]["devices"]} == {False}
    accept(world)
    assert (look(NOW), AssistantLink.objects.count(), ThingReport.objects.count()) == (0, 0, 0)


def test_a_worker_looks_and_tells_by_the_clock(world: World, makers: Makers) -> None:
    google(world.token, "SYNC")
    with TestCase.captureOnCommitCallbacks(execute=True):
        tasks.look()
    with TestCase.captureOnCommitCallbacks(execute=True):
        names = factories.run_queued()
    names += factories.run_queued()
    assert names == ["assistants.look_at", "assistants.deliver"]
    assert len(makers.said(REPORT)) == 1
    assert "assistants.look" in {entry["task"] for entry in beat_schedule(1.0).values()}


def test_google_is_told_the_states_as_the_service_account(world: World, makers: Makers) -> None:
    link = linked(world, "google")
    [said] = makers.said(REPORT)
    pk = world.site.pk
    assert said["agentUserId"] == str(world.owner.pk)
    states = said["payload"]["devices"]["states"]
    assert states[f"home-{pk}"] == {
        "online": True,
        "on": True,
        "currentModeSettings": {"mode": "self_consumption", "reserve": "10"},
    }
    assert states[f"battery-{pk}"]["capacityRemaining"] == [{"rawValue": 62, "unit": "PERCENTAGE"}]
    assert states[f"sun-{pk}"]["currentModeSettings"] == {"production": "2_to_5_kw"}
    assert (link.told_at, link.error, link.attempts) == (NOW, "", 0)
    assert ThingReport.objects.filter(waits_since=None, told_at=NOW).count() == 3


def test_who_asks_for_the_devices_again_is_told_all_states_again(world: World, makers: Makers) -> None:
    linked(world, "google")
    google(world.token, "SYNC")
    assert look(NOW + MINUTE) == 1
    first, again = (one["payload"]["devices"]["states"] for one in makers.said(REPORT))
    assert first == again


def test_the_states_of_many_people_are_looked_at_at_once(
    world: World, makers: Makers, django_assert_num_queries: Any
) -> None:
    linked(world, "google")
    with django_assert_num_queries(11):
        assert changes_queue(first=0, last=2**31, now=NOW) == 0
    for _ in range(3):
        other = World()
        google(other.token, "SYNC")
    assert look(NOW) == 3
    with django_assert_num_queries(11):
        assert changes_queue(first=0, last=2**31, now=NOW) == 0


def test_alexa_is_told_what_has_changed_and_the_rest_beside_it(world: World, makers: Makers) -> None:
    link = linked(world, "alexa")
    assert "token" not in link.access_token_encrypted + link.refresh_token_encrypted
    makers.heard.clear()
    measured(world, NOW + 6 * MINUTE, soc=0.70)
    assert look(NOW + 6 * MINUTE) == 1
    [said] = makers.said("/alexa/events")
    assert said["event"]["endpoint"]["endpointId"] == f"battery-{world.site.pk}"
    change = said["event"]["payload"]["change"]
    assert change["cause"] == {"type": "PERIODIC_POLL"}
    assert [(one["instance"], one["value"]) for one in change["properties"]] == [("Battery.Charge", 70)]
    rest = {one.get("instance", one["name"]) for one in said["context"]["properties"]}
    assert rest == {"connectivity", "Battery.Reserve", "Battery.Charging"}


@pytest.mark.parametrize("maker", ["google", "alexa"])
def test_only_what_a_person_would_notice_is_told(world: World, makers: Makers, maker: str) -> None:
    linked(world, maker)
    makers.heard.clear()
    for minute, soc, pv_kw, taken in (
        (1, 0.70, -3.5, 0),  # measured values are told every five minutes at most
        (6, 0.64, -3.7, 0),  # two percent and 0.2 kW are no news
        (7, 0.67, -3.5, 1),
        (13, 0.70, -1.9, 1),  # the sun
        (19, 0.70, -1.9, 0),
    ):
        at = NOW + minute * MINUTE
        measured(world, at, soc=soc, pv_kw=pv_kw)
        assert (minute, look(at)) == (minute, taken)


@pytest.mark.parametrize(("maker", "part"), [("google", REPORT), ("alexa", "/alexa/events")])
def test_settings_are_told_at_once(world: World, makers: Makers, maker: str, part: str) -> None:
    linked(world, maker)
    makers.heard.clear()
    world.site.mode = "backup"
    world.site.save()
    assert look(NOW + MINUTE) == 1
    assert len(makers.said(part)) == 1
    assert "backup" in str(makers.said(part))
    if maker == "alexa":
        [said] = makers.said(part)
        assert said["event"]["payload"]["change"]["cause"] == {"type": "APP_INTERACTION"}


def test_a_home_that_falls_silent_is_told(world: World, makers: Makers) -> None:
    linked(world, "google")
    assert look(NOW + 20 * MINUTE) == 1
    states = makers.said(REPORT)[-1]["payload"]["devices"]["states"]
    assert {one["online"] for one in states.values()} == {False}


def test_the_newest_state_wins_while_a_maker_does_not_answer(world: World, makers: Makers) -> None:
    linked(world, "google")
    path = "/google/v1/devices:reportStateAndNotification"
    makers.answers[path] = (503, {"error": {"message": "later"}})
    for minute, soc in ((6, 0.5), (7, 0.4), (12, 0.3)):
        measured(world, NOW + minute * MINUTE, soc=soc)
        assert look(NOW + minute * MINUTE) == 0
    link = AssistantLink.objects.get()
    assert (link.error, link.failing_since) == ("Google answered 503 later", NOW + 6 * MINUTE)
    assert ThingReport.objects.filter(waits_since__isnull=False).count() == 1
    del makers.answers[path]
    makers.heard.clear()
    later = NOW + 13 * MINUTE + timedelta(seconds=LONGEST_WAIT_S)
    measured(world, later, soc=0.2)
    assert look(later) == 1
    [said] = makers.said(REPORT)
    battery = said["payload"]["devices"]["states"][f"battery-{world.site.pk}"]
    assert battery["capacityRemaining"] == [{"rawValue": 20, "unit": "PERCENTAGE"}]
    link.refresh_from_db()
    assert (link.error, link.failing_since, link.attempts) == ("", None, 0)


def test_the_wait_after_failures_grows_to_an_hour(world: World, makers: Makers) -> None:
    linked(world, "google")
    makers.answers["/google/v1/devices:reportStateAndNotification"] = (500, {})
    at, waits = NOW + 6 * MINUTE, []
    measured(world, at + timedelta(days=1), soc=0.1)
    for _ in range(12):
        assert look(at) == 0
        link = AssistantLink.objects.get()
        assert link.next_attempt_at is not None
        waits.append((link.next_attempt_at - at).total_seconds())
        at = link.next_attempt_at
    assert all(15 * 2**n <= wait <= 30 * 2**n for n, wait in enumerate(waits[:6]))
    assert all(1800 <= wait <= 3600 for wait in waits[8:])


@pytest.mark.parametrize(
    ("maker", "path", "status", "answer"),
    [
        ("google", "/google/v1/devices:reportStateAndNotification", 404, {"error": {"message": "unknown"}}),
        ("alexa", "/alexa/events", 403, {"payload": {"code": "SKILL_DISABLED_EXCEPTION"}}),
        ("alexa", "/alexa/events", 404, {"payload": {"code": "SKILL_NOT_FOUND_EXCEPTION"}}),
    ],
)
def test_a_link_that_the_maker_does_not_know_is_dropped(
    world: World, makers: Makers, maker: str, path: str, status: int, answer: Any
) -> None:
    linked(world, maker)
    makers.answers[path] = (status, answer)
    assert look(NOW + 20 * MINUTE) == 0
    assert (AssistantLink.objects.count(), ThingReport.objects.count()) == (0, 0)
    assert AppGrant.objects.count() == 1  # the person's grant is theirs to take back


def test_alexas_token_is_got_anew_when_it_ends_or_is_refused(world: World, makers: Makers) -> None:
    linked(world, "alexa")
    assert makers.tokens == 1
    AssistantLink.objects.update(access_token_until=datetime(2020, 1, 1, tzinfo=NOW.tzinfo))
    assert look(NOW + 20 * MINUTE) == 1
    assert makers.tokens == 2
    makers.good.clear()
    measured(world, NOW + 30 * MINUTE, soc=0.1)
    assert look(NOW + 30 * MINUTE) == 1
    refreshes = [one["refresh_token"] for one in makers.said("/alexa/token") if "refresh_token" in one]
    assert refreshes == ["refresh-1", "refresh-2"]


def test_a_person_who_disabled_the_skill_is_forgotten(world: World, makers: Makers) -> None:
    linked(world, "alexa")
    makers.good.clear()
    makers.answers["/alexa/token"] = (400, {"error": "invalid_grant"})
    assert look(NOW + 20 * MINUTE) == 0
    assert AssistantLink.objects.count() == 0


def test_a_code_that_amazon_refuses_fails_the_grant(world: World, makers: Makers) -> None:
    accept(world, code="another", status=400)
    assert AssistantLink.objects.count() == 0


def test_a_service_account_that_is_refused_keeps_the_link_and_says_why(world: World, makers: Makers) -> None:
    google(world.token, "SYNC")
    makers.answers["/google/token"] = (
        400,
        {"error": "invalid_grant", "error_description": "no such account"},
    )
    assert look(NOW) == 0
    said = "the service account gets no token: 400 no such account"
    assert AssistantLink.objects.get().error == said


def test_google_asks_again_when_devices_have_changed(world: World, makers: Makers) -> None:
    linked(world, "google")
    world.site.name = "Lily Street"
    world.site.save()
    assert look(NOW + MINUTE) == 1
    assert makers.said(SYNC) == [{"agentUserId": str(world.owner.pk), "async": True}]
    assert look(NOW + 2 * MINUTE) == 0


def test_alexa_hears_of_devices_that_are_new_and_that_are_gone(world: World, makers: Makers) -> None:
    linked(world, "alexa")
    [resource] = world.site.resources.filter(kind="pv")
    resource.delete()
    world.site.name = "Lily Street"
    world.site.save()
    makers.heard.clear()
    assert look(NOW + MINUTE) == 1
    new, gone = (one["event"]["payload"] for one in makers.said("/alexa/events"))
    pk = world.site.pk
    assert [one["friendlyName"] for one in new["endpoints"]] == ["Lily Street", "Lily Street battery"]
    assert gone["endpoints"] == [{"endpointId": f"sun-{pk}"}]
    assert not ThingReport.objects.filter(key=f"sun-{pk}").exists()


@pytest.mark.parametrize("maker", ["google", "alexa"])
def test_what_is_taken_back_in_the_portal_is_not_told(world: World, makers: Makers, maker: str) -> None:
    link = linked(world, maker)
    makers.heard.clear()
    app_revoke(user=world.owner, client_pk=link.client_id, now=NOW)
    measured(world, NOW + 6 * MINUTE, soc=0.1)
    ThingReport.objects.update(waits_since=NOW)
    assert link_tell(link_id=link.pk, now=NOW + 6 * MINUTE) is False
    assert (makers.heard, AssistantLink.objects.count()) == ([], 0)


def test_a_home_that_the_person_has_left_is_not_told(world: World, makers: Makers) -> None:
    linked(world, "google")
    world.site.members.all().delete()
    assert look(NOW + MINUTE) == 0
    assert (len(makers.said(REPORT)), AssistantLink.objects.count()) == (1, 0)


def test_unlinking_at_google_ends_the_link(world: World, makers: Makers) -> None:
    linked(world, "google")
    assert google(world.token, "DISCONNECT") == {}
    assert AssistantLink.objects.count() == 0


def test_an_address_of_the_neighborhood_is_not_called(world: World, makers: Makers, settings: Any) -> None:
    google(world.token, "SYNC")
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = False
    assert look(NOW) == 0
    assert AssistantLink.objects.get().error == "a URL must be https"
    assert makers.heard == []
