"""The platform as a 2.0b VEN for a program of ours, and a utility that runs the library's VTN."""

from collections.abc import Iterator

import pytest

from apps.programs.models import Program
from tests import factories
from tests.openadr2b_ven import LibraryVtn, VenThread


@pytest.fixture
def program() -> Program:
    return factories.make_program(organization=factories.make_organization())


@pytest.fixture
def ven() -> Iterator[VenThread]:
    running = VenThread()
    yield running
    running.stop()


@pytest.fixture
def utility() -> Iterator[LibraryVtn]:
    running = LibraryVtn()
    yield running
    running.stop()
