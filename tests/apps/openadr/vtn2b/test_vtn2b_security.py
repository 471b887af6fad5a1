"""The 2.0b VTN: bad input, certificates, signatures, proxies; nothing of it is stored, nothing is a 500."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.accounts.models import Organization
from apps.openadr.certificates import certificates_make
from apps.openadr.models import MessageEntry, Nonce2b, Opt2b, ReportUpdate2b, Ven2b
from apps.openadr.vtn2b.door import tls_context
from apps.openadr.vtn2b.gate import Gate
from apps.openadr.wire2b import Signer, fingerprint_of_pem
from tests.openadr2b import Utility, Ven, Vtn, code, command, let_in, soon, world

pytestmark = pytest.mark.django_db(transaction=True)


def stored() -> tuple[int, ...]:
    return tuple(kind.objects.count() for kind in (MessageEntry, Opt2b, ReportUpdate2b, Nonce2b))


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % (n, *[n - 1] * 8) for n in range(98, 110))
    + b"]><oadr:oadrPayload xmlns:oadr='http://openadr.org/oadr-2.0b/2012/07'>&m;</oadr:oadrPayload>"
)
OUTSIDE = b'<!DOCTYPE oadr:oadrPayload [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


class TestBadInput:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<",
            b"\xff\xfe\x00",
            b"not xml",
            b"<a/>",
            b"<a>" * 5000,
            BOMB,
            b"\x00" * 100,
            "<ä/>".encode("utf-16"),
        ],
        ids=["empty", "cut", "bytes", "text", "other", "deep", "bomb", "zeros", "utf16"],
    )
    @pytest.mark.parametrize("service", ["OadrPoll", "EiEvent"])
    def test_what_is_no_message_is_refused(self, vtn: Vtn, service: str, body: bytes) -> None:
        status, _ = Ven(vtn.port).post(service, body)
        assert (status, stored()) == (400, (0, 0, 0, 0))

    @pytest.mark.parametrize("entity", [b"&x;", b""], ids=["used", "declared"])
    def test_entities_from_outside_are_refused(
        self, vtn: Vtn, organization: Organization, entity: bytes
    ) -> None:
        client = Ven(vtn.port, let_in(organization, ven_id="v"))
        body = (
            client.write("oadrPoll").replace(b"?>", b"?>" + OUTSIDE, 1).replace(b">v<", b">v" + entity + b"<")
        )
        status, answer = client.post("OadrPoll", body)
        assert (status, stored()) == (400, (0, 0, 0, 0))
        assert Path("/etc/hostname").read_bytes().strip() not in answer

    def test_message_against_the_schema_is_refused(self, vtn: Vtn, organization: Organization) -> None:
        client = Ven(vtn.port, let_in(organization))
        client.register()
        before = stored()
        status, _ = client.post("EiEvent", client.write("oadrPoll").replace(b"oadrPoll", b"oadrPull"))
        assert (status, stored()) == (400, before)

    def test_too_large_a_message_is_refused(self, vtn: Vtn) -> None:
        status, _ = Ven(vtn.port).post("OadrPoll", b"<a>" + b" " * 1_100_000 + b"</a>")
        assert status == 413

    def test_other_content_type_is_refused(self, vtn: Vtn) -> None:
        client = Ven(vtn.port)
        assert client.post("OadrPoll", client.write("oadrPoll"), Content_Type="text/plain")[0] == 415

    def test_other_service_is_not_found(self, vtn: Vtn) -> None:
        client = Ven(vtn.port)
        assert client.post("EiNothing", client.write("oadrPoll"))[0] == 404

    @pytest.mark.parametrize(
        ("service", "kind"), [("EiEvent", "oadrPoll"), ("OadrPoll", "oadrQueryRegistration")]
    )
    def test_message_for_another_service_is_an_error(self, vtn: Vtn, service: str, kind: str) -> None:
        assert code(Ven(vtn.port).say(service, kind)) == 459

    def test_unknown_ven_is_an_error(self, vtn: Vtn) -> None:
        client = Ven(vtn.port)
        for service, kind in (("OadrPoll", "oadrPoll"), ("EiEvent", "oadrRequestEvent")):
            assert code(client.say(service, kind)) == 452
        assert code(client.answer_event("e", 0)) == 452
        assert stored() == (0, 0, 0, 0)

    def test_ven_of_another_identity_is_unknown(self, vtn: Vtn, organization: Organization) -> None:
        client = Ven(vtn.port, let_in(organization, vtn_id="other", ven_id="v-1"))
        assert code(client.register()) == 463
        assert code(client.poll()) == 452

    def test_sender_is_not_taken_from_a_target(self, vtn: Vtn, organization: Organization) -> None:
        victim = Ven(vtn.port, let_in(organization, ven_id="victim"))
        victim.register()
        opt = {"opt_id": "o", "opt_type": "optOut", "opt_reason": "economic", "created_date_time": soon(0)}
        stretch = {"components": [{"dtstart": soon(0), "duration": "PT1H"}]}
        answer = Ven(vtn.port).say(
            "EiOpt", "oadrCreateOpt", **opt, vavailability=stretch, targets=[{"ven_id": "victim"}]
        )
        assert (code(answer), Opt2b.objects.count()) == (452, 0)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return certificates_make(tmp_path_factory.mktemp("keys"), ["vtn", "ven", "other"])


def client_tls(keys: dict[str, Path], name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(keys["ca"]))
    if name is not None:
        context.load_cert_chain(keys[f"{name}.pem"], keys[f"{name}.key"])
    return context


def fingerprint(keys: dict[str, Path], name: str) -> str:
    return fingerprint_of_pem(keys[f"{name}.pem"].read_text())


def signer(keys: dict[str, Path], name: str) -> Signer:
    return Signer.from_files(keys[f"{name}.pem"], keys[f"{name}.key"])


@pytest.fixture
def secure_vtn(organization: Organization, keys: dict[str, Path]) -> Iterator[Vtn]:
    context = tls_context(cert=str(keys["vtn.pem"]), key=str(keys["vtn.key"]), ca=str(keys["ca"]))
    running = Vtn(organization, tls=context, signer=signer(keys, "vtn"), signatures_required=True)
    yield running
    running.stop()


@pytest.fixture
def tls_vtn(organization: Organization, keys: dict[str, Path]) -> Iterator[Vtn]:
    context = tls_context(cert=str(keys["vtn.pem"]), key=str(keys["vtn.key"]), ca=str(keys["ca"]))
    running = Vtn(organization, tls=context)
    yield running
    running.stop()


class TestCertificates:
    def test_without_a_certificate_there_is_no_connection(self, tls_vtn: Vtn, keys: dict[str, Path]) -> None:
        client = Ven(tls_vtn.port, tls=client_tls(keys, None))
        with pytest.raises(OSError, match=r"(?i)certificate required|reset|closed|eof"):
            client.poll()

    @pytest.mark.parametrize("by", ["fingerprint", "common_name"])
    def test_certificate_says_who_is_there(
        self, tls_vtn: Vtn, keys: dict[str, Path], organization: Organization, by: str
    ) -> None:
        known = {"fingerprint": fingerprint(keys, "ven")} if by == "fingerprint" else {"common_name": "ven"}
        held = let_in(organization, **known)
        mine, other = (Ven(tls_vtn.port, held, tls=client_tls(keys, name)) for name in ("ven", "other"))
        assert code(other.register()) == 463
        assert code(mine.register()) == 200
        assert [code(mine.poll()) for _ in range(3)] == [200] * 3
        assert [code(other.poll()) for _ in range(3)] == [463] * 3
        assert code(other.say("EiEvent", "oadrRequestEvent")) == 463

    def test_ven_without_a_known_certificate_is_not_registered(
        self, tls_vtn: Vtn, keys: dict[str, Path], organization: Organization
    ) -> None:
        assert code(Ven(tls_vtn.port, let_in(organization), tls=client_tls(keys, "ven")).register()) == 463


class TestSignatures:
    @pytest.fixture
    def held(self, organization: Organization, keys: dict[str, Path]) -> Ven2b:
        return let_in(organization, fingerprint=fingerprint(keys, "ven"))

    @pytest.fixture
    def ven(self, secure_vtn: Vtn, held: Ven2b, keys: dict[str, Path]) -> Ven:
        made = Ven(secure_vtn.port, held, tls=client_tls(keys, "ven"), signer=signer(keys, "ven"))
        assert code(made.register()) == 200
        return made

    def test_signed_messages_are_answered_with_signed_ones(
        self, ven: Ven, organization: Organization
    ) -> None:
        Utility(organization).event()
        answer = ven.poll()
        assert (answer.kind, b"SignatureValue" in answer.body) == ("oadrDistributeEvent", True)
        assert Nonce2b.objects.count() == 2

    def test_unsigned_message_is_refused(self, ven: Ven) -> None:
        before = stored()
        ven.signer = None
        assert ven.post("OadrPoll", ven.write("oadrPoll"))[0] == 403
        assert stored() == before

    def test_message_signed_by_another_is_refused(self, ven: Ven, keys: dict[str, Path]) -> None:
        before = stored()
        ven.signer = signer(keys, "other")
        assert ven.post("OadrPoll", ven.write("oadrPoll"))[0] == 403
        assert stored() == before

    def test_message_that_was_changed_is_refused(self, ven: Ven, held: Ven2b) -> None:
        body = ven.write(
            "oadrCancelPartyRegistration", registration_id=ven.registration_id, request_id="first"
        )
        assert ven.post("EiRegisterParty", body.replace(b">first<", b">other<"))[0] == 403
        held.refresh_from_db()
        assert held.registration_id is not None

    def test_replayed_message_is_refused(self, ven: Ven) -> None:
        body = ven.write("oadrPoll")
        assert [ven.post("OadrPoll", body)[0] for _ in range(3)] == [200, 403, 403]
        assert Nonce2b.objects.count() == 2

    def test_replay_is_refused_after_a_restart(
        self, ven: Ven, organization: Organization, keys: dict[str, Path]
    ) -> None:
        body = ven.write("oadrPoll")
        assert ven.post("OadrPoll", body)[0] == 200
        context = tls_context(cert=str(keys["vtn.pem"]), key=str(keys["vtn.key"]), ca=str(keys["ca"]))
        again = Vtn(organization, tls=context, signatures_required=True)
        try:
            assert Ven(again.port, ven.ven, tls=ven.tls).post("OadrPoll", body)[0] == 403
        finally:
            again.stop()

    def test_old_message_is_refused(self, ven: Ven, secure_vtn: Vtn) -> None:
        secure_vtn.door.settings.replay_window_s = -1.0
        assert ven.post("OadrPoll", ven.write("oadrPoll"))[0] == 403


class TestProxies:
    def test_forwarded_request_is_refused_unless_the_proxy_is_known(
        self, vtn: Vtn, organization: Organization
    ) -> None:
        client = Ven(vtn.port, let_in(organization))
        for header in ("Forwarded", "X-Forwarded-For", "Via"):
            status, answer = client.post(
                "OadrPoll", client.write("oadrPoll"), **{header.replace("-", "_"): "1.2.3.4"}
            )
            assert (status, b"--behind-proxy" in answer) == (403, True)

    def test_proxy_passes_the_certificate(self, organization: Organization, keys: dict[str, Path]) -> None:
        gate = Gate(tls=False, proxy_header="X-Client-Cert", proxy_secret="s3cret")
        running = Vtn(organization, gate=gate)
        try:
            held = let_in(organization, fingerprint=fingerprint(keys, "ven"))
            client = Ven(running.port, held)
            body = client.write("oadrPoll")
            pem = quote(keys["ven.pem"].read_text())
            by_fingerprint = {"X_Client_Cert": fingerprint(keys, "ven"), "X_Proxy_Secret": "s3cret"}
            by_pem = {**by_fingerprint, "X_Client_Cert": pem, "X_Forwarded_For": "1.2.3.4"}
            other = {**by_fingerprint, "X_Client_Cert": quote(keys["other.pem"].read_text())}
            wrong = {**by_pem, "X_Proxy_Secret": "guess"}
            broken = {**by_pem, "X_Client_Cert": "-----BEGIN nonsense"}
            none = {"X_Proxy_Secret": "s3cret"}
            statuses = [
                client.post("OadrPoll", body, **said)[0]
                for said in (by_fingerprint, by_pem, other, wrong, broken, none)
            ]
            assert statuses == [200, 200, 200, 403, 403, 403]
            answers = [client.post("OadrPoll", body, **said)[1] for said in (by_pem, other)]
            assert [b"oadrRequestReregistration" in answer for answer in answers] == [True, False]
            assert b"463" in answers[1]
        finally:
            running.stop()


class TestStart:
    def refused(self, organization: Organization, *options: str) -> str:
        words = command("openadr2b_vtn", "--organization", organization.slug, "--port", "0", *options)
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, **world())
        assert done.returncode == 1, done
        return str(done.stderr)

    def test_what_leaves_open_who_is_there_does_not_start(
        self, organization: Organization, keys: dict[str, Path]
    ) -> None:
        cert = ["--cert", str(keys["vtn.pem"]), "--key", str(keys["vtn.key"])]
        assert "plain HTTP on 0.0.0.0" in self.refused(organization, "--host", "0.0.0.0")
        assert "--client-cert-header" in self.refused(organization, "--behind-proxy")
        assert "belong together" in self.refused(organization, *cert)

    def test_rsa_key_is_warned_of(self, keys: dict[str, Path], tmp_path: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        made = Signer(certificate_pem=keys["vtn.pem"].read_bytes(), key_pem=pem)
        assert (made.is_rsa, signer(keys, "vtn").is_rsa) == (True, False)
