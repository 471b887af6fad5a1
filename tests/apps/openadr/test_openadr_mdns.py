"""A public client finds the server by mDNS, in a network of its own that holds nothing but loopback."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ores_cloud.supervisor import with_database
from tests import factories

ROOT = Path(__file__).resolve().parents[3]
SETUP = (
    "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo"
    ' && exec "$0" -m tests.apps.openadr.mdns_play'
)


@pytest.mark.django_db(transaction=True)
def test_public_client_finds_the_server() -> None:
    allowed = subprocess.run(
        ["unshare", "-rn", "sh", "-c", SETUP.partition(" && exec")[0]], capture_output=True, check=False
    )
    if allowed.returncode != 0:
        pytest.skip(f"no network namespace of its own here: {allowed.stderr.decode()[:200]}")
    if "host=" not in os.environ["DATABASE_URL"]:
        pytest.skip("the database is reached by TCP, which a network namespace of its own cuts off")
    utility = factories.make_utility(organization=factories.make_organization())
    for name, more in (("Evening relief", {}), ("Hidden", {"targets": ["a"]})):
        assert utility.post("/programs", {"programName": name, **more}).status_code == 201
    url = with_database(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", SETUP, sys.executable], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60, env={**os.environ, "DATABASE_URL": url, "SITE_URL": "http://127.0.0.1:8000"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found == {
        "port": 8000, "version": "3.1.0", "base_path": "/openadr3/3.1.0", "requires_auth": "true",
        "local_url": "http://127.0.0.1:8000/openadr3/3.1.0", "program_names": "Evening relief",
        "openapi_url": "http://127.0.0.1:8000/api/v1/schema",
    }  # fmt: skip
