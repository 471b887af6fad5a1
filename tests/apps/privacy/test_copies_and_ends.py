"""A copy of everything stored on a home, consents that really stop a use, and the end of a home's data."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.flexibility.forecasts import forecasts_issue
from apps.flexibility.models import ForecastValues
from apps.hubs.models import Hub
from apps.markets.models import Participant
from apps.openadr.reporting.homes import homes_asked
from apps.privacy.deletions import deletion_ask, deletion_undo, deletions_due, home_delete
from apps.privacy.exports import export_ask, export_make, export_take
from apps.privacy.models import DataExport, Deletion
from apps.privacy.tables import models_of_site
from apps.programs.models import OptOut
from apps.programs.selectors import enrolled_site_ids
from apps.settlement.models import Statement
from apps.sites.consents import ConsentInvalidError, allowed_sites, consent_set, consents_of_site
from apps.sites.households import NotOwnerError
from apps.sites.models import ConsentEntry, Site, SiteMember
from apps.telemetry.privacy import telemetry_counts
from tests import factories
from tests.factories import NOW
from tests.ores_cloud.victim import SECRET, build_victim

pytestmark = pytest.mark.django_db
MACHINE = datetime.now(UTC)


@pytest.fixture
def site(settings: Any) -> Site:
    """A home with one of everything."""
    settings.ORES_CLOCK = factories.clock_at(NOW + timedelta(hours=2, minutes=5))
    return Site.objects.get(pk=build_victim().values["site_id"])


def owner_of(site: Site) -> User:
    return User.objects.get(site_members__site=site, site_members__role="owner")


def rows(site: Site) -> dict[str, int]:
    """Count a home's rows in every table with a column for one, found by looking at the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attname = 'site_id' "
            "AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        )
        names = [name for (name,) in cursor.fetchall()]
        found = {}
        for name in names:
            cursor.execute(f"SELECT count(*) FROM {name} WHERE site_id = %s", [site.pk])
            found[name] = cursor.fetchone()[0]
    return {name: count for name, count in found.items() if count}


def test_after_two_weeks_nothing_is_left_but_what_was_paid(site: Site) -> None:
    owner, other = owner_of(site), Site.objects.exclude(pk=site.pk).order_by("pk").first()
    assert other is not None
    neighbor = rows(other)
    before = rows(site)
    assert len(before) >= 20
    assert telemetry_counts(site_id=site.pk)["telemetry_snapshot"] > 0
    deletion_ask(site=site, user=owner, machine_now=MACHINE - timedelta(days=15), now=NOW)
    hub_id = Hub.objects.get(site=site, state="active").pk
    assert home_delete(site_id=site.pk, now=NOW)
    assert set(rows(site)) == {"settlement_statement", "settlement_payout", "markets_participantsite"}
    assert rows(other) == neighbor
    left = Site.objects.get(pk=site.pk)
    assert (left.name.startswith("Closed home "), left.latitude_deg, left.closed_at) == (True, None, NOW)
    assert not User.objects.filter(pk=owner.pk).exists()
    assert not Hub.objects.filter(pk=hub_id).exists()
    assert not home_delete(site_id=site.pk, now=NOW)
    everything = json.dumps([
        list(model._default_manager.values_list(*(f.attname for f in model._meta.concrete_fields if f.attname != "content")))
        for model in (Site, Participant, AuditEntry, Statement)
    ], default=str)  # fmt: skip
    assert (owner.email in everything, f"{SECRET} 0" in everything) == (False, False)


def test_every_table_that_points_to_a_home_is_known() -> None:
    pointing = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Site
    }
    assert {model._meta.label for model, _, _ in models_of_site()} == pointing


