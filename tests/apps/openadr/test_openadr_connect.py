from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Organization
from apps.openadr.models import VenConnection2b, VenConnection3
from apps.openadr.ven2b.secrets import decrypt
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


def connect(organization: Organization, protocol: str, *more: str, url: str = "https://vtn.example") -> None:
    named = ("--organization", organization.slug, "--name", "ores", "--url", url)
    call_command("openadr_connect", "--protocol", protocol, *named, *more)


def test_a_3_x_connection_keeps_its_secret_encrypted(organization: Organization, monkeypatch: Any) -> None:
    monkeypatch.setenv("UTILITY_SECRET", "hush")
    connect(organization, "3.1.0", "--client-id", "us", "--transport", "webhook")
    made = VenConnection3.objects.get()
    assert (made.organization, made.program, made.version, made.transport) == (
        organization,
        None,
        "3.1.0",
        "webhook",
    )
    assert "hush" not in made.client_secret_encrypted
    assert decrypt(made.client_secret_encrypted) == "hush"


def test_a_2_0b_connection_is_for_one_program(organization: Organization) -> None:
    program = factories.make_program(organization=organization, name="Relief")
    connect(
        organization,
        "2.0b",
        "--program",
        "Relief",
        "--level-kw",
        "10",
        "20",
        "30",
        url="http://127.0.0.1:9/x",
    )
    made = VenConnection2b.objects.get()
    assert (made.program, made.level_kw) == (program, [10.0, 20.0, 30.0])


@pytest.mark.parametrize(
    ("protocol", "more", "said"),
    [("2.0b", (), "2.0b needs --program"), ("2.0b", ("--program", "Unknown"), "there is no program 'Unknown'"),
     ("3.1.0", ("--program", "Unknown"), "there is no program 'Unknown'"), ("3.1.0", (), ""),
     ("2.0b", ("--program", "Relief", "--key", "/no/such/file"), "No such file")],
)  # fmt: skip
def test_what_cannot_be_connected_is_said(
    organization: Organization, protocol: str, more: tuple[str, ...], said: str
) -> None:
    factories.make_program(organization=organization, name="Relief")
    with pytest.raises(CommandError, match=said):
        connect(organization, protocol, *more)
    assert VenConnection2b.objects.count() + VenConnection3.objects.count() == 0
