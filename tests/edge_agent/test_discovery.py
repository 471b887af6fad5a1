"""Looking for devices: what the owner allowed, what fails alone, and DNS-SD in a network of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import ConfigError
from edge_agent.drivers.discovery import find_all, finders
from tests.edge_agent.mosquitto import free_port
from tests.edge_agent.sunspec_plant import MeterPlant

ROOT = Path(__file__).resolve().parents[2]
SETUP = (
    "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo"
    ' && exec "$0" -m tests.edge_agent.dns_sd_play'
)


def test_s2_nodes_are_found_by_dns_sd() -> None:
    allowed = subprocess.run(
        ["unshare", "-rn", "sh", "-c", SETUP.partition(" && exec")[0]], capture_output=True, check=False
    )
    if allowed.returncode != 0:
        pytest.skip(f"no network namespace of its own here: {allowed.stderr.decode()[:200]}")
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", SETUP, sys.executable],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pairing = "https://heatpump.local:8443/pairing"
    assert json.loads(done.stdout) == {
        "found": [
            {"kind": "s2", "key": "heatpump-1", "name": "Heat pump", "pairing_url": pairing},
            {"kind": "s2", "key": "wallbox", "name": "wallbox", "pairing_url": "https://127.0.0.1:9000/"},
        ],
        "makers": ["", "Acme"],
        "flaws": {},
    }


async def test_one_way_of_looking_fails_alone() -> None:
    async with MeterPlant().serving() as port:
        document = {
            "sunspec": {"addresses": ["127.0.0.1"], "port": port},
            "mqtt": {"broker": {"host": "127.0.0.1", "port": free_port()}, "listen_s": 0.1},
        }
        found, flaws = await find_all(finders(document))
    assert [entry.config["key"] for entry in found] == ["acme-a-17-meter"]
    assert list(flaws) == ["mqtt"]
    assert flaws["mqtt"].startswith("broker 127.0.0.1")


def test_nothing_is_looked_for_that_was_not_asked_for() -> None:
    assert finders({}) == {}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"zigbee": {}}, "discovery: .*zigbee"),
        ({"sunspec": {"port": 0}}, r"discovery\.sunspec: .*\$\.port"),
        ({"sunspec": {"networks": ["1.1.1.0/30"]}}, "not a private one"),
        ({"mqtt": {}}, r"discovery\.mqtt: .*broker"),
        ({"dns_sd": {"listen_s": 1e9}}, r"discovery\.dns_sd: .*listen_s"),
    ],
)
def test_wrong_table(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        finders(document)
