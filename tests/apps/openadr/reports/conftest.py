"""Two homes that draw 1 kW until NOW, a clock that stands there, and the utility that asks."""

from typing import Any

import pytest

from tests import factories
from tests.factories import NOW, Api, Fleet


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def fleet() -> Fleet:
    return factories.make_fleet(homes=2)


@pytest.fixture
def utility(fleet: Fleet) -> Api:
    return factories.make_utility(organization=fleet.organization)
