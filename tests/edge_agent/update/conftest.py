from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_agent.update.firmware import Firmware


@pytest.fixture
def firmware(tmp_path: Path) -> Iterator[Firmware]:
    served = Firmware(tmp_path / "firmware")
    yield served
    served.close()
