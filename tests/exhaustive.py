"""What takes long and tries the same at more places runs with `make test-all` only."""

import os

import pytest

EXHAUSTIVE = bool(os.environ.get("ORES_TEST_ALL"))
exhaustive = pytest.mark.skipif(not EXHAUSTIVE, reason="takes long: make test-all")
