"""What a household prefers: revisions, the later word, refusals, and the columns that dispatch reads."""

from datetime import time
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import AuditEntry
from apps.sites.models import PreferenceRevision, Site
from apps.sites.preferences import (
    NothingToUndoError,
    PreferenceInvalidError,
    Said,
    before_last,
    comfort_share,
    preferences_refused,
    preferences_set,
    values_of,
)
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization(), reserve_soc=0.1)


def say(site: Site, *, at: int, source: str = "portal", **changes: Any) -> PreferenceRevision | None:
    said = Said("anna@example.org", source, dict.fromkeys(changes, at))
    return preferences_set(site=site, changes=changes, said=said, now=NOW)


def stored(site: Site) -> dict[str, Any]:
    return values_of(Site.objects.get(pk=site.pk))


def test_a_change_is_a_revision_and_reaches_the_columns(site: Site) -> None:
    made = say(site, at=5, reserve_soc=0.4, quiet_from="22:00", quiet_until="06:30")
    assert made is not None
    assert (made.number, made.changed, made.set_at_ms) == (
        1, ["quiet_from", "quiet_until", "reserve_soc"], {"reserve_soc": 5, "quiet_from": 5, "quiet_until": 5},
    )  # fmt: skip
    held = Site.objects.get(pk=site.pk)
    assert (held.reserve_soc, held.quiet_from, held.quiet_until) == (0.4, time(22), time(6, 30))
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.detail["reserve_soc"]) == (
        "preferences_set",
        "anna@example.org",
        0.4,
    )
    assert say(site, at=6, mode="backup") is not None
    assert PreferenceRevision.objects.get(number=2).set_at_ms == {**made.set_at_ms, "mode": 6}


def test_the_later_word_counts_name_by_name(site: Site) -> None:
    say(site, at=10, mode="backup", reserve_soc=0.5)
    late = Said("somebody at home", "hub", {"mode": 9, "reserve_soc": 11})
    preferences_set(site=site, changes={"mode": "time_of_use", "reserve_soc": 0.2}, said=late, now=NOW)
    assert (stored(site)["mode"], stored(site)["reserve_soc"]) == ("backup", 0.2)
    assert PreferenceRevision.objects.get(number=2).changed == ["reserve_soc"]
    assert preferences_set(site=site, changes={"reserve_soc": 0.2}, said=late, now=NOW) is None
    assert PreferenceRevision.objects.count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "party"},
        {"reserve_soc": 1.01},
        {"reserve_soc": float("nan")},
        {"reserve_soc": True},
        {"ev_least_soc": -0.1},
        {"comfort_low_c": 4.9},
        {"comfort_low_c": 22.0, "comfort_high_c": 21.0},
        {"quiet_from": "25:00"},
        {"quiet_until": ""},
    ],
)
def test_what_makes_no_sense_changes_nothing(site: Site, changes: dict[str, Any]) -> None:
    before = stored(site)
    with pytest.raises(PreferenceInvalidError):
        say(site, at=1, **changes)
    assert (stored(site), PreferenceRevision.objects.count(), AuditEntry.objects.count()) == (before, 0, 0)


def test_undo_knows_what_was_before(site: Site) -> None:
    with pytest.raises(NothingToUndoError):
        before_last(site=site)
    say(site, at=1, mode="backup")
    say(site, at=2, reserve_soc=0.7, mode="time_of_use")
    assert before_last(site=site) == {"mode": "backup", "reserve_soc": 0.1}


def test_a_refusal_takes_back_what_the_hub_never_took(site: Site) -> None:
    say(site, at=1, mode="backup")
    say(site, at=2, reserve_soc=0.6)
    say(site, at=3, mode="time_of_use")
    say(site, at=4, source="hub", ev_least_soc=0.3)
    refused = {"mode": 3, "reserve_soc": 2, "ev_least_soc": 4}
    preferences_refused(
        site_id=site.pk, refused_ms=refused, accepted_ms=2, reason="there is no tariff", now=NOW
    )
    newest = PreferenceRevision.objects.order_by("-number")[0]
    assert (newest.changed, newest.set_by, newest.source) == (["mode"], "refused: there is no tariff", "hub")
    assert (stored(site)["mode"], stored(site)["reserve_soc"], stored(site)["ev_least_soc"]) == (
        "backup",
        0.6,
        0.3,
    )
    assert newest.set_at_ms == {"mode": 1, "reserve_soc": 2, "ev_least_soc": 4}


def test_a_refusal_of_what_was_replaced_since_changes_nothing(site: Site) -> None:
    say(site, at=1, mode="time_of_use")
    say(site, at=2, mode="backup")
    preferences_refused(site_id=site.pk, refused_ms={"mode": 1}, accepted_ms=-1, reason="no tariff", now=NOW)
    assert (stored(site)["mode"], PreferenceRevision.objects.count()) == ("backup", 2)


@pytest.mark.parametrize(
    ("low_c", "high_c", "share"), [(5, 35, 1.0), (19, 23, 1.0), (20, 22, 0.5), (21, 21, 0.0)]
)
def test_a_narrow_band_moves_less_heat(low_c: float, high_c: float, share: float) -> None:
    assert comfort_share(low_c=low_c, high_c=high_c) == share


def test_the_database_holds_the_band(site: Site) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.filter(pk=site.pk).update(comfort_low_c=23.0, comfort_high_c=20.0)
