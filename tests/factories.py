"""What tests are made of: keyword-only builders on the real services, and measurements by the real writer or by SQL."""

import base64
import dataclasses
import itertools
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from apps.accounts.models import ApiClient, Organization, User
from apps.accounts.services import (
    Credential,
    api_client_create,
    membership_create,
    organization_create,
    user_create,
)
from apps.hubs import services as hub_services
from apps.hubs.models import Hub
from apps.hubs.services import Registration
from apps.hubs.tokens import challenge_issue
from apps.programs.models import GridSignal, Program
from apps.programs.services import enrollment_create, program_create, signal_receive
from apps.sites.models import Resource, Site
from apps.sites.services import resources_sync, site_create, site_member_add
from tests.measurements import (
    NOW,
    QUARTER,
    add_history,
    add_minutes,
    add_snapshots,
    rows_of,
    set_latest,
    write_snapshots,
)
from vpp.protocols.link import auth
from vpp.translate.grid_signal import GridSignalDraft

__all__ = [
    "NOW",
    "QUARTER",
    "add_history",
    "add_minutes",
    "add_snapshots",
    "rows_of",
    "set_latest",
    "write_snapshots",
]
PASSWORD = "long-enough-password"
_numbers = itertools.count(1)


def number() -> int:
    """Return a number that no other object of this run has."""
    return next(_numbers)


def ms(at: datetime) -> int:
    """Return the link's form of an instant."""
    return round(at.timestamp() * 1000)


def clock_at(at: datetime) -> str:
    """Return the ORES_CLOCK under which it is `at` now."""
    return f"{at.isoformat()}@{time.time()}x1"


# --- who ---


def make_organization(*, name: str = "") -> Organization:
    """Make a tenant."""
    one = number()
    return organization_create(name=name or f"Tenant {one}", slug=f"tenant-{one}")


def make_user(*, email: str = "") -> User:
    """Make a person who belongs to nothing yet."""
    return user_create(email=email or f"person{number()}@example.org", password=PASSWORD)


def make_operator(*, organization: Organization, role: str = "operator") -> User:
    """Make a person who works for a tenant."""
    user = make_user()
    membership_create(organization=organization, user=user, role=role)
    return user


def make_owner(*, site: Site) -> User:
    """Make a person who decides for a household."""
    user = make_user()
    site_member_add(site=site, user=user)
    return user


def make_credential(*, organization: Organization, role: str = "utility", name: str = "") -> Credential:
    """Make a partner's credential."""
    return api_client_create(organization=organization, name=name or f"partner {number()}", role=role)


