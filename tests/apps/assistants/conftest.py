from typing import Any

import pytest

from tests import factories
from tests.apps.assistants.world import World
from tests.factories import NOW


@pytest.fixture
def world(db: None, settings: Any) -> World:
    factories.forget_counts()
    settings.ORES_CLOCK = factories.clock_at(NOW)
    return World()
