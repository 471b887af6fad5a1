"""The doors of updates: hubs' tokens only, the repository's files only; and the command that fills it."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.hubs.models import Hub, Release
from apps.hubs.services import hub_revoke
from apps.hubs.tokens import HubToken, token_issue
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
UPDATE = "/device/firmware/update"


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> Path:
    settings.FIRMWARE_REPOSITORY = str(tmp_path / "repository")
    run("init", tmp_path)
    (tmp_path / "repository" / "secret").write_text("secret")
    return tmp_path


def run(do: str, folder: Path, *more: str) -> str:
    out = StringIO()
    call_command("firmware_repository", "--keys", str(folder / "keys"), do, *more, stdout=out)
    return out.getvalue()


@pytest.fixture
def hub() -> Hub:
    site = factories.make_site(organization=factories.make_organization())
    return factories.hub_of(factories.make_hub(site=site))


def headers(hub: Hub) -> dict[str, str]:
    assert hub.site_id is not None
    return {"Authorization": f"Bearer {token_issue(HubToken(str(hub.pk), hub.site_id, hub.generation))}"}


def test_a_release_is_built_signed_listed_and_served(repository: Path, hub: Hub, client: Client) -> None:
    assert "is published" in run(
        "publish", repository, "--hardware", "pi4", "--ring", "10", "--notes", "calmer"
    )
    held = Release.objects.get()
    assert (held.version, held.hardware, held.ring, held.notes) == ("0.1.0", ["pi4"], 10.0, "calmer")
    assert run("list", repository).startswith("0.1.0 ")
    for folder, pattern in (("metadata", "*.json"), ("targets", "*.archive")):
        for path in (repository / "repository" / folder).glob(pattern):
            answer = client.get(f"/device/firmware/{folder}/{path.name}", headers=headers(hub))
            assert answer.getvalue() == path.read_bytes()
    with pytest.raises(CommandError, match="published already"):
        run("publish", repository)
    run("withdraw", repository, "0.1.0")
    assert Release.objects.get().withdrawn_at is not None
    assert run("refresh", repository) == "signed anew\n"
    assert (
        run("sign", repository, "--root-key", "root-1", "--root-key", "root-3") == "2.root.json is signed\n"
    )
    with pytest.raises(CommandError, match="2 of its keys"):
        run("sign", repository, "--root-key", "root-1")


@pytest.mark.parametrize(
    "name",
    [
        "none.json", "../secret", "..%2Fsecret", "%2e%2e%2fsecret", "..%5csecret", ".1.root.json.new", "%00",
        "a%2Fb", "..", ".", "1.root.json%00", "x" * 300, "link.json", "folder",
    ],
)  # fmt: skip
def test_nothing_beside_the_files_is_served(repository: Path, hub: Hub, client: Client, name: str) -> None:
    metadata = repository / "repository" / "metadata"
    (metadata / "link.json").symlink_to(repository / "repository" / "secret")
    (metadata / "folder").mkdir()
    answer = client.get(f"/device/firmware/metadata/{name}", headers=headers(hub))
    assert answer.status_code == 404
    assert b"secret" not in answer.content


def test_keys_are_for_their_owner_only_and_never_overwritten(repository: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in (repository / "keys").glob("*.pem")}
    assert modes == {0o600}
    assert len(list((repository / "keys").glob("*.pem"))) == 6
    with pytest.raises(CommandError, match="already"):
        run("init", repository)


def test_only_an_active_hubs_token_opens(repository: Path, hub: Hub, client: Client) -> None:
    wrong: list[dict[str, str]] = [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}]
    for path, send in ((UPDATE, client.post), ("/device/firmware/metadata/1.root.json", client.get)):
        assert [send(path, headers=each).status_code for each in wrong] == [401, 401, 401]
    held = headers(hub)
    assert client.post(UPDATE, {"version": "0.1.0"}, "application/json", headers=held).json() == {
        "poll_s": 3600.0
    }
    assert hub.organization is not None
    hub_revoke(organization=hub.organization, hub_id=str(hub.pk), actor="o", now=NOW)
    assert client.post(UPDATE, {"version": "0.1.0"}, "application/json", headers=held).status_code == 403


@pytest.mark.parametrize("body", ["[]", "{}", '{"version": 1}', '{"version": "0.1.0", "phase": "x"}', "{"])
def test_reports_that_cannot_be_are_refused(hub: Hub, client: Client, body: str) -> None:
    answer = client.post(UPDATE, body, "application/json", headers=headers(hub))
    assert answer.status_code == 400
    assert (
        Hub.objects.get(pk=hub.pk).agent_version == "0.1.0" or Hub.objects.get(pk=hub.pk).agent_version == ""
    )
