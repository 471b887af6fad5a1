"""Operators' pages are looked at by people of one fleet's tenant."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests import factories
from tests.factories import NOW


@pytest.fixture
def fleet(settings: Any) -> factories.Fleet:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.forget_counts()
    return factories.make_fleet(homes=2)


@pytest.fixture
def client_of(fleet: factories.Fleet) -> Callable[[str], Client]:
    def signed_in(role: str) -> Client:
        client = Client()
        client.force_login(factories.make_operator(organization=fleet.organization, role=role))
        return client

    return signed_in


@pytest.fixture
def operator(client_of: Callable[[str], Client]) -> Client:
    return client_of("operator")
