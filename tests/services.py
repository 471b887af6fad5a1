"""Pytest plugin: real services for every test, embedded ones unless DATABASE_URL and REDIS_URL are set.

It is a plugin (-p in pyproject.toml) and not a conftest.py because pytest-django reads the settings, and with
them the services' addresses, before any conftest.py.
"""

import contextlib
import os
import shutil

from ores_cloud.embedded import StateLock, embedded_services
from ores_cloud.local import state_folder

_services = contextlib.ExitStack()


def _start_services() -> None:
    os.environ.setdefault("SECRET_KEY", "only-for-tests")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("REDIS_PREFIX", f"ores-test-{os.getpid()}:")
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        # Workers share the services; pytest-django gives each a database of its own.
        os.environ["REDIS_PREFIX"] += f"{worker}:"
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    state = state_folder(f"test-{os.getpid()}")
    lock = StateLock(state)
    lock.acquire()
    _services.callback(shutil.rmtree, state, ignore_errors=True)
    _services.callback(lock.release)
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    os.environ.update(_services.enter_context(embedded_services(state, postgres_settings=fast)))


_start_services()


def pytest_unconfigure() -> None:
    _services.close()
