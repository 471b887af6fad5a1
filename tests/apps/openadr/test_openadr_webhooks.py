"""Subscriptions: proof that a callback wants to be called, who is told of what, and what happens when it fails."""

import datetime
import hashlib
import hmac
import ipaddress
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.accounts.models import Organization
from apps.common.outgoing import addresses
from apps.openadr.models import MessageEntry, Notification, SubscriptionObject
from apps.openadr.notify import outbox
from tests import factories
from tests.apps.openadr.listener import Listener, listening
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)
ALL = ["PROGRAM", "EVENT", "REPORT", "SUBSCRIPTION", "VEN", "RESOURCE"]


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def utility(organization: Organization) -> Api:
    return factories.make_utility(organization=organization)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as one:
        yield one


def body(url: str, *objects: str, operations: Any = ("CREATE", "UPDATE", "DELETE"), **more: Any) -> Any:
    wanted = {"objects": list(objects or ALL), "operations": list(operations), "callbackUrl": url}
    return {"clientName": "listener", "objectOperations": [{**wanted, "bearerToken": "hush-hush"}], **more}


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.content
    found: dict[str, Any] = answer.json()
    return found


def title(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["title"]


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Any:
    """Run a call, commit, and do what was enqueued as a worker would."""

    def run(call: Any, *arguments: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            answer = call(*arguments)
        factories.run_queued()
        return answer

    return run


def make_program(utility: Api, **more: Any) -> dict[str, Any]:
    return made(utility.post("/programs", {"programName": f"P{factories.number()}", **more}))


class TestEcho:
    def test_callback_that_repeats_the_word_is_subscribed(self, utility: Api, listener: Listener) -> None:
        answer = utility.post("/subscriptions", body(listener.url + "?a=1"))
        shown = made(answer)
        ((_, headers, path),) = listener.heard
        assert path.startswith("/hook?a=1&echo=")
        assert headers["Authorization"] == "Bearer hush-hush"
        assert (shown["objectType"], shown["deliveryState"]) == ("SUBSCRIPTION", "OK")
        assert shown["clientID"] == SubscriptionObject.objects.get().client_key
        held = SubscriptionObject.objects.get()
        kept = [
            *(entry.body for entry in MessageEntry.objects.all()),
            str(held.content),
            str(bytes(held.tokens)),
        ]
        assert not any("hush-hush" in text for text in [*kept, str(shown)])

    def test_callback_that_does_not_is_refused(self, utility: Api, listener: Listener) -> None:
        listener.echoes = False
        assert title(utility.post("/subscriptions", body(listener.url))) == (400, "callback_echo_failed")
        listener.echoes, listener.status = True, 404
        assert title(utility.post("/subscriptions", body(listener.url))) == (400, "callback_echo_failed")
        assert SubscriptionObject.objects.count() == 0

    def test_redirect_is_not_followed(self, utility: Api, listener: Listener) -> None:
        with listening() as elsewhere:
            listener.status, listener.location = 302, elsewhere.url
            assert title(utility.post("/subscriptions", body(listener.url))) == (400, "callback_echo_failed")
            assert elsewhere.heard == []

    def test_change_is_verified_anew_and_keeps_the_token(self, utility: Api, listener: Listener) -> None:
        held = made(utility.post("/subscriptions", body(listener.url)))
        changed = made(utility.put(f"/subscriptions/{held['id']}", {**held, "clientName": "renamed"}))
        assert (changed["clientName"], len(listener.heard)) == ("renamed", 2)
        assert listener.heard[1][1]["Authorization"] == "Bearer hush-hush"
        listener.echoes = False
        answer = utility.put(f"/subscriptions/{held['id']}", body(listener.url, "VEN"))
        assert title(answer) == (400, "callback_echo_failed")
        assert utility.get(f"/subscriptions/{held['id']}").json() == changed

    @pytest.mark.parametrize("operations", [["READ"], ["CREATE", "READ"]])
    def test_reads_cannot_be_subscribed_to(
        self, utility: Api, listener: Listener, operations: list[str]
    ) -> None:
        wish = body(listener.url, "EVENT", operations=operations)
        assert title(utility.post("/subscriptions", wish)) == (400, "operation_not_told")
        held = made(utility.post("/subscriptions", body(listener.url, "EVENT")))
        answer = utility.put(f"/subscriptions/{held['id']}", wish)
        assert title(answer) == (400, "operation_not_told")
        assert utility.get("/subscriptions").json() == [held]
        assert len(listener.heard) == 1  # a refused wish is not even verified

    def test_nobody_there_is_an_error_with_a_name(self, utility: Api) -> None:
        with listening() as gone:
            url = gone.url
        assert title(utility.post("/subscriptions", body(url))) == (400, "callback_unreachable")

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("http://example.org/x", "callback_refused"),
            ("ftp://example.org/x", "callback_refused"),
            ("https://user:secret@example.org/", "callback_refused"),
            ("https://", "callback_refused"),
            ("https://example.org:99999/", "callback_refused"),
            ("https://[::1", "callback_refused"),
            ("https://exa\nmple.org/", "callback_refused"),
            ("https://127.0.0.1/", "callback_address_refused"),
            ("https://localhost/", "callback_address_refused"),
            ("https://2130706433/", "callback_address_refused"),
            ("https://10.1.2.3/", "callback_address_refused"),
            ("https://169.254.169.254/latest", "callback_address_refused"),
            ("https://[::1]/", "callback_address_refused"),
            ("https://[::ffff:8.8.8.8]/", "callback_address_refused"),
            ("https://[fe80::1]/", "callback_address_refused"),
            ("https://224.0.0.1/", "callback_address_refused"),
            ("https://0.0.0.0/", "callback_address_refused"),
        ],
    )
    def test_address_that_is_not_the_internets_is_refused(
        self, utility: Api, settings: Any, url: str, code: str
    ) -> None:
        settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = False
        assert title(utility.post("/subscriptions", body(url))) == (400, code)
        assert SubscriptionObject.objects.count() == 0

    @pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700::1111"])
    def test_public_addresses_are_public(self, text: str) -> None:
        assert addresses.is_public(text)

    @pytest.mark.parametrize(
        "text", ["100.64.0.1", "192.168.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "fc00::1", "ff02::1", "240.0.0.1", "fe80::1%1"]
    )  # fmt: skip
    def test_other_addresses_are_not(self, text: str) -> None:
        assert not addresses.is_public(text)

    def test_certificate_must_be_the_hosts(
        self, utility: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        context = tls_context(tmp_path, names=["localhost"])
        with listening(context=context) as safe:
            assert title(utility.post("/subscriptions", body(safe.url))) == (400, "callback_unreachable")
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
            made(utility.post("/subscriptions", body(safe.url)))
            by_number = safe.url.replace("localhost", "127.0.0.1")
            assert title(utility.post("/subscriptions", body(by_number))) == (400, "callback_unreachable")


def tls_context(folder: Path, *, names: list[str]) -> ssl.SSLContext:
    """Return a server's context with a certificate of its own in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


class TestDelivery:
    def test_utility_hears_of_everything_in_order(
        self, utility: Api, listener: Listener, commit: Any
    ) -> None:
        made(utility.post("/subscriptions", body(listener.url)))
        program = made(commit(utility.post, "/programs", {"programName": "P"}))
        commit(utility.put, f"/programs/{program['id']}", {"programName": "Q"})
        event = made(commit(utility.post, "/events", {"programID": program["id"], "targets": ["north"]}))
        commit(utility.delete, f"/programs/{program['id']}")
        assert listener.operations() == [
            ("PROGRAM", "CREATE"), ("PROGRAM", "UPDATE"), ("EVENT", "CREATE"), ("EVENT", "DELETE"), ("PROGRAM", "DELETE"),
        ]  # fmt: skip
        assert listener.posts()[2] == {
            "objectType": "EVENT", "operation": "CREATE", "object": event, "targets": ["north"],
        }  # fmt: skip
        assert {one.state for one in Notification.objects.all()} == {"sent"}

    def test_notification_carries_the_token_and_a_signature(
        self, utility: Api, listener: Listener, commit: Any
    ) -> None:
        answer = utility.post("/subscriptions", body(listener.url, "PROGRAM"))
        secret = answer.headers["X-ORES-Signing-Secret"]
        commit(utility.post, "/programs", {"programName": "P"})
        _, headers, _ = listener.heard[-1]
        assert headers["Authorization"] == "Bearer hush-hush"
        at, _, digest = headers["X-ORES-Signature"].removeprefix("t=").partition(",v1=")
        expected = hmac.new(secret.encode(), f"{at}.{headers['raw']}".encode(), hashlib.sha256).hexdigest()
        assert digest == expected

    def test_only_what_was_asked_for_is_told(self, utility: Api, listener: Listener, commit: Any) -> None:
        program, other = make_program(utility), make_program(utility)
        wanted = body(
            listener.url, "EVENT", operations=["CREATE"], programID=program["id"], targets=["north"]
        )
        made(utility.post("/subscriptions", wanted))
        for program_id, targets in (
            (program, ["north"]),
            (program, ["south"]),
            (program, []),
            (other, ["north"]),
        ):
            event = made(commit(utility.post, "/events", {"programID": program_id["id"], "targets": targets}))
            commit(utility.delete, f"/events/{event['id']}")
        assert [one["targets"] for one in listener.posts()] == [["north"]]

    def test_ven_hears_only_what_it_may_see(
        self, organization: Organization, utility: Api, listener: Listener, commit: Any
    ) -> None:
        ven = factories.make_ven(organization=organization, targets=["north"])
        other = factories.make_ven(organization=organization, targets=["south"])
        made(ven.post("/subscriptions", body(listener.url, "EVENT", "VEN")))
        program = make_program(utility)["id"]
        for targets in (["south"], ["south", "north"], []):
            commit(utility.post, "/events", {"programID": program, "targets": targets})
        assert [one.get("targets") for one in listener.posts()] == [["north"], None]
        assert listener.posts()[0]["object"]["targets"] == ["north"]
        other_ven = other.get("/vens").json()[0]
        commit(other.put, f"/vens/{other_ven['id']}", {"objectType": "VEN_VEN_REQUEST", "venName": "renamed"})
        assert len(listener.posts()) == 2
        own = ven.get("/vens").json()[0]
        commit(utility.delete, f"/vens/{own['id']}")
        assert listener.operations()[2:] == [("VEN", "DELETE")]

    def test_subscriptions_are_their_clients(
        self, organization: Organization, utility: Api, listener: Listener
    ) -> None:
        ven, other = (factories.make_ven(organization=organization) for _ in range(2))
        held = made(ven.post("/subscriptions", body(listener.url, "EVENT", "PROGRAM")))
        path = f"/subscriptions/{held['id']}"
        assert title(other.get(path)) == title(other.delete(path)) == (404, "not_found")
        assert (other.get("/subscriptions").json(), ven.get("/subscriptions").json()) == ([], [held])
        found = [
            len(utility.get("/subscriptions", **query).json())
            for query in (
                {"objects": ["EVENT", "PROGRAM"]},
                {"objects": ["EVENT", "VEN"]},
                {"clientName": "x"},
            )
        ]
        assert found == [1, 0, 0]
        assert title(utility.get("/subscriptions", objects="EVENTS")) == (400, "query_invalid")
        assert "X-ORES-Signing-Secret" not in utility.get(path).headers
        assert made(ven.delete(path)) == held

    def test_failure_is_tried_again_in_order(
        self, utility: Api, listener: Listener, commit: Any, settings: Any
    ) -> None:
        held = made(utility.post("/subscriptions", body(listener.url, "PROGRAM")))
        listener.status = 503
        commit(utility.post, "/programs", {"programName": "first"})
        commit(utility.post, "/programs", {"programName": "second"})
        assert [one["object"]["programName"] for one in listener.posts()] == ["first"]
        assert utility.get(f"/subscriptions/{held['id']}").json()["deliveryState"] == "FAILING"
        assert outbox.subscriptions_due(now=NOW + timedelta(seconds=6)) == [held["id"]]
        listener.status, listener.heard = 200, []
        assert outbox.subscription_deliver(subscription_id=held["id"], now=NOW + timedelta(seconds=6)) == 2
        assert [one["object"]["programName"] for one in listener.posts()] == ["first", "second"]
        assert utility.get(f"/subscriptions/{held['id']}").json()["deliveryState"] == "OK"

    def test_silence_of_days_breaks_a_subscription_until_it_is_put_again(
        self, utility: Api, listener: Listener, commit: Any
    ) -> None:
        held = made(utility.post("/subscriptions", body(listener.url, "PROGRAM")))
        listener.status = 500
        commit(utility.post, "/programs", {"programName": "lost"})
        outbox.subscription_deliver(subscription_id=held["id"], now=NOW + timedelta(days=4))
        shown = utility.get(f"/subscriptions/{held['id']}").json()
        assert (shown["deliveryState"], Notification.objects.get().state) == ("BROKEN", "failed")
        commit(utility.post, "/programs", {"programName": "not told"})
        assert Notification.objects.count() == 1
        listener.status = 200
        assert made(utility.put(f"/subscriptions/{held['id']}", shown))["deliveryState"] == "OK"
        commit(utility.post, "/programs", {"programName": "told"})
        assert listener.posts()[-1]["object"]["programName"] == "told"

    def test_what_is_rolled_back_is_not_told(self, utility: Api, listener: Listener, commit: Any) -> None:
        made(utility.post("/subscriptions", body(listener.url)))
        program = make_program(utility)
        Notification.objects.all().delete()
        commit(utility.put, f"/programs/{program['id']}", {"programName": ""})
        commit(utility.post, "/programs", {"programName": program["programName"]})
        assert (Notification.objects.count(), listener.posts()) == (0, [])


def test_addresses_inside_addresses_are_what_the_guard_takes_them_for() -> None:
    assert ipaddress.IPv6Address("2002:7f00:1::").sixtofour == ipaddress.IPv4Address("127.0.0.1")
