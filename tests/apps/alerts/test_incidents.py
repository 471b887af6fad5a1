"""The life of incidents: opened once, cleared by themselves, back again, many as one; and what operators do."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import AuditEntry
from apps.alerts.acknowledging import (
    incident_acknowledge,
    incident_snooze,
    incident_unacknowledge,
    incident_wake,
)
from apps.alerts.errors import (
    IncidentInvalidError,
    IncidentStateError,
    IncidentUnknownError,
    RuleInvalidError,
)
from apps.alerts.incident_selectors import Wish, incident_counts, incident_page
from apps.alerts.incidents import Found, conditions_hold, conditions_hold_everywhere
from apps.alerts.models import AlertRule, Incident, IncidentKind
from apps.alerts.rules import DEFAULTS, Rule, rule_of, rule_set, rules_of_kind
from tests.apps.portal.world import World

KIND = IncidentKind.HUB_OFFLINE
HOUR = timedelta(hours=1)
MANY = "{count} hubs offline in {area}"


def hold(world: World, *keys: str, now: datetime, rule: Rule | None = None) -> int:
    found = [Found(key, f"{key} is offline", area_id=None, area="East", many=MANY) for key in keys]
    return conditions_hold(organization=world.organization, kind=KIND, found=found, now=now, rule=rule)


def lives() -> list[tuple[str, list[str]]]:
    return [
        (one.key, [note.act for note in one.notes.order_by("pk")]) for one in Incident.objects.order_by("pk")
    ]


def test_a_condition_opens_once_goes_on_and_clears_by_itself(world: World, now: datetime) -> None:
    assert (hold(world, "a", "b", now=now), hold(world, "a", "b", now=now + HOUR)) == (2, 2)
    assert hold(world, "b", now=now + 2 * HOUR) == 1
    assert lives() == [("a", ["opened", "cleared"]), ("b", ["opened"])]
    first = Incident.objects.get(key="a")
    assert (first.opened_at, first.cleared_at) == (now, now + 2 * HOUR)


def test_what_returns_soon_is_the_same_incident_and_open_again(world: World, now: datetime) -> None:
    hold(world, "a", now=now)
    incident_acknowledge(
        organization=world.organization, incident_id=Incident.objects.get().pk, note="", actor="o", now=now
    )
    hold(world, now=now + HOUR)
    hold(world, "a", now=now + HOUR + timedelta(minutes=29))
    held = Incident.objects.get()
    assert (held.reopened, held.cleared_at, held.acknowledged_at) == (1, None, None)
    hold(world, now=now + 2 * HOUR)
    hold(world, "a", now=now + 3 * HOUR)
    assert Incident.objects.count() == 2


def test_many_of_an_area_are_one_until_half_of_it_is_over(world: World, now: datetime) -> None:
    rule = Rule(KIND, "warning", most_single=4)
    hold(world, *"abc", now=now, rule=rule)
    hold(world, *"abcdef", now=now + HOUR, rule=rule)
    storm = Incident.objects.get(cleared_at=None)
    assert (storm.title, storm.count) == ("6 hubs offline in East", 6)
    assert Incident.objects.filter(cleared_at__isnull=False).count() == 3
    assert Incident.objects.get(key="a").notes.last().note == "part of: 6 hubs offline in East"  # type: ignore[union-attr]
    hold(world, *"abc", now=now + 2 * HOUR, rule=rule)
    assert Incident.objects.get(cleared_at=None).count == 3
    hold(world, *"ab", now=now + 3 * HOUR, rule=rule)
    assert sorted(Incident.objects.filter(cleared_at=None).values_list("key", flat=True)) == ["a", "b"]


def test_the_database_holds_one_open_incident_of_a_key(world: World, now: datetime) -> None:
    hold(world, "a", now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.create(
            organization=world.organization, kind=KIND, key="a", severity="info", title="again", opened_at=now,
            changed_at=now,
        )  # fmt: skip


def test_what_is_found_nowhere_any_more_clears_for_every_tenant(world: World, now: datetime) -> None:
    hold(world, "a", now=now)
    conditions_hold_everywhere(kind=KIND, found={}, now=now + HOUR, rules=rules_of_kind(kind=KIND))
    assert Incident.objects.get().cleared_at == now + HOUR


def test_an_operator_acknowledges_and_takes_it_back(world: World, now: datetime) -> None:
    hold(world, "a", now=now)
    pk = Incident.objects.get().pk
    who = {"organization": world.organization, "incident_id": pk, "actor": "kim@example.org", "now": now}
    held = incident_acknowledge(**who, note=" calling them ")  # type: ignore[arg-type]
    assert (held.acknowledged_by, held.acknowledged_at) == ("kim@example.org", now)
    with pytest.raises(IncidentStateError):
        incident_acknowledge(**who, note="me too")  # type: ignore[arg-type]
    incident_unacknowledge(**who)  # type: ignore[arg-type]
    assert lives() == [("a", ["opened", "acknowledged", "unacknowledged"])]
    actions = AuditEntry.objects.order_by("pk").values_list("action", "subject", "detail__note")
    assert list(actions) == [
        ("incident_acknowledged", f"incident {pk}", "calling them"),
        ("incident_unacknowledged", f"incident {pk}", ""),
    ]


def test_a_snooze_ends_by_itself_or_by_hand(world: World, now: datetime) -> None:
    hold(world, "a", now=now)
    who = {
        "organization": world.organization, "incident_id": Incident.objects.get().pk, "actor": "kim", "now": now,
    }  # fmt: skip
    incident_snooze(**who, wish="1h", note="")  # type: ignore[arg-type]
    at = [incident_counts(organization=world.organization, now=one) for one in (now, now + HOUR)]
    assert [(one.open, one.snoozed) for one in at] == [(0, 1), (1, 0)]
    incident_wake(**who)  # type: ignore[arg-type]
    assert incident_counts(organization=world.organization, now=now).open == 1
    with pytest.raises(IncidentInvalidError):
        incident_snooze(**who, wish="forever", note="")  # type: ignore[arg-type]


def test_another_tenants_incident_is_not_found_and_does_not_change(world: World, now: datetime) -> None:
    hold(world, "a", now=now)
    elsewhere = world.stranger.site_members.get().site.organization
    with pytest.raises(IncidentUnknownError):
        incident_acknowledge(
            organization=elsewhere, incident_id=Incident.objects.get().pk, note="", actor="x", now=now
        )
    assert Incident.objects.get().acknowledged_at is None
    shown = incident_page(organization=elsewhere, wish=Wish(), now=now)
    assert (list(shown.incidents), shown.counts.open) == ([], 0)


def test_pages_follow_each_other_without_gap_or_repeat(world: World, now: datetime) -> None:
    rule = Rule(KIND, "warning", most_single=1000)
    hold(world, *(f"k{number:03}" for number in range(120)), now=now, rule=rule)
    seen, before = [], None
    for _ in range(3):
        shown = incident_page(organization=world.organization, wish=Wish(before=before), now=now)
        seen += [one.key for one in shown.incidents]
        before = shown.before
    assert (seen, before) == ([f"k{number:03}" for number in reversed(range(120))], None)


def test_a_rule_changes_what_is_an_incident_and_back(world: World, now: datetime) -> None:
    organization = world.organization
    quiet = Rule(KIND, "info", after_s=60, most_single=3, enabled=False)
    rule_set(organization=organization, wanted=quiet, actor="kim", now=now)
    assert rule_of(organization_id=organization.pk, kind=KIND) == Rule(
        KIND, "info", after_s=60, most_single=3, enabled=False, is_default=False, lasts=True, gathers=True
    )
    assert (hold(world, "a", now=now), Incident.objects.count()) == (0, 0)
    rule_set(organization=organization, wanted=DEFAULTS[KIND], actor="kim", now=now)
    assert (AlertRule.objects.count(), rules_of_kind(kind=KIND)[organization.pk]) == (0, DEFAULTS[KIND])
    assert AuditEntry.objects.filter(action="alert_rule_set").count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"severity": "loud"},
        {"threshold": float("nan")},
        {"threshold": -1.0},
        {"after_s": -1},
        {"after_s": 8 * 86_400},
        {"most_single": 0},
    ],
)
def test_a_rule_that_cannot_be_is_refused(world: World, now: datetime, wrong: dict[str, object]) -> None:
    values = {"severity": "info", "threshold": 1.0, "after_s": 0, "most_single": 5, **wrong}
    with pytest.raises(RuleInvalidError):
        rule_set(organization=world.organization, wanted=Rule(KIND, **values), actor="kim", now=now)  # type: ignore[arg-type]
    assert AlertRule.objects.count() == 0