def test_a_deletion_waits_can_be_taken_back_and_is_the_owners(site: Site) -> None:
    owner, before = owner_of(site), rows(site)
    for user in (factories.make_user(), factories.make_operator(organization=site.organization)):
        with pytest.raises(NotOwnerError):
            deletion_ask(site=site, user=user, machine_now=MACHINE, now=NOW)
    deletion_ask(site=site, user=owner, machine_now=MACHINE, now=NOW)
    assert (deletions_due(now=NOW), home_delete(site_id=site.pk, now=NOW)) == (0, False)
    Deletion.objects.update(due_at=MACHINE - timedelta(seconds=1))
    assert deletions_due(now=NOW) == 1
    deletion_undo(site=site, user=owner, now=NOW)
    assert (deletions_due(now=NOW), home_delete(site_id=site.pk, now=NOW)) == (0, False)
    Deletion.objects.all().delete()
    assert rows(site) == before


def test_a_home_without_payments_goes_altogether() -> None:
    site = factories.make_site(organization=factories.make_organization())
    owner = factories.make_owner(site=site)
    elsewhere = factories.make_site(organization=site.organization)
    SiteMember.objects.create(site=elsewhere, user=owner, role="viewer")
    deletion_ask(site=site, user=owner, machine_now=MACHINE - timedelta(days=15), now=NOW)
    assert home_delete(site_id=site.pk, now=NOW)
    assert (Site.objects.filter(pk=site.pk).exists(), rows(site)) == (False, {})
    assert User.objects.filter(pk=owner.pk).exists()
    assert set(AuditEntry.objects.filter(subject=f"site {site.pk}").values_list("actor", flat=True)) == {
        "deleted person"
    }


def test_a_copy_holds_every_row_and_no_secret(site: Site) -> None:
    owner = owner_of(site)
    DataExport.objects.all().delete()
    export = export_ask(site=site, user=owner, now=NOW)
    assert export_ask(site=site, user=owner, now=NOW).pk == export.pk
    export_make(export_id=export.pk, machine_now=MACHINE)
    content = export_take(site=site, user=owner, export_id=export.pk, now=NOW)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        held = {name: archive.read(name).decode() for name in names}
    for model in ("sites.site", "sites.resource", "hubs.hub", "hubs.instruction", "settlement.statement",
                  "settlement.statementline", "markets.order", "markets.trade", "sites.preferencerevision",
                  "sites.consententry", "programs.enrollment", "accounts.auditentry"):  # fmt: skip
        assert json.loads(held[f"json/{model}.json"]), model
    minutes = telemetry_counts(site_id=site.pk)["telemetry_snapshot"]
    assert len(held["csv/telemetry_snapshot.csv"].splitlines()) == minutes + 1
    assert json.loads(held["json/you.json"])["email"] == owner.email
    assert '"digest"' not in "".join(held.values())
    assert [one["id"] for one in json.loads(held["json/sites.site.json"])] == [site.pk]
    assert list(AuditEntry.objects.filter(action__startswith="data_").values_list("action", flat=True).order_by("pk")) == [
        "data_export", "data_export", "data_download",
    ]  # fmt: skip


def test_a_copy_is_for_who_asked_while_its_link_is_good(site: Site) -> None:
    owner, other = owner_of(site), factories.make_owner(site=site)
    export = DataExport.objects.get()
    client = Client()
    path = f"/sites/{site.pk}/privacy/exports/{export.pk}"
    client.force_login(other)
    assert client.get(path).status_code == 404
    client.force_login(owner)
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, SECRET.encode())
    DataExport.objects.update(expires_at=MACHINE - timedelta(seconds=1))
    assert client.get(path).status_code == 404


def say(site: Site, purpose: str, *, given: bool) -> None:
    consent_set(site=site, purpose=purpose, version=1, given=given, by="anna@example.org", now=NOW)


