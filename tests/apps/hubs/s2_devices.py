"""Resource managers, played by s2-python's own connection library, at homes without a hub."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from apps.common import clock
from apps.hubs.credentials import Made, s2_credential_create
from apps.sites.models import Site
from tests.edge_agent.cem.peer import Peer

PATH = "/s2/"


def credential(site: Site, *, name: str = "cellar", role: str = "") -> Made:
    """Make a credential for one of a home's resource managers."""
    return s2_credential_create(site=site, name=name, role=role, actor="test", now=clock.now())


class Devices:
    """Resource managers on an event loop of their own, beside the test."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def connected(self, peer: Peer, made: Made) -> Iterator[Peer]:
        """Let one speak to the cloud."""
        stop = asyncio.Event()
        here = threading.Event()

        async def live() -> None:
            async with peer.connected(self._port, token=made.token, path=PATH):
                here.set()
                await stop.wait()

        future = asyncio.run_coroutine_threadsafe(live(), self._loop)
        assert here.wait(20), future.exception(0) if future.done() else "not connected"
        try:
            yield peer
        finally:
            self._loop.call_soon_threadsafe(stop.set)
            future.result(20)

    def say(self, peer: Peer, document: dict[str, Any]) -> None:
        """Let one say something, and see that it is received well."""
        asyncio.run_coroutine_threadsafe(peer.say(document), self._loop).result(20)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
