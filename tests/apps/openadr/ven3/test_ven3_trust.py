"""The 3.x VEN with VTNs of other habits: other words, their own certificates, brokers with tokens, and asking for patience."""

import contextlib
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest
from aiohttp import web

from apps.openadr.certificates import certificates_make
from apps.openadr.models import SubscriptionObject, VenConnection3
from apps.programs.models import GridSignal, Program
from tests.apps.openadr.test_openadr_topics import free_port, wait_for
from tests.openadr3_fake import FakeVtn
from tests.openadr3_ven import Handler, Server, Utility3, VenThread3, legacy_of, until

pytestmark = pytest.mark.django_db(transaction=True)
SELDOM_S = 3600
TOPIC = "utility/events/all"
# Whom the broker knows.
CLIENT = "ores"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return certificates_make(tmp_path_factory.mktemp("keys"), ["vtn"])


def signals(program: Program) -> list[GridSignal]:
    return list(GridSignal.objects.filter(program=program))


def is_said(text: str) -> bool:
    return VenConnection3.objects.filter(last_error__contains=text).exists()


def server_tls(keys: dict[str, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys["vtn.pem"], keys["vtn.key"])
    return context


class Words:
    """A 3.0.1 VTN that knows one of the two names of operations; it keeps what it was asked for."""

    def __init__(self, utility: Utility3, *, known: set[str]) -> None:
        self.inner: Handler = legacy_of(utility.url)
        self.known, self.asked = known, []  # type: set[str], list[list[str]]

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if (request.method, request.path) == ("POST", "/subscriptions"):
            (wish,) = (await request.json())["objectOperations"]
            self.asked.append(wish["operations"])
            if not set(wish["operations"]) <= self.known:
                return web.json_response({"status": 400, "title": "Bad Request"}, status=400)
        return await self.inner(request)


NEW, OLD = ["CREATE", "UPDATE", "DELETE"], ["POST", "PUT", "DELETE"]


class TestOperations:
    @pytest.fixture(autouse=True)
    def _addresses(self, settings: Any, live_server: Any) -> None:
        settings.SITE_URL = live_server.url
        settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True

    @pytest.mark.parametrize(("known", "asked"), [(OLD, [OLD]), (NEW, [OLD, NEW])])
    def test_vtn_is_asked_in_the_words_it_knows(
        self, utility: Utility3, program: Program, ven: VenThread3, known: list[str], asked: list[list[str]]
    ) -> None:
        words = Words(utility, known=set(known))
        server = Server(words)
        try:
            utility.connect(
                program=program, url=server.url, version="3.0.1", transport="webhook", poll_s=SELDOM_S
            )
            until(lambda: VenConnection3.objects.exclude(last_answer_at=None).exists())
            held = SubscriptionObject.objects.get()
            assert (VenConnection3.objects.get().subscription_id, words.asked) == (held.pk, asked)
            assert held.content["objectOperations"][0]["operations"] == NEW
        finally:
            server.stop()

    def test_vtn_that_knows_neither_is_polled(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        words = Words(utility, known=set())
        server = Server(words)
        try:
            utility.connect(program=program, url=server.url, version="3.0.1", transport="webhook")
            until(lambda: is_said("polling instead"))
            assert words.asked[:2] == [OLD, NEW]
            utility.event()
            until(lambda: signals(program))
        finally:
            server.stop()


def waited_s(fake: FakeVtn, path: str) -> float:
    """Return how long after its first request for `path` the VEN came again, which it did without another between."""
    first = fake.server.asked.index(("GET", path))
    assert fake.server.asked[first + 1] == ("GET", path)  # it waited, and did not begin anew
    return fake.server.asked_at[first + 1] - fake.server.asked_at[first]


class TestPatience:
    @pytest.mark.parametrize("status", [429, 503])
    def test_busy_vtn_is_asked_again_when_it_says(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3, status: int
    ) -> None:
        fake.event("e-1")
        fake.spoiled_once["events"] = web.Response(status=status, headers={"Retry-After": "1"})
        utility.connect(program=program, url=fake.server.url)
        until(lambda: signals(program))
        assert waited_s(fake, "/events") >= 0.99
        until(lambda: VenConnection3.objects.exclude(last_answer_at=None).exists())
        held = VenConnection3.objects.get()
        assert (held.last_error, held.failing_since) == ("", None)

    def test_busy_vtn_may_name_an_hour_of_the_day(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        named: list[datetime] = []

        def later() -> web.Response:
            named.append((datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0))
            return web.Response(status=429, headers={"Retry-After": format_datetime(named[0], usegmt=True)})

        fake.event("e-1")
        fake.spoiled_once["programs"] = later
        utility.connect(program=program, url=fake.server.url)
        until(lambda: signals(program))
        assert datetime.now(UTC) >= named[0]
        assert waited_s(fake, "/programs") >= 0.99

    @pytest.mark.parametrize("said", ["", "soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"])
    def test_nonsense_is_no_reason_to_stay_away(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3, said: str
    ) -> None:
        fake.event("e-1")
        fake.spoiled_once["events"] = web.Response(status=429, headers={"Retry-After": said})
        utility.connect(program=program, url=fake.server.url)
        until(lambda: signals(program))

    def test_fault_without_a_word_is_a_failure(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        fake.spoiled["events"] = web.Response(status=503)
        utility.connect(program=program, url=fake.server.url)
        until(lambda: is_said("HTTP 503"))


class TestOwnCertificates:
    def test_connections_ca_is_believed(
        self, utility: Utility3, program: Program, ven: VenThread3, keys: dict[str, Path]
    ) -> None:
        fake = FakeVtn(tls=server_tls(keys))
        try:
            fake.event("e-1")
            utility.connect(program=program, url=fake.server.url, ca_pem=keys["ca"].read_text())
            until(lambda: signals(program))
        finally:
            fake.server.stop()

    def test_nobody_elses_is(
        self, utility: Utility3, program: Program, ven: VenThread3, keys: dict[str, Path], tmp_path: Path
    ) -> None:
        fake = FakeVtn(tls=server_tls(keys))
        try:
            fake.event("e-1")
            other = certificates_make(tmp_path / "other", ["vtn"])["ca"].read_text()
            utility.connect(program=program, url=fake.server.url, name="machine's")
            utility.connect(program=program, url=fake.server.url, name="another's", ca_pem=other)
            until(
                lambda: (
                    VenConnection3.objects.filter(last_error__contains="CERTIFICATE_VERIFY_FAILED").count()
                    == 2
                )
            )
            assert fake.server.asked == []
        finally:
            fake.server.stop()

    def test_ca_that_is_none_is_said(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        utility.connect(program=program, url=fake.server.url, ca_pem="-----BEGIN NOTHING-----")
        until(lambda: is_said("the connection's CA cannot be read"))


@contextlib.contextmanager
def guarded_broker(folder: Path, keys: dict[str, Path], *, name: str, password: str) -> Iterator[int]:
    """Run Mosquitto with TLS and one user until the block ends; return the port."""
    places = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"
    broker, passwords = (shutil.which(one, path=places) for one in ("mosquitto", "mosquitto_passwd"))
    if broker is None or passwords is None:
        pytest.skip("there is no mosquitto on this machine")
    subprocess.run([passwords, "-b", "-c", str(folder / "users"), name, password], check=True, timeout=20)
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {folder / 'users'}", "user root",
        f"certfile {keys['vtn.pem']}", f"keyfile {keys['vtn.key']}",
    ]  # fmt: skip
    (folder / "broker.conf").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen([broker, "-c", str(folder / "broker.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, Path]) -> Iterator[int]:
    with guarded_broker(tmp_path_factory.mktemp("broker"), keys, name=CLIENT, password="t") as port:
        yield port


class TestGuardedBroker:
    """A broker that knows us by our token, over TLS."""

    def offer(self, fake: FakeVtn, port: int, *, scheme: str = "mqtts") -> None:
        authentication = {"method": "OAUTH2_BEARER_TOKEN", "username": "{clientID}"}
        binding = {
            "URIS": [f"{scheme}://localhost:{port}"],
            "serialization": "JSON",
            "authentication": authentication,
        }
        fake.objects["notifiers"] = {"WEBHOOK": True, "MQTT": binding}
        fake.objects["notifiers/mqtt/topics/vens/vens/events"] = {"topics": {"ALL": TOPIC}}

    def test_message_begins_a_round(
        self,
        utility: Utility3,
        fake: FakeVtn,
        program: Program,
        ven: VenThread3,
        port: int,
        keys: dict[str, Path],
    ) -> None:
        self.offer(fake, port)
        utility.connect(
            program=program, url=fake.server.url, transport="mqtt", poll_s=SELDOM_S, client_id=CLIENT,
            ca_pem=keys["ca"].read_text(),
        )  # fmt: skip
        until(lambda: fake.server.asked.count(("GET", "/events")) >= 2)  # begun anew once it listens
        fake.event("e-1")
        publish.single(
            TOPIC, "{}", hostname="localhost", port=port, tls={"ca_certs": str(keys["ca"])}, qos=1,
            auth={"username": CLIENT, "password": "t"},
        )  # fmt: skip
        until(lambda: signals(program))
        assert VenConnection3.objects.get().last_error == ""

    def test_broker_with_another_certificate_is_not_told_the_token(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3, port: int, tmp_path: Path
    ) -> None:
        self.offer(fake, port)
        fake.event("e-1")
        other = certificates_make(tmp_path / "other", ["vtn"])["ca"].read_text()
        utility.connect(
            program=program, url=fake.server.url, transport="mqtt", client_id=CLIENT, ca_pem=other
        )
        until(lambda: is_said("cannot be reached, or is not whom we trust"))
        until(lambda: signals(program))

    def test_broker_that_refuses_the_token_is_made_up_for_by_polls(
        self,
        utility: Utility3,
        fake: FakeVtn,
        program: Program,
        ven: VenThread3,
        port: int,
        keys: dict[str, Path],
    ) -> None:
        self.offer(fake, port)
        fake.event("e-1")
        fake.objects["auth/token"] = {"access_token": "another", "expires_in": 3600}
        utility.connect(
            program=program, url=fake.server.url, transport="mqtt", client_id=CLIENT, ca_pem=keys["ca"].read_text()
        )  # fmt: skip
        until(lambda: is_said("its broker refuses us"))
        until(lambda: signals(program))

    def test_token_is_not_said_without_tls(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3, port: int
    ) -> None:
        self.offer(fake, port, scheme="mqtt")
        utility.connect(program=program, url=fake.server.url, transport="mqtt", client_id=CLIENT)
        until(lambda: is_said("wants our token without TLS"))
