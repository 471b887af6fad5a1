"""Pairing without I/O: codes, challenges, and what every step refuses."""

import base64
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vpp.protocols.s2.samples import NOW
from vpp.protocols.s2.pairing import PairingError, PairingHost, challenge_response, new_token, split_code

FINGERPRINT = bytes(range(32))
CHALLENGE = b"c" * 32


def random_bytes() -> Callable[[int], bytes]:
    numbers = count(1)
    return lambda size: next(numbers).to_bytes(4, "big") * (size // 4 + 1)


def host() -> PairingHost:
    return PairingHost(
        "hub-1",
        random_bytes=random_bytes(),
        fingerprint=FINGERPRINT,
        url="wss://hub.local/",
        versions=("0.0.2-beta",),
    )


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def request(**changes: Any) -> dict[str, Any]:
    return {
        "s2ClientNodeDescription": {"id": "pump", "role": "RM"},
        "supportedCommunicationProtocols": ["WebSocket"],
        "supportedS2MessageVersions": ["0.0.2-beta"],
        "supportedHmacHashingAlgorithms": ["SHA256"],
        "clientHmacChallenge": text(CHALLENGE),
        **changes,
    }


class Client:
    """A resource manager that pairs."""

    def __init__(self, server: PairingHost, code: str) -> None:
        self.server = server
        self.token = split_code(code)[1]
        self.now = NOW

    def post(self, path: str, document: Any, **headers: str) -> Any:
        return self.server.handle(f"/v1/{path}", document, headers=headers, now=self.now)

    def begin(self) -> dict[str, Any]:
        reply = self.post("requestPairing", request())
        assert reply.status == 200
        expected = text(challenge_response(CHALLENGE, self.token, fingerprint=FINGERPRINT))
        assert reply.document["clientHmacChallengeResponse"] == expected
        document: dict[str, Any] = reply.document
        return document

    def answer(self, begun: dict[str, Any], token: bytes | None = None) -> Any:
        challenge = base64.b64decode(begun["serverHmacChallenge"])
        response = challenge_response(challenge, token or self.token, fingerprint=FINGERPRINT)
        document = {"serverHmacChallengeResponse": text(response)}
        return self.post("requestConnectionDetails", document, pairingattemptid=begun["pairingAttemptId"])

    def pair(self) -> str:
        begun = self.begin()
        details = self.answer(begun)
        assert (details.status, details.document["initiateConnectionUrl"]) == (200, "wss://hub.local/")
        done = self.post("finalizePairing", {"success": True}, pairingattemptid=begun["pairingAttemptId"])
        assert done.status == 204
        return str(details.document["accessToken"])

    def initiate(self, access_token: str) -> Any:
        document = {**request(), "s2ClientNodeId": "pump", "s2ServerNodeId": "hub-1"}
        return self.post("initiateConnection", document, authorization=f"Bearer {access_token}")


def paired() -> tuple[Client, str]:
    server = host()
    client = Client(server, server.offer(NOW))
    return client, client.pair()


def test_the_challenge_is_hmac_sha256_keyed_by_the_challenge() -> None:
    # RFC 4231, test case 1: the key is the challenge, the data is the token and what follows it.
    expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert challenge_response(b"\x0b" * 20, b"Hi ", fingerprint=b"There").hex() == expected


@pytest.mark.parametrize("node", [None, "7", "pump3"])
def test_a_code_carries_the_token_and_perhaps_a_node(node: str | None) -> None:
    token = new_token(b"123456789")
    assert len(token) == 12
    assert split_code(f" {node}-{token}\n" if node else token) == (node, b"123456789")


@pytest.mark.parametrize("code", ["", "AAAA", "no base64!!!", "a b-MTIzNDU2Nzg5", "-MTIzNDU2Nzg5"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(PairingError):
        split_code(code)


def test_a_paired_node_connects_with_a_token_that_works_once() -> None:
    client, access = paired()
    begun = client.initiate(access)
    assert (begun.status, begun.document["selectedS2MessageVersion"]) == (200, "0.0.2-beta")
    fresh = begun.document["accessToken"]
    confirmed = client.post("confirmAccessToken", {}, authorization=f"Bearer {fresh}")
    session = confirmed.document["websocketToken"]
    assert client.server.admit(session, NOW) == "pump"
    assert client.server.admit(session, NOW) is None
    assert client.initiate(access).status == 401
    assert client.initiate(fresh).status == 200
    assert access not in str(client.server.pairings)


def test_a_wrong_token_is_found_out_by_both_ends_and_does_not_pair() -> None:
    server = host()
    client = Client(server, server.offer(NOW))
    begun = client.begin()
    assert client.answer(begun, token=b"wrong-one").status == 403
    assert client.answer(begun).status == 401
    assert server.pairings.tokens == {}


def test_the_fate_of_a_code_is_known() -> None:
    server = host()
    first = server.offer(NOW)
    late = NOW + timedelta(minutes=5, seconds=1)
    assert (server.fate(first, NOW), server.fate(first, late)) == (("open", ""), ("over", ""))
    server.shown(new_token(b"another-1"), made_at=NOW, now=NOW)
    assert server.fate(first, NOW) == ("over", "")
    second = new_token(b"another-1")
    client = Client(server, second)
    for _ in range(5):
        assert client.answer(client.begin(), token=b"wrong-one").status == 403
    assert server.fate(second, NOW) == ("guessed", "")
    server.shown(second, made_at=NOW, now=NOW)
    client.pair()
    assert (server.fate(second, NOW), server.fate(second, late)) == (("paired", "pump"), ("paired", "pump"))


def test_a_code_cannot_be_guessed_for_long() -> None:
    server = host()
    client = Client(server, server.offer(NOW))
    for _ in range(5):
        assert client.answer(client.begin(), token=b"wrong-one").status == 403
    assert (
        client.post("requestPairing", request()).document["errorMessage"]
        == "No valid pairingToken on PairingServer"
    )
    Client(server, server.offer(NOW)).pair()


def test_a_code_pairs_once_and_not_for_ever() -> None:
    client, _ = paired()
    assert client.post("requestPairing", request()).status == 400
    server = host()
    late = Client(server, server.offer(NOW))
    late.now = NOW + timedelta(minutes=5, seconds=1)
    assert late.post("requestPairing", request()).status == 400


def test_an_attempt_lasts_fifteen_seconds() -> None:
    server = host()
    client = Client(server, server.offer(NOW))
    begun = client.begin()
    client.now = NOW + timedelta(seconds=16)
    assert client.answer(begun).status == 401


def test_an_attempt_that_is_not_finished_does_not_pair() -> None:
    server = host()
    client = Client(server, server.offer(NOW))
    begun = client.begin()
    assert client.answer(begun).status == 200
    done = client.post("finalizePairing", {"success": False}, pairingattemptid=begun["pairingAttemptId"])
    assert (done.status, server.pairings.tokens) == (204, {})


def test_who_is_unpaired_does_not_come_back() -> None:
    client, access = paired()
    gone = client.post("unpair", {"s2ClientNodeId": "pump"}, authorization=f"Bearer {access}")
    assert (gone.status, client.initiate(access).status) == (204, 401)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"s2ClientNodeDescription": {"id": "x", "role": "CEM"}}, "Invalid combination of roles"),
        ({"s2ClientNodeDescription": 7}, "Parsing error"),
        ({"clientHmacChallenge": "c2hvcnQ="}, "Parsing error"),
        ({"clientHmacChallenge": "!"}, "Parsing error"),
        ({"supportedHmacHashingAlgorithms": ["MD5"]}, "Incompatible HMAC hashing algorithms"),
        ({"supportedCommunicationProtocols": []}, "Incompatible communication protocols"),
        ({"supportedS2MessageVersions": ["9"]}, "Incompatible S2 message versions"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(changes: dict[str, Any], why: str) -> None:
    server = host()
    client = Client(server, server.offer(NOW))
    reply = client.post("requestPairing", request(**changes))
    assert (reply.status, reply.document["errorMessage"]) == (400, why)


def test_the_index_tells_the_versions() -> None:
    reply = host().handle("/", {}, headers={}, now=NOW)
    assert (reply.status, reply.document) == (200, ["v1"])


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.lists(st.text(max_size=9), max_size=3)
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    path=st.sampled_from(
        [
            "requestPairing",
            "requestConnectionDetails",
            "finalizePairing",
            "initiateConnection",
            "confirmAccessToken",
            "unpair",
            "else",
        ]
    ),
    field=st.sampled_from(
        [*request(), "s2ClientNodeId", "s2ServerNodeId", "success", "serverHmacChallengeResponse"]
    ),
    value=VALUES,
    headers=st.dictionaries(st.sampled_from(["authorization", "pairingattemptid"]), st.text(max_size=20)),
)
def test_anything_is_answered(path: str, field: str, value: Any, headers: dict[str, str]) -> None:
    server = host()
    server.offer(NOW)
    reply = server.handle(f"/v1/{path}", {**request(), field: value}, headers=headers, now=NOW)
    assert reply.status in {200, 204, 400, 401, 403, 404}
