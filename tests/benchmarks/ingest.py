"""Values per second through the authenticated hub link into committed rows, beside the bare COPY of the same rows."""

import base64
import json
import subprocess
import sys
import time
import uuid
from typing import Any

import numpy as np

from ores_cloud.local import ROOT
from tests.benchmarks.platform import services, web

COLUMN_COUNT = 12
BATCH: dict[str, Any] = {
    "hubs": 48,
    "rows": 60,
    "messages": 460,
    "window": 3,
    "seconds": 8.0,
    "step_ms": 60_000,
}
LIVE: dict[str, Any] = {
    "hubs": 200,
    "rows": 1,
    "messages": 900,
    "window": 2,
    "seconds": 8.0,
    "step_ms": 1_000,
}


def measure(options: list[str]) -> dict[str, Any]:
    """Run both kinds of traffic and the reference, each once on the same server."""
    with services() as (state, _):
        import django

        django.setup()
        hubs = _enroll(BATCH["hubs"] + LIVE["hubs"])
        now_ms = int(time.time() * 1000)
        with web(state) as port:
            batch = _load(port, hubs[: BATCH["hubs"]], BATCH, start_ms=now_ms - 30 * 86_400_000)
            live = _load(port, hubs[BATCH["hubs"] :], LIVE, start_ms=now_ms - 1_000_000)
        expected = batch["messages"] * BATCH["rows"] + live["messages"]
        copy = _bare_copy(rows=400_000, start_ms=now_ms - 60 * 86_400_000)
        stored = _stored_rows()
    if stored != expected:
        raise RuntimeError(f"{expected} rows were acknowledged, {stored} are held")
    batch_rate = batch["messages"] * BATCH["rows"] * COLUMN_COUNT / batch["seconds"]
    return {
        "batch_values_per_s": round(batch_rate),
        "batch_ack_p50_s": round(batch["p50_s"], 4),
        "batch_ack_p99_s": round(batch["p99_s"], 4),
        "live_messages_per_s": round(live["messages"] / live["seconds"]),
        "live_ack_p50_s": round(live["p50_s"], 4),
        "live_ack_p99_s": round(live["p99_s"], 4),
        "copy_values_per_s": round(copy),
        "ratio": round(batch_rate / copy, 3),
        "rows_checked": stored,
        "hubs": len(hubs),
    }


def _enroll(count: int) -> list[dict[str, str]]:
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from apps.accounts.services import organization_create
    from apps.hubs.services import Registration, hub_authenticate, hub_claim, hub_register
    from apps.hubs.tokens import challenge_issue
    from apps.sites.services import site_create
    from vpp.protocols.link.auth import authenticate_payload, claim_digest, make_claim_code, register_payload

    organization = organization_create(name="Bench", slug="bench")
    now = datetime.now(UTC)
    made = []
    for index in range(count):
        site = site_create(organization=organization, name=f"Site {index}", now=now)
        key = Ed25519PrivateKey.generate()
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        code = make_claim_code(uuid.uuid4().bytes)
        signature = base64.b64encode(key.sign(register_payload(public, claim_digest(code)))).decode()
        hub, _ = hub_register(
            registration=Registration(public, claim_digest(code), signature, "", "", ""), now=now
        )
        hub_claim(site=site, code=code, actor="bench", machine_now=now, now=now)
        challenge = challenge_issue(hub_id=str(hub.pk))
        answer = base64.b64encode(key.sign(authenticate_payload(str(hub.pk), challenge))).decode()
        token = hub_authenticate(hub_id=str(hub.pk), challenge=challenge, signature=answer)
        made.append({"hub_id": str(hub.pk), "token": token["token"]})
    return made


def _load(port: int, hubs: list[dict[str, str]], kind: dict[str, Any], *, start_ms: int) -> dict[str, Any]:
    orders = {**kind, "hubs": hubs, "port": port, "start_ms": start_ms}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.link_load"],
        input=json.dumps(orders), capture_output=True, text=True, cwd=ROOT, timeout=180, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _bare_copy(*, rows: int, start_ms: int) -> float:
    """Return values per second of COPY alone into a table like telemetry's, key and all."""
    from django.db import connection

    from apps.telemetry.copyformat import encode

    group = 20_000
    sites = np.tile(np.arange(1, 49, dtype=np.int32), group // 48 + 1)[:group]
    values = np.random.default_rng(1).random((COLUMN_COUNT, group))
    streams = []
    for number in range(rows // group):
        minutes = np.repeat(np.arange(group // 48 + 1), 48)[:group] + number * (group // 48 + 1)
        streams.append(encode(sites, start_ms + minutes.astype(np.int64) * 60_000, values=values))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (LIKE telemetry_snapshot INCLUDING ALL)")
        connection.commit()
        started = time.perf_counter()
        for stream in streams:
            with cursor.copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(stream)
        seconds = time.perf_counter() - started
        cursor.execute("DROP TABLE bare")
    return rows * COLUMN_COUNT / seconds


def _stored_rows() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry_snapshot")
        return int(cursor.fetchone()[0])
