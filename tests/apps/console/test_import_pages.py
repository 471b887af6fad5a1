"""The console's pages of imports: a file is checked, written, taken back; viewers and strangers do nothing."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.sites.models import Site, SiteImport
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
FILE = b"type,external_ref,name\nsite,A,Home A\nsite,B,\n"


def client_of(organization: Any, role: str = "operator") -> Client:
    client = Client()
    client.force_login(factories.make_operator(organization=organization, role=role))
    return client


def upload(client: Client, organization: Any, *, name: str = "homes.csv", mode: str = "keep_good") -> Any:
    path = f"/console/{organization.pk}/imports/"
    return client.post(path, {"file": SimpleUploadedFile(name, FILE), "mode": mode})


def test_a_file_is_checked_written_and_taken_back(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.drop_queued()
    organization = factories.make_organization()
    client = client_of(organization)
    page = upload(client, organization)["Location"]
    assert "waiting for a worker" in client.get(page).content.decode()
    factories.run_queued()
    text = client.get(page).content.decode()
    assert "Nothing is written yet" in text
    assert "a new site needs a name" in text
    assert not Site.objects.exists()
    assert client.post(page, {"do": "apply"}).status_code == 302
    factories.run_queued()
    assert list(Site.objects.values_list("external_ref", "name")) == [("A", "Home A")]
    assert b"2,site,B,wrong,name,required,a new site needs a name" in client.get(f"{page}csv").content
    assert client.post(page, {"do": "undo"}).status_code == 302
    factories.run_queued()
    assert "Taken back" in client.get(page).content.decode()
    assert not Site.objects.exists()


def test_what_is_no_file_is_said() -> None:
    organization = factories.make_organization()
    client = client_of(organization)
    assert "a file that ends in .csv" in upload(client, organization, name="x.pdf").content.decode()
    assert "choose a file" in client.post(f"/console/{organization.pk}/imports/").content.decode()
    assert not SiteImport.objects.exists()


def test_viewers_look_and_strangers_do_not_even_that() -> None:
    organization = factories.make_organization()
    held = SiteImport.objects.create(
        organization=organization, state="checked", asked_by="x", created_at=NOW, rows=0, name="homes.csv"
    )
    viewer = client_of(organization, "viewer")
    page = f"/console/{organization.pk}/imports/{held.pk}/"
    assert "Write it" not in viewer.get(page).content.decode()
    assert viewer.post(page, {"do": "apply"}).status_code == 403
    assert upload(viewer, organization).status_code == 403
    stranger = client_of(factories.make_organization())
    assert [stranger.get(page).status_code, stranger.post(page, {"do": "apply"}).status_code] == [404, 404]
    assert SiteImport.objects.values_list("state", flat=True).get() == "checked"
    assert SiteImport.objects.count() == 1
