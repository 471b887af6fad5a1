"""`manage.py app_client_create`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import ApiClient
from tests import factories

pytestmark = pytest.mark.django_db


def made(*redirect_uris: str, slug: str) -> str:
    out = StringIO()
    given = [f"--redirect-uri={one}" for one in redirect_uris]
    call_command("app_client_create", f"--organization={slug}", "--name=Google Home", *given, stdout=out)
    return out.getvalue()


def test_an_app_is_made_and_its_secret_told_once() -> None:
    organization = factories.make_organization()
    told = dict(
        line.split("=", 1) for line in made("https://a.example.org/x", slug=organization.slug).split()
    )
    client = ApiClient.objects.get(client_id=told["client_id"])
    assert (client.role, client.name, client.redirect_uris) == (
        "app",
        "Google Home",
        "https://a.example.org/x",
    )
    assert told["client_secret"] not in {"", client.client_secret}


@pytest.mark.parametrize(
    ("address", "slug"), [("http://a.example.org/x", ""), ("https://a.example.org/x", "nobody")]
)
def test_a_strange_address_or_organization_makes_none(address: str, slug: str) -> None:
    organization = factories.make_organization()
    with pytest.raises(CommandError):
        made(address, slug=slug or organization.slug)
    assert ApiClient.objects.count() == 0
