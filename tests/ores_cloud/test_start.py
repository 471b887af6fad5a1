"""What the web door loads before its first request."""

import os
import subprocess
import sys

import pytest

HEAVY = {"numpy", "scipy", "cvxpy", "numba", "pandas", "pvlib", "lightgbm"}


@pytest.mark.parametrize("door", ["ores_cloud.urls", "ores_cloud.wsgi", "ores_cloud.celery"])
def test_web_door_starts_without_heavy_libraries(door: str) -> None:
    """In an interpreter of its own: this one has loaded all of them."""
    program = (
        f"import sys, django; django.setup(); import {door}; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ores_cloud.settings.base",
        "SECRET_KEY": "of-a-test-that-asks-nothing",
        "DATABASE_URL": "postgresql:///never-asked",
        "REDIS_URL": "redis://127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
