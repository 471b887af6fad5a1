"""A hub with its local server and the cloud that it is linked to, for the tests of a module."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from apps.common import clock
from apps.hubs.models import Hub
from apps.hubs.services import hub_claim
from apps.sites.models import Site
from apps.telemetry.rollups import roll_up
from edge_agent.clock import Clock
from tests import factories
from tests.apps.hubs.conftest import empty_database, serving
from tests.apps.ores_api.doors import SCALE, START, Door, RunningHub, home_document, personal_token, until

QUARTER_MS = 900_000


@dataclass
class Place:
    """A home, its hub, and both doors to it."""

    site: Site
    hub: RunningHub
    doors: dict[str, Door]
    quarter: int

    def after(self, minutes: int) -> str:
        """An instant so many minutes after the beginning of the quarter of an hour that both doors know."""
        return f"{datetime.fromtimestamp(self.quarter / 1000 + 60 * minutes, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def place(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Place]:
    """A claimed hub that has been linked for a quarter of an hour."""
    began = time.time()
    settings = override_settings(ORES_CLOCK=f"{START.isoformat()}@{began}x{SCALE}")
    hub_clock = Clock(factories.ms(START), began, SCALE)
    with django_db_blocker.unblock(), settings:
        try:
            with serving() as link:
                document = home_document(
                    Path(tmp_path_factory.mktemp("hub")), cloud_url=f"http://127.0.0.1:{link.port}"
                )
                hub = RunningHub(document, hub_clock)
                try:
                    yield _settled(hub, link.port)
                finally:
                    hub.close()
        finally:
            empty_database()
            _forget()


def _settled(hub: RunningHub, port: int) -> Place:
    site = factories.make_site(
        organization=factories.make_organization(),
        battery=None,
        now=START,
        import_limit_kw=17.0,
        export_limit_kw=10.0,
    )
    owner = factories.make_owner(site=site)
    until(lambda: hub.told("registered"))
    code = hub.told("registered")[0]["claim_code"]
    hub_claim(site=site, code=code, actor="owner", machine_now=datetime.now(UTC), now=clock.now())
    until(lambda: hub.told("connected"))
    until(lambda: _rows(site))
    quarter = -(-_rows(site)[0] // QUARTER_MS) * QUARTER_MS
    until(lambda: sum(quarter < at <= quarter + QUARTER_MS for at in _rows(site)) == 15)
    until(lambda: factories.rows_of(site.pk, table="telemetry_latest"))
    roll_up(now=clock.now())
    return Place(
        site, hub, {"hub": hub.door, "cloud": Door("cloud", port, personal_token(owner))}, quarter=quarter
    )


def _rows(site: Site) -> list[int]:
    return [factories.ms(at) for at, _ in factories.rows_of(site.pk, "grid_kw")]


def _forget() -> None:
    """Delete what the module's fixtures have written."""
    from apps.accounts.models import Organization, User

    Hub.objects.all().delete()
    Organization.objects.all().delete()
    User.objects.all().delete()
    connections.close_all()
