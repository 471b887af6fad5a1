"""What takes long and tries the same at more places runs with `make test-all` only."""

import os

import pytest

exhaustive = pytest.mark.skipif(not os.environ.get("ORES_TEST_ALL"), reason="takes long: make test-all")