def test_consents_stand_one_by_one_with_version_and_who(site: Site) -> None:
    assert {one.text.purpose: one.given for one in consents_of_site(site=site)} == {
        "dispatch": True, "forecasting": True, "utility": True, "community": False, "research": True,
    }  # fmt: skip
    say(site, "research", given=False)
    say(site, "research", given=False)
    assert list(
        ConsentEntry.objects.filter(purpose="research").values_list("given", "version", "by").order_by("pk")
    )[1:] == [(False, 1, "anna@example.org")]
    with pytest.raises(ConsentInvalidError):
        consent_set(site=site, purpose="research", version=2, given=True, by="anna@example.org", now=NOW)
    with pytest.raises(ConsentInvalidError):
        consent_set(site=site, purpose="everything", version=1, given=True, by="anna@example.org", now=NOW)
    assert allowed_sites(site_ids=[site.pk, 0], purpose="community") == []


def test_a_withdrawn_consent_stops_the_use(site: Site) -> None:
    program = site.enrollments.get().program
    other = Site.objects.exclude(pk=site.pk).get(organization=site.organization)
    assert set(homes_asked(program=program, targets=[], at=NOW, by_home=True).site_ids) == {site.pk, other.pk}
    say(site, "utility", given=False)
    assert list(homes_asked(program=program, targets=[], at=NOW, by_home=True).site_ids) == [other.pk]
    assert len(homes_asked(program=program, targets=[], at=NOW, by_home=False)) == 2
    say(site, "forecasting", given=False)
    ForecastValues.objects.all().delete()
    forecasts_issue(organization=site.organization, now=NOW + timedelta(hours=1))
    assert set(ForecastValues.objects.exclude(site=None).values_list("site_id", flat=True)) == {other.pk}
    say(site, "dispatch", given=False)
    assert enrolled_site_ids(program=program, at=NOW) == [other.pk]
    say(site, "dispatch", given=True)
    assert enrolled_site_ids(program=program, at=NOW) == [site.pk, other.pk]


def test_withdrawing_from_events_counts_for_those_that_run(site: Site) -> None:
    client = Client()
    client.force_login(owner_of(site))
    assert not OptOut.objects.filter(site=site).exists()
    with transaction.atomic():
        answer = client.post(
            f"/sites/{site.pk}/privacy/consents/dispatch", {"version": "1", "given": "no"}, follow=True
        )
    assert "Withdrawn. It counts at once." in answer.content.decode()
    assert OptOut.objects.filter(site=site).count() == 1


def test_members_and_operators_decide_nothing(site: Site) -> None:
    member = factories.make_user()
    SiteMember.objects.create(site=site, user=member, role="member")
    for user in (member, factories.make_operator(organization=site.organization)):
        client = Client()
        client.force_login(user)
        before = ConsentEntry.objects.count(), DataExport.objects.count(), Deletion.objects.count()
        for rest in ("consents/research", "export", "keep"):
            answer = client.post(
                f"/sites/{site.pk}/privacy/{rest}", {"version": "1", "given": "no"}, follow=True
            )
            assert "Nothing was changed: only an owner of this home decides this." in answer.content.decode()
        assert (ConsentEntry.objects.count(), DataExport.objects.count(), Deletion.objects.count()) == before


def test_deleting_asks_who_one_is_again(site: Site) -> None:
    client, owner = Client(), owner_of(site)
    client.force_login(owner)
    path = f"/sites/{site.pk}/privacy/delete"
    answer = client.get(path)
    assert answer.status_code == 302
    assert "Delete in 14 days" not in client.get(answer.headers["Location"]).content.decode()
    wrong = client.post(answer.headers["Location"], {"password": "not-mine-at-all"})
    assert (wrong.status_code, client.get(path).status_code, Deletion.objects.count()) == (200, 302, 0)
    client.post(answer.headers["Location"], {"password": factories.PASSWORD})
    assert "Delete in 14 days" in client.get(path).content.decode()
    said = client.post(path, follow=True).content.decode()
    assert ("Your home will be deleted in 14 days." in said, "Keep everything" in said) == (True, True)
    assert Deletion.objects.get().due_at > MACHINE + timedelta(days=13)
    kept = client.post(f"/sites/{site.pk}/privacy/keep", follow=True).content.decode()
    assert "Nothing is deleted." in kept
