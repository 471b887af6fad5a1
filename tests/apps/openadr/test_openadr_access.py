"""The OpenADR 3.1 server: who gets a token, and who may do what with it."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Organization
from apps.openadr.models import EventObject
from apps.programs.models import GridSignal, Program
from tests import factories
from tests.apps.openadr.test_openadr_api import event, is_problem, make_event, make_program
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def utility(organization: Organization) -> Api:
    return factories.make_utility(organization=organization)


class TestToken:
    def ask(self, **sent: Any) -> Any:
        headers = sent.pop("headers", {})
        form = {"grant_type": "client_credentials", **sent}
        return Client(raise_request_exception=False).post("/openadr3/3.1.0/auth/token", form, headers=headers)

    def basic(self, client_id: str, secret: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}

    def test_secret_in_the_body_gives_a_token_with_the_roles_scopes(self, organization: Organization) -> None:
        made = factories.make_credential(organization=organization, role="utility")
        answer = self.ask(client_id=made.client_id, client_secret=made.client_secret)
        assert answer.status_code == 200
        body = answer.json()
        assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
        assert set(body["scope"].split()) == {
            "read_all", "write_programs", "write_events", "write_subscriptions", "write_vens",
        }  # fmt: skip

    def test_basic_authentication_gives_a_token(self, organization: Organization) -> None:
        made = factories.make_credential(organization=organization)
        headers = self.basic(made.client_id, made.client_secret)
        assert self.ask(headers=headers).status_code == 200

    def test_wrong_secret_gives_none(self, organization: Organization) -> None:
        made = factories.make_credential(organization=organization)
        by_body = self.ask(client_id=made.client_id, client_secret="wrong")
        by_basic = self.ask(headers=self.basic(made.client_id, "wrong"))
        assert (by_body.status_code, by_basic.status_code) == (401, 401)
        assert by_body.json() == {"error": "invalid_client"}

    def test_unknown_client_gives_none(self) -> None:
        assert self.ask(client_id="nobody", client_secret="x").status_code == 401

    @pytest.mark.parametrize("text", ["\x00", "\x00abc"])
    def test_client_that_cannot_be_gives_none(self, text: str) -> None:
        by_body = self.ask(client_id=text, client_secret=text)
        by_basic = self.ask(headers=self.basic(text, text))
        assert (by_body.status_code, by_basic.status_code) == (400, 400)

    def test_scope_beyond_the_role_is_refused(self, organization: Organization) -> None:
        made = factories.make_credential(organization=organization, role="utility")
        answer = self.ask(client_id=made.client_id, client_secret=made.client_secret, scope="api")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")

    def test_narrow_token_can_only_read(self, organization: Organization) -> None:
        made = factories.make_credential(organization=organization, role="utility")
        answer = self.ask(client_id=made.client_id, client_secret=made.client_secret, scope="read_all")
        api = Api(answer.json()["access_token"], base="/openadr3/3.1.0")
        assert api.get("/programs").status_code == 200
        assert is_problem(api.post("/programs", {"programName": "P"}), 403, "permission_denied")
        assert Program.objects.count() == 0

    def test_token_without_read_scope_cannot_even_ask_for_headers(self, organization: Organization) -> None:
        made = factories.make_credential(organization=organization, role="utility")
        answer = self.ask(client_id=made.client_id, client_secret=made.client_secret, scope="write_vens")
        api = Api(answer.json()["access_token"], base="/openadr3/3.1.0")
        assert api.send("HEAD", "/programs").status_code == 403

    def test_auth_server_names_the_token_url(self) -> None:
        answer = Client().get("/openadr3/3.1.0/auth/server")
        assert answer.json() == {"tokenURL": "http://testserver/openadr3/3.1.0/auth/token"}


class TestWho:
    @pytest.mark.parametrize("path", ["/programs", "/events", "/reports", "/vens", "/resources", "/events/x"])
    def test_other_roles_are_refused(self, organization: Organization, path: str) -> None:
        token = factories.token_of(factories.make_credential(organization=organization, role="aggregator"))
        api = Api(token, base="/openadr3/3.1.0")
        assert is_problem(api.get(path), 403, "permission_denied")

    @pytest.mark.parametrize("path", ["/programs", "/events", "/reports", "/programs/x", "/events/x"])
    def test_nobody_is_asked_for_a_token(self, path: str) -> None:
        answer = Client().get("/openadr3/3.1.0" + path)
        assert is_problem(answer, 401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ores"'

    def test_invented_token_is_refused(self) -> None:
        assert is_problem(Api("invented", base="/openadr3/3.1.0").get("/programs"), 401, "token_invalid")

    def test_other_tenants_objects_are_invisible(self, utility: Api) -> None:
        theirs = factories.make_utility(organization=factories.make_organization())
        made = make_event(theirs)
        assert (utility.get("/programs").json(), utility.get("/events").json()) == ([], [])
        for path in (f"/programs/{made['programID']}", f"/events/{made['id']}"):
            assert is_problem(utility.get(path), 404, "not_found")
        assert is_problem(utility.put(f"/events/{made['id']}", event(made["programID"])), 404, "not_found")
        assert is_problem(utility.delete(f"/events/{made['id']}"), 404, "not_found")
        assert (EventObject.objects.count(), GridSignal.objects.get().revision) == (1, 1)

    def test_event_for_another_tenants_program_is_refused(self, utility: Api) -> None:
        theirs = factories.make_utility(organization=factories.make_organization())
        program_id = make_program(theirs)
        assert is_problem(utility.post("/events", event(program_id)), 409, "program_unknown")
        assert (EventObject.objects.count(), GridSignal.objects.count()) == (0, 0)

    def test_utility_may_not_use_the_aggregators_paths(self, utility: Api) -> None:
        utility.base = "/api/v1"
        assert [utility.get(path).status_code for path in ("/programs", "/signals")] == [403, 403]
