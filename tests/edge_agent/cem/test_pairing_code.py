"""The owner's way to a pairing code: the command line beside a running hub."""

import base64
import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import ConfigError, hub_config
from edge_agent.drivers.s2.offers import kept_by, leave_offer, take_offer
from ores_cloud.local import ROOT
from tests.edge_agent.cem.test_pairing_server import Device, certificate, running
from vpp.protocols.s2.pairing import PairingHost, Pairings, challenge_response, split_code

__all__ = ["certificate"]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ASKED: dict[str, Any] = {
    "s2ClientNodeDescription": {"id": "battery", "role": "RM"},
    "clientHmacChallenge": "A" * 44,
    "supportedHmacHashingAlgorithms": ["SHA256"],
    "supportedCommunicationProtocols": ["WebSocket"],
    "supportedS2MessageVersions": ["1"],
}


def configured(tmp_path: Path, *nodes: str) -> Path:
    tables = [
        {"kind": "s2", "pairing": {"node_id": one, "kept": str(tmp_path / f"{one}.json")}} for one in nodes
    ]
    path = tmp_path / "hub.json"
    driver = {"kind": "devices", "devices": tables}
    path.write_text(json.dumps({"key": "home", "data_dir": str(tmp_path), "driver": driver}))
    return path


def pair(path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edge_agent", "pair", "--config", str(path), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def host() -> PairingHost:
    return PairingHost(
        "hub-1", random_bytes=lambda count: b"x" * count, fingerprint=b"f", url="u", versions=("1",)
    )


def is_shown(pairing: PairingHost, code: str, *, now: datetime) -> bool:
    reply = pairing.handle("/v1/requestPairing", ASKED, headers={}, now=now)
    if reply.status != 200:
        return False
    expected = challenge_response(b"\0" * 33, split_code(code)[1], fingerprint=b"f")
    return base64.b64decode(reply.document["clientHmacChallengeResponse"]) == expected


async def test_a_device_pairs_with_the_code_that_the_command_shows(
    certificate: tuple[str, str], tmp_path: Path
) -> None:
    async with running(certificate, tmp_path / "hub-1.json") as (_, _server, pairing):
        shown = pair(configured(tmp_path, "hub-1"))
        assert (shown.returncode, len(shown.stdout.strip())) == (0, 12)
        offer = tmp_path / "hub-1.offer"
        assert stat.S_IMODE(offer.stat().st_mode) == 0o600
        device = Device(pairing.port, certificate[0])
        access = await device.pair(shown.stdout.strip())
        assert not offer.exists()
        token, _ = await device.connection_token(access)
        assert pairing.admit(token)


def test_of_several_tables_one_is_named(tmp_path: Path) -> None:
    path = configured(tmp_path, "one", "two")
    refused = pair(path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "name one by --node" in refused.stderr
    assert pair(path, "--node", "two").returncode == 0
    assert [one.name for one in tmp_path.glob("*.offer")] == ["two.offer"]


def test_a_hub_that_pairs_with_nobody_says_so(tmp_path: Path) -> None:
    config = hub_config(json.loads(configured(tmp_path).read_text()))
    with pytest.raises(ConfigError, match="no such device"):
        kept_by(config)


def test_a_code_is_old_five_minutes_after_it_was_shown(tmp_path: Path) -> None:
    kept, pairing = str(tmp_path / "paired.json"), host()
    code = leave_offer(kept, NOW)
    take_offer(kept, pairing, now=NOW + timedelta(minutes=4))
    assert is_shown(pairing, code, now=NOW + timedelta(minutes=5))
    assert not is_shown(pairing, code, now=NOW + timedelta(minutes=5, seconds=1))
    code = leave_offer(kept, NOW + timedelta(days=1))
    take_offer(kept, pairing, now=NOW)
    assert not is_shown(pairing, code, now=NOW + timedelta(minutes=6))


@pytest.mark.parametrize(
    "left", [b"", b"{}", b"[", b'{"code": "x", "made_at": "2026-06-01T12:00:00Z"}',
             b'{"code": "AAAAAAAAAAAA", "made_at": "2026-06-01T12:00:00"}'],
)  # fmt: skip
def test_what_is_no_code_is_thrown_away(left: bytes, tmp_path: Path) -> None:
    pairing = host()
    before = pairing.offer(NOW)
    (tmp_path / "paired.offer").write_bytes(left)
    take_offer(str(tmp_path / "paired.json"), pairing, now=NOW)
    assert list(tmp_path.iterdir()) == []
    assert is_shown(pairing, before, now=NOW)
    assert pairing.pairings == Pairings()
