"""A foreign resource manager pairs with a hub over TLS, and its session is let in by that."""

import asyncio
import base64
import json
import secrets
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from s2python.common import RoleType
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from edge_agent.cem.home import Home
from edge_agent.cem.server import S2Server
from edge_agent.config import ConfigError
from edge_agent.drivers.home import open_home
from edge_agent.drivers.s2.pairing import PairingServer, fingerprint_of
from tests.edge_agent.cem.peer import Peer, ServerMedium
from tests.edge_agent.cem.test_foreign_managers import MEASURED, STORE
from tests.edge_agent.rm.scripted import until
from vpp.protocols.s2.pairing import challenge_response, split_code


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate for this machine that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub.local")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = str(tmp_path / "hub.pem"), str(tmp_path / "hub.key")
    Path(paths[0]).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encryption = serialization.NoEncryption()
    Path(paths[1]).write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return paths


@asynccontextmanager
async def running(
    certificate: tuple[str, str], kept: Path
) -> AsyncIterator[tuple[Home, S2Server, PairingServer]]:
    secure = {"certificate": certificate[0], "key": certificate[1]}
    pairing = {**secure, "node_id": "hub-1", "kept": str(kept), "url": "wss://hub.local/"}
    home = open_home({"kind": "devices", "devices": [{"kind": "s2", **secure, "pairing": pairing}]})
    server, pairing_server = home._shells
    assert isinstance(server, S2Server)
    assert isinstance(pairing_server, PairingServer)
    task = asyncio.create_task(home.run())
    try:
        await asyncio.wait_for(server.listening.wait(), 20)
        await asyncio.wait_for(pairing_server.listening.wait(), 20)
        yield home, server, pairing_server
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Device:
    """The resource manager's side of pairing, by hand over TLS."""

    def __init__(self, port: int, authority: str) -> None:
        self._port = port
        self.tls = ssl.create_default_context(cafile=authority)
        self.fingerprint = b""

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self.tls)
        peer = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(peer)
        self.fingerprint = digest.finalize()
        lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(content) if content else None

    async def post(self, path: str, document: Any, **headers: str) -> tuple[int, Any]:
        return await self.ask("POST", f"/v1/{path}", json.dumps(document).encode(), **headers)

    async def pair(self, code: str) -> str:
        """Pair, with what the user typed, and give the access token."""
        assert await self.ask("GET", "/") == (200, ["v1"])
        token, challenge = split_code(code)[1], secrets.token_bytes(32)
        asked = {
            "s2ClientNodeDescription": {"id": "battery", "role": "RM"},
            "supportedCommunicationProtocols": ["WebSocket"],
            "supportedS2MessageVersions": ["0.0.2-beta"],
            "supportedHmacHashingAlgorithms": ["SHA256"],
            "clientHmacChallenge": base64.b64encode(challenge).decode(),
        }
        status, begun = await self.post("requestPairing", asked)
        assert status == 200
        theirs = base64.b64decode(begun["clientHmacChallengeResponse"])
        assert theirs == challenge_response(challenge, token, fingerprint=self.fingerprint)
        ours = challenge_response(
            base64.b64decode(begun["serverHmacChallenge"]), token, fingerprint=self.fingerprint
        )
        attempt = {"pairingAttemptId": begun["pairingAttemptId"]}
        answer = {"serverHmacChallengeResponse": base64.b64encode(ours).decode()}
        status, details = await self.post("requestConnectionDetails", answer, **attempt)
        assert status == 200
        assert (await self.post("finalizePairing", {"success": True}, **attempt))[0] == 204
        return str(details["accessToken"])

    async def connection_token(self, access_token: str) -> tuple[str, str]:
        """A token for one WebSocket, and the next access token."""
        asked = {
            "s2ClientNodeId": "battery",
            "s2ServerNodeId": "hub-1",
            "supportedCommunicationProtocols": ["WebSocket"],
            "supportedS2MessageVersions": ["0.0.2-beta"],
        }
        status, begun = await self.post("initiateConnection", asked, Authorization=f"Bearer {access_token}")
        assert status == 200
        fresh = begun["accessToken"]
        status, given = await self.post("confirmAccessToken", {}, Authorization=f"Bearer {fresh}")
        assert status == 200
        return given["websocketToken"], fresh


async def test_a_resource_manager_pairs_and_talks_over_tls(
    certificate: tuple[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "paired.json"
    async with running(certificate, kept) as (home, server, pairing):
        device = Device(pairing.port, certificate[0])
        access = await device.pair(pairing.host.offer(datetime.now(UTC)))
        token, access = await device.connection_token(access)
        peer = Peer("FRBC", [*STORE, MEASURED], role=RoleType.ENERGY_STORAGE)
        url, headers = f"wss://127.0.0.1:{server.port}/", {"Authorization": f"Bearer {token}"}
        async with connect(url, additional_headers=headers, ssl=device.tls, proxy=None) as socket:
            task = asyncio.create_task(peer.over(ServerMedium(socket)))
            await until(lambda: home.read(1_000).battery_soc == 0.5)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        with pytest.raises(InvalidStatus) as caught:
            async with connect(url, additional_headers=headers, ssl=device.tls, proxy=None):
                pass
        assert caught.value.response.status_code == 401
    assert device.fingerprint == fingerprint_of(certificate[0])
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert access not in kept.read_text()
    async with running(certificate, kept) as (_, _server, pairing):
        token, _ = await Device(pairing.port, certificate[0]).connection_token(access)
        assert pairing.admit(token)
        assert not pairing.admit(token)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/requestPairing", b"", 405),
        ("DELETE", "/", b"", 405),
        ("POST", "/v1/requestPairing", b"{", 400),
        ("POST", "/v1/requestPairing", b"[]", 400),
        ("POST", "/v1/requestPairing", b"x" * 20_000, 413),
        ("POST", "/v2/requestPairing", b"{}", 404),
        ("POST", "/v1/initiateConnection", b"{}", 401),
    ],
)
async def test_what_is_no_request_is_refused(
    method: str, path: str, body: bytes, status: int, certificate: tuple[str, str], tmp_path: Path
) -> None:
    async with running(certificate, tmp_path / "paired.json") as (_, _server, pairing):
        assert (await Device(pairing.port, certificate[0]).ask(method, path, body))[0] == status


def test_a_pairing_without_its_files_is_refused(tmp_path: Path) -> None:
    pairing = {"node_id": "x", "certificate": "none.pem", "key": "none.key", "kept": "x", "url": "wss://x/"}
    with pytest.raises(ConfigError) as caught:
        open_home({"kind": "devices", "devices": [{"kind": "s2", "pairing": pairing}]})
    assert "s2 pairing: certificate none.pem" in str(caught.value)
