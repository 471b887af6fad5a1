"""Operators' pages about connections to utilities: what they make, keep secret, refuse and try."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.openadr.certificates import certificates_make
from apps.openadr.guard import PublicResolver
from apps.openadr.models import VenConnection2b, VenConnection3
from apps.openadr.ven2b.connections import connection_create as connection_create_2b
from apps.openadr.ven2b.secrets import decrypt
from apps.openadr.ven3.client import VtnClient, VtnError
from apps.openadr.ven3.connections import connection_create, connection_failed, connection_registered
from apps.openadr.vtn2b.door import PREFIX
from tests import factories
from tests.apps.openadr.test_pages import at
from tests.factories import NOW
from tests.openadr2b import Vtn
from tests.openadr3_fake import FakeVtn

pytestmark = pytest.mark.django_db
FORM3 = {
    "name": "ores", "url": "https://127.0.0.1/openadr3/3.1.0", "version": "3.1.0", "token_auth": "body", "client_id": "us",
    "client_secret": "hush-hush", "transport": "poll", "poll_s": "30", "lost_after_s": "600",
}  # fmt: skip
FORM2B = {"name": "ores", "url": "https://127.0.0.1/OpenADR2/Simple/2.0b", "check_hostname": "on"}
NEW3, NEW2B = "vens/connections/new-3.x/", "vens/connections/new-2.0b/"


@pytest.fixture
def _private(settings: Any) -> None:
    """Let connections lead to this machine."""
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True


@pytest.fixture
def fake() -> Iterator[FakeVtn]:
    made = FakeVtn()
    yield made
    made.server.stop()


@pytest.fixture
def made(fleet: factories.Fleet) -> VenConnection3:
    return connection_create(
        organization=fleet.organization, program=fleet.program, name="ores", url="https://utility.example/3", now=NOW,
        client_id="us", client_secret="hush-hush",
    )  # fmt: skip


def page_of(fleet: factories.Fleet, connection: VenConnection3 | VenConnection2b) -> str:
    protocol = "3.x" if isinstance(connection, VenConnection3) else "2.0b"
    return at(fleet, f"vens/connections/{protocol}/{connection.pk}/")


def notes() -> list[dict[str, Any]]:
    found = AuditEntry.objects.filter(action__startswith="ven_connection").order_by("pk")
    return list(found.values_list("detail", flat=True))


def said(answer: Any) -> tuple[int, str]:
    found = re.search(r'<p class="notice error" role="\w+">(.*?)</p>', answer.content.decode())
    return answer.status_code, re.sub(r"<[^>]+>", "", found[1]) if found else ""


@pytest.mark.usefixtures("_private")
class TestAdd:
    def test_a_3_x_connection_is_made_and_its_secret_shown_nowhere(
        self, fleet: factories.Fleet, operator: Client
    ) -> None:
        answer = operator.post(at(fleet, NEW3), {**FORM3, "program": fleet.program.pk, "ca_pem": "a\r\nb"})
        held = VenConnection3.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, page_of(fleet, held))
        assert (held.program, held.url, held.poll_s, held.ca_pem, held.public_only, held.enabled) == (
            fleet.program, FORM3["url"], 30, "a\nb", True, True,
        )  # fmt: skip
        assert decrypt(held.client_secret_encrypted) == "hush-hush"
        shown = [operator.get(page_of(fleet, held)).content.decode(), str(notes())]
        assert [text for text in shown if "hush" in text or held.client_secret_encrypted in text] == []

    def test_without_a_program_each_of_theirs_gets_one(
        self, fleet: factories.Fleet, operator: Client
    ) -> None:
        operator.post(at(fleet, NEW3), {**FORM3, "remote_program": "Relief"})
        held = VenConnection3.objects.get()
        assert (held.program, held.remote_program) == (None, "Relief")

    def test_a_2_0b_connection_is_made_with_certificate_and_levels(
        self, fleet: factories.Fleet, operator: Client, tmp_path: Path
    ) -> None:
        keys = certificates_make(tmp_path, ["ven"])
        pem = {
            "certificate_pem": keys["ven.pem"].read_text().strip(),
            "key_pem": keys["ven.key"].read_text().strip(),
        }
        levels = {"level_1": "10", "level_2": "20,5", "level_3": "30"}
        form = {
            **FORM2B,
            **pem,
            **levels,
            "program": fleet.program.pk,
            "signs": "on",
            "vtn_fingerprint": "aa:bb",
        }
        assert operator.post(at(fleet, NEW2B), form).status_code == 302
        held = VenConnection2b.objects.get()
        assert (held.program, held.level_kw, held.signs, held.check_hostname, held.poll_s) == (
            fleet.program, [10.0, 20.5, 30.0], True, True, None,
        )  # fmt: skip
        assert (held.vtn_fingerprint, decrypt(held.key_pem_encrypted)) == ("AA:BB", pem["key_pem"])
        assert "PRIVATE KEY" not in operator.get(page_of(fleet, held)).content.decode()

    @pytest.mark.parametrize(
        "changes",
        [{"url": "ftp://x"}, {"url": ""}, {"url": "https://no-such-host.invalid"}, {"client_secret": ""}, {"poll_s": "0"},
         {"poll_s": "x"}, {"poll_s": ""}, {"version": "2"}, {"transport": "mqtt", "version": "3.0.1"}, {"name": ""},
         {"name": "x\x00"}, {"ca_pem": "x" * 20_001}, {"token_url": "http://[", "token_auth": "basic"}],
    )  # fmt: skip
    def test_what_cannot_work_is_said_and_kept_in_the_form(
        self, fleet: factories.Fleet, operator: Client, changes: dict[str, str]
    ) -> None:
        answer = operator.post(at(fleet, NEW3), {**FORM3, "scopes": "as typed", **changes})
        status, why = said(answer)
        assert (status, bool(why), VenConnection3.objects.count()) == (400, True, 0)
        assert 'value="as typed"' in answer.content.decode()

    @pytest.mark.parametrize(
        "changes",
        [{"program": ""}, {"level_1": "5"}, {"level_1": "-1", "level_2": "1", "level_3": "1"}, {"signs": "on"},
         {"level_1": "nan", "level_2": "1", "level_3": "1"}, {"certificate_pem": "x"}],
    )  # fmt: skip
    def test_what_cannot_work_in_2_0b_is_said(
        self, fleet: factories.Fleet, operator: Client, changes: dict[str, str]
    ) -> None:
        form = {**FORM2B, "program": fleet.program.pk, **changes}
        status, why = said(operator.post(at(fleet, NEW2B), form))
        assert (status, bool(why), VenConnection2b.objects.count()) == (400, True, 0)

    def test_same_connection_is_made_once(self, fleet: factories.Fleet, operator: Client) -> None:
        answers = [operator.post(at(fleet, NEW3), FORM3).status_code for _ in range(2)]
        assert (answers, VenConnection3.objects.count()) == ([302, 409], 1)

    def test_another_tenants_program_is_not_there(self, fleet: factories.Fleet, operator: Client) -> None:
        other = factories.make_program(organization=factories.make_organization())
        assert operator.post(at(fleet, NEW3), {**FORM3, "program": other.pk}).status_code == 404
        assert VenConnection3.objects.count() == 0


class TestChange:
    @pytest.fixture(autouse=True)
    def _allowed(self, _private: None) -> None:
        """All of these lead to this machine."""

    def test_empty_secret_stays_and_another_is_taken(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3
    ) -> None:
        for sent, kept in (("", "hush-hush"), ("another", "another")):
            operator.post(page_of(fleet, made), {**FORM3, "client_secret": sent, "scopes": "read_all"})
            made.refresh_from_db()
            assert (decrypt(made.client_secret_encrypted), made.scopes) == (kept, "read_all")
        details = [detail["secret_changed"] for detail in notes()]
        assert details == [False, True]

    def test_at_another_address_we_are_new(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3
    ) -> None:
        VenConnection3.objects.update(url=FORM3["url"])
        connection_registered(pk=made.pk, ven_id="v-1", targets=["north"])
        operator.post(page_of(fleet, made), {**FORM3, "poll_s": "5"})
        made.refresh_from_db()
        assert (made.ven_id, made.targets, made.poll_s) == ("v-1", ["north"], 5)
        operator.post(page_of(fleet, made), {**FORM3, "url": "https://127.0.0.1/elsewhere/"})
        made.refresh_from_db()
        assert (made.ven_id, made.targets, made.url) == ("", [], "https://127.0.0.1/elsewhere")

    def test_without_tokens_the_secret_is_forgotten(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3
    ) -> None:
        operator.post(page_of(fleet, made), {**FORM3, "token_auth": "none", "client_secret": ""})
        made.refresh_from_db()
        assert (made.client_id, made.client_secret_encrypted, made.token_auth) == ("", "", "none")

    def test_refused_change_changes_nothing(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3
    ) -> None:
        before = VenConnection3.objects.values().get()
        assert operator.post(page_of(fleet, made), {**FORM3, "poll_s": "0"}).status_code == 400
        assert (VenConnection3.objects.values().get(), notes()) == (before, [])

    def test_key_stays_with_its_certificate_and_goes_with_it(
        self, fleet: factories.Fleet, operator: Client, tmp_path: Path
    ) -> None:
        keys = certificates_make(tmp_path, ["ven"])
        pem = [keys[name].read_text().strip() for name in ("ven.pem", "ven.key")]
        held = connection_create_2b(
            program=fleet.program, name="ores", url=FORM2B["url"], now=NOW, certificate_pem=pem[0], key_pem=pem[1]
        )  # fmt: skip
        VenConnection2b.objects.update(registration_id="r-1", ven_id="v-1")
        operator.post(page_of(fleet, held), {**FORM2B, "certificate_pem": pem[0], "signs": "on"})
        held.refresh_from_db()
        assert (held.signs, decrypt(held.key_pem_encrypted), held.registration_id) == (True, pem[1], "r-1")
        operator.post(page_of(fleet, held), {**FORM2B, "name": "other"})
        held.refresh_from_db()
        assert (held.certificate_pem, held.key_pem_encrypted, held.registration_id) == ("", "", "")

    def test_it_is_switched_off_and_on(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3
    ) -> None:
        for do, enabled in (("off", False), ("on", True)):
            assert operator.post(page_of(fleet, made), {"do": do}).status_code == 302
            made.refresh_from_db()
            assert made.enabled is enabled
        assert [detail["enabled"] for detail in notes()] == [False, True]


class TestState:
    def test_last_answer_and_last_error_are_shown(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3
    ) -> None:
        assert "none yet" in operator.get(page_of(fleet, made)).content.decode()
        VenConnection3.objects.update(last_answer_at=NOW - timedelta(minutes=20))
        connection_failed(pk=made.pk, now=NOW, error="TOKEN: no token: HTTP 401 invalid_client")
        shown = operator.get(page_of(fleet, made)).content.decode()
        assert "no token: HTTP 401 invalid_client" in shown
        assert "Communication lost since" in shown
        listed = operator.get(at(fleet, "vens/")).content.decode()
        assert (page_of(fleet, made) in listed, "no token: HTTP 401" in listed) == (True, True)


@pytest.mark.usefixtures("_private")
class TestTry:
    def probe(self, operator: Client, path: str) -> str:
        html = operator.post(path, {"do": "try"}).content.decode()
        found = re.search(r'role="status">(.*?)</p>', html)
        assert found is not None, html
        return re.sub(r"<[^>]+>", "", found[1])

    def test_3_x_server_that_lets_us_in(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3, fake: FakeVtn
    ) -> None:
        fake.objects["programs"] = [{"id": "p", "programName": "Relief"}]
        VenConnection3.objects.update(url=fake.server.url)
        assert self.probe(operator, page_of(fleet, made)) == "It works. It lets us in and shows 1 program."
        assert {path for _, path in fake.server.asked} == {"/auth/server", "/auth/token", "/programs"}

    def test_3_x_server_that_does_not(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3, fake: FakeVtn
    ) -> None:
        VenConnection3.objects.update(url=fake.server.url)
        fake.spoiled["auth/token"] = web.json_response({"error": "invalid_client"}, status=401)
        answer = self.probe(operator, page_of(fleet, made))
        assert answer == "It does not work. no token: HTTP 401 invalid_client"
        before = VenConnection3.objects.values().get()
        fake.server.stop()
        fake.server.stop = lambda: None  # type: ignore[method-assign]
        assert "ClientConnectorError" in self.probe(operator, page_of(fleet, made))
        assert VenConnection3.objects.values().get() == before

    @pytest.mark.django_db(transaction=True)
    def test_2_0b_server(self, fleet: factories.Fleet, operator: Client) -> None:
        vtn = Vtn(factories.make_organization())
        try:
            url = f"http://127.0.0.1:{vtn.port}{PREFIX}"
            held = connection_create_2b(program=fleet.program, name="ores", url=url, now=NOW)
            assert self.probe(operator, page_of(fleet, held)) == "It works. It answers as vtn-under-test."
            VenConnection2b.objects.update(url=f"http://127.0.0.1:{vtn.port}")
            assert "It does not work. HTTP 404" in self.probe(operator, page_of(fleet, held))
        finally:
            vtn.stop()


class TestOnlyTheInternet:
    @pytest.mark.parametrize(
        "url",
        ["https://127.0.0.1/3", "https://localhost/3", "https://10.0.0.1/3", "https://[::1]/3", "http://93.184.215.14/3",
         "https://169.254.169.254/3"],
    )  # fmt: skip
    def test_address_of_ours_or_a_neighbors_is_refused(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3, url: str
    ) -> None:
        before = VenConnection3.objects.values().get()
        for path in (at(fleet, NEW3), page_of(fleet, made)):
            status, why = said(operator.post(path, {**FORM3, "url": url}))
            assert (status, "on the Internet" in why) == (400, True)
        assert VenConnection3.objects.values().get() == before

    def test_name_that_leads_there_later_is_not_followed(
        self, fleet: factories.Fleet, operator: Client, made: VenConnection3, fake: FakeVtn
    ) -> None:
        async def ask(url: str) -> str:
            made.url = url
            client = VtnClient(made, self.unnoted)
            try:
                await client.get("programs")
            except VtnError as error:
                return str(error)
            finally:
                await client.close()
            return ""

        named, literal = fake.server.url.replace("127.0.0.1", "localhost"), fake.server.url
        assert [asyncio.run(ask(url)) for url in (named, literal)] == ["", ""]  # made by who runs the machine
        made.public_only = True
        heard = len(fake.server.asked)
        assert "localhost has no public address" in asyncio.run(ask(named))
        assert "127.0.0.1 is no public address" in asyncio.run(ask(literal))
        assert len(fake.server.asked) == heard

    async def unnoted(self, direction: str, kind: str, *, body: str, status: int | None = None) -> None:
        """Keep nothing."""

    async def test_resolver_gives_no_address_of_this_machine(self) -> None:
        with pytest.raises(OSError, match="no public address"):
            await PublicResolver().resolve("localhost", 443)


def test_viewer_may_look_and_stranger_finds_nothing(
    fleet: factories.Fleet, client_of: Callable[[str], Client], made: VenConnection3
) -> None:
    older = connection_create_2b(program=fleet.program, name="ores", url="https://utility.example/2", now=NOW)
    paths = [page_of(fleet, made), page_of(fleet, older), at(fleet, NEW3), at(fleet, NEW2B)]
    before = [list(model.objects.values()) for model in (VenConnection3, VenConnection2b)]
    viewer = client_of("viewer")
    assert [viewer.get(path).status_code for path in paths] == [200] * 4
    assert [
        viewer.post(path, {**FORM3, "do": do}).status_code for path in paths for do in ("save", "off", "try")
    ] == [403] * 12
    elsewhere = factories.make_organization()
    stranger = Client()
    stranger.force_login(factories.make_operator(organization=elsewhere))
    own = [path.replace(f"/{fleet.organization.pk}/", f"/{elsewhere.pk}/", 1) for path in paths[:2]]
    for path in (*paths, *own):
        assert [stranger.get(path).status_code, stranger.post(path, FORM3).status_code] == [404, 404]
    assert [Client().get(path).status_code for path in paths] == [302] * 4
    assert client_of("operator").get(at(fleet, "vens/connections/new-4/")).status_code == 404
    assert [list(model.objects.values()) for model in (VenConnection3, VenConnection2b)] == before
