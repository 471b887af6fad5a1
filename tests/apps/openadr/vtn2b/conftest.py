"""The 2.0b VTN of a tenant, whose utility posts events, and a VEN that is registered with it."""

from collections.abc import Iterator

import pytest

from apps.accounts.models import Organization
from tests import factories
from tests.openadr2b import Utility, Ven, Vtn, let_in


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def utility(organization: Organization) -> Utility:
    return Utility(organization)


@pytest.fixture
def vtn(organization: Organization) -> Iterator[Vtn]:
    running = Vtn(organization)
    yield running
    running.stop()


@pytest.fixture
def ven(vtn: Vtn, organization: Organization) -> Ven:
    made = Ven(vtn.port, let_in(organization))
    made.register()
    return made
