"""One small world with a clock that stands still."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.common import clock
from tests import factories
from tests.apps.portal.world import World, build_world, evening

NOW = evening()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr(clock.Clock, "now", lambda self: NOW)
    return NOW


@pytest.fixture
def world(db: None, now: datetime) -> World:
    factories.forget_counts()
    return build_world(now=now)


@pytest.fixture
def as_(client: Client) -> Callable[[User | None], Client]:
    def sign_in(user: User | None) -> Client:
        client.logout()
        if user is not None:
            client.force_login(user)
        return client

    return sign_in
