from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import factories
from tests.apps.assistants.makers import Makers, serving
from tests.apps.assistants.world import World
from tests.factories import NOW


@pytest.fixture
def world(db: None, settings: Any) -> World:
    factories.forget_counts()
    settings.ORES_CLOCK = factories.clock_at(NOW)
    return World()


@pytest.fixture
def makers(settings: Any, tmp_path: Path) -> Iterator[Makers]:
    """Both makers, with credentials for each; their addresses are on this machine."""
    with serving() as held:
        settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True
        settings.GOOGLE_HOMEGRAPH_URL = f"{held.url}/google"
        settings.GOOGLE_HOMEGRAPH_CREDENTIALS = held.account_file(tmp_path)
        settings.ALEXA_CLIENT_ID, settings.ALEXA_CLIENT_SECRET = "skill", "of-the-skill"
        settings.ALEXA_TOKEN_URL = f"{held.url}/alexa/token"
        settings.ALEXA_EVENT_URL = f"{held.url}/alexa/events"
        yield held
