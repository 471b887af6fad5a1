"""The platform as a 3.x VEN for a program of ours, and utilities: our own VTN, and one that says what a test wants."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.programs.models import Program
from tests import factories
from tests.openadr3_fake import FakeVtn
from tests.openadr3_ven import Utility3, VenThread3


@pytest.fixture
def program() -> Program:
    return factories.make_program(organization=factories.make_organization())


@pytest.fixture
def utility(live_server: Any) -> Utility3:
    return Utility3(live_server.url)


@pytest.fixture
def ven() -> Iterator[VenThread3]:
    running = VenThread3()
    yield running
    running.stop()


@pytest.fixture
def fake() -> Iterator[FakeVtn]:
    made = FakeVtn()
    yield made
    made.server.stop()