def token_of(credential: Credential) -> str:
    """Return an access token, fetched as a partner does."""
    answer = Client().post(
        "/openadr3/3.1.0/auth/token",
        {
            "grant_type": "client_credentials",
            "client_id": credential.client_id,
            "client_secret": credential.client_secret,
        },
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access_token"])


class Api:
    """A partner's HTTP client: JSON in, JSON out, with its token."""

    def __init__(self, token: str, *, base: str = "") -> None:
        self.base = base
        self.headers = {"Authorization": f"Bearer {token}"}
        self.client_id = ""
        self._client = Client(raise_request_exception=False)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Any:
        text = body if isinstance(body, str) else json.dumps(body)
        return self._client.generic(
            method,
            self.base + path,
            text if body is not None else "",
            content_type="application/json",
            headers={**self.headers, **(headers or {})},
            query_params=query or None,
        )

    def get(self, path: str, **query: Any) -> Any:
        return self.send("GET", path, **query)

    def post(self, path: str, body: Any = None) -> Any:
        return self.send("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        return self.send("PUT", path, body)

    def patch(self, path: str, body: Any = None) -> Any:
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)


def make_utility(*, organization: Organization) -> Api:
    """Return a utility's client of the OpenADR paths."""
    token = token_of(make_credential(organization=organization, role=ApiClient.Role.UTILITY))
    return Api(token, base="/openadr3/3.1.0")


def make_ven(*, organization: Organization, targets: Sequence[str] = ()) -> Api:
    """Return a VEN's client of the OpenADR paths; with targets, business logic has given it a ven of these."""
    credential = make_credential(organization=organization, role=ApiClient.Role.VEN)
    api = Api(token_of(credential), base="/openadr3/3.1.0")
    api.client_id = credential.client_id
    if targets:
        body = {"objectType": "BL_VEN_REQUEST", "clientID": api.client_id, "venName": f"ven {number()}"}
        answer = make_utility(organization=organization).post("/vens", {**body, "targets": list(targets)})
        assert answer.status_code == 201, answer.content
    return api


def make_aggregator(*, organization: Organization, name: str = "") -> Api:
    """Return an aggregator's client of the REST API."""
    credential = make_credential(organization=organization, role=ApiClient.Role.AGGREGATOR, name=name)
    return Api(token_of(credential), base="/api/v1")


# --- homes ---

BATTERY: Mapping[str, float] = {
    "capacity_kwh": 10.0,
    "charge_kw": 4.0,
    "discharge_kw": 4.0,
    "charge_efficiency": 0.95,
    "discharge_efficiency": 0.95,
}


def make_site(
    *,
    organization: Organization,
    now: datetime = NOW,
    battery: Mapping[str, Any] | None = BATTERY,
    name: str = "",
    **limits: Any,
) -> Site:
    """Make a home, by default with a battery."""
    site = site_create(organization=organization, name=name or f"Rose Street {number()}", now=now, **limits)
    if battery is not None:
        described = {"key": "battery", "kind": "battery", "name": "", "parameters": dict(battery)}
        resources_sync(site_id=site.pk, resources=[described])
    return site


@dataclasses.dataclass
class HubDevice:
    """A hub as seen from its own side: its key and claim code."""

    key: Ed25519PrivateKey
    code: str
    hub_id: str = ""

    @property
    def public_key(self) -> str:
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    @property
    def claim_digest(self) -> str:
        return auth.claim_digest(self.code)

    def sign(self, payload: bytes) -> str:
        return base64.b64encode(self.key.sign(payload)).decode()

    def registration(self, **changes: str) -> dict[str, str]:
        """What it posts to /device/register."""
        payload = auth.register_payload(self.public_key, self.claim_digest)
        return {
            "public_key": self.public_key,
            "claim_digest": self.claim_digest,
            "signature": self.sign(payload),
            "model": "ORES edge",
            "serial": "E-1",
            "agent_version": "0.1.0",
            **changes,
        }

    def answer(self, challenge: str) -> dict[str, str]:
        """What it posts to /device/security/authenticate with a challenge."""
        signature = self.sign(auth.authenticate_payload(self.hub_id, challenge))
        return {"hub_id": self.hub_id, "challenge": challenge, "signature": signature}

    def token(self) -> str:
        """Return a fresh link token."""
        sent = self.answer(challenge_issue(hub_id=self.hub_id))
        return str(hub_services.hub_authenticate(**sent)["token"])


def make_device() -> HubDevice:
    """Make a hub's key and claim code; the cloud does not know it yet."""
    return HubDevice(key=Ed25519PrivateKey.generate(), code=auth.make_claim_code(uuid.uuid4().bytes))


def make_hub(*, site: Site | None, machine_now: datetime | None = None, now: datetime = NOW) -> HubDevice:
    """Register a hub, and claim it for `site` if there is one."""
    device = make_device()
    machine_now = machine_now or datetime.now(UTC)
    hub, _ = hub_services.hub_register(registration=Registration(**device.registration()), now=machine_now)
    device.hub_id = str(hub.pk)
    if site is not None:
        hub_services.hub_claim(
            site=site, code=device.code, actor=f"factory {number()}", machine_now=machine_now, now=now
        )
    return device


def hub_of(device: HubDevice) -> Hub:
    """Return the cloud's side of a hub."""
    return Hub.objects.get(pk=device.hub_id)


# --- programs ---


def make_program(*, organization: Organization, now: datetime = NOW, name: str = "") -> Program:
    """Make a program that pays 0.50 per kWh."""
    return program_create(organization=organization, name=name or f"Evening relief {number()}", now=now)


def enroll(*, program: Program, sites: Sequence[Site], now: datetime = NOW) -> None:
    """Let homes take part since a month ago."""
    for site in sites:
        enrollment_create(program=program, site=site, now=now - timedelta(days=30))


def make_draft(
    *, starts_at: datetime = NOW + timedelta(hours=2), target_kw: Sequence[float] = (2.0,) * 4
) -> GridSignalDraft:
    """Make a wish over quarter-hours."""
    return GridSignalDraft("shed", starts_at, starts_at + QUARTER * len(target_kw), 900, tuple(target_kw))


def make_signal(
    *,
    program: Program,
    starts_at: datetime = NOW + timedelta(hours=2),
    target_kw: Sequence[float] = (2.0,) * 4,
    now: datetime = NOW,
) -> GridSignal:
    """Make a grid signal that the platform has accepted."""
    draft = make_draft(starts_at=starts_at, target_kw=target_kw)
    return signal_receive(program=program, draft=draft, source=f"test:{number()}", name="Peak", now=now)


@dataclasses.dataclass(frozen=True)
class Fleet:
    """A tenant with a program, and homes that take part in it, each with a hub."""

    organization: Organization
    program: Program
    sites: list[Site]
    hubs: list[HubDevice]


def make_fleet(*, homes: int = 3, now: datetime = NOW, history: bool = True, soc: float = 0.8) -> Fleet:
    """Make homes that draw 1 kW at any time and hold a 10 kWh battery that can give 4 kW."""
    organization = make_organization()
    program = make_program(organization=organization, now=now)
    sites = [make_site(organization=organization, now=now - timedelta(days=30)) for _ in range(homes)]
    hubs = [make_hub(site=site, now=now) for site in sites]
    enroll(program=program, sites=sites, now=now)
    if history and sites:
        add_history(sites=sites, now=now, soc=soc)
    return Fleet(organization, program, sites, hubs)


def resource(*, site: Site, kind: str, **parameters: float) -> Resource:
    """Give a home a further resource, its key being its kind."""
    return Resource.objects.create(site=site, key=kind, kind=kind, parameters=parameters)


# --- background work ---


QUEUES = ("dispatch", "default", "ingest", "openadr")


def drop_queued() -> None:
    """Forget what earlier tests left in the real queues: tasks for rows that are gone."""
    from django.conf import settings

    from apps.common.redis import client

    client().delete(*(f"{settings.REDIS_PREFIX}{queue}" for queue in QUEUES))


def forget_counts() -> None:
    """Forget what earlier tests left in Redis: cached answers, and counts of knocks, guesses and requests.

    Only ours: another worker's tests run beside on the same server, so nothing is flushed.
    """
    from django.conf import settings

    from apps.common.redis import client

    keys = list(client().scan_iter(f"{settings.REDIS_PREFIX}*", count=1000))
    if keys:
        client().delete(*keys)


def run_queued() -> list[str]:
    """Do what waits in the real queues, as a worker would; return the tasks' names in order."""
    from django.conf import settings

    from apps.common.redis import client
    from ores_cloud.celery import app

    app.loader.import_default_modules()
    done: list[str] = []
    while True:
        found = next(
            (raw for queue in QUEUES if (raw := client().rpop(f"{settings.REDIS_PREFIX}{queue}"))), None
        )
        if found is None:
            return done
        message = json.loads(found)  # type: ignore[arg-type]
        name = message["headers"]["task"]
        _, arguments, _ = json.loads(base64.b64decode(message["body"]))
        done.append(name)
        app.tasks[name](**arguments)
