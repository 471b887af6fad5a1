"""The 2.0b VEN under test, and `openleadr`'s VTN to speak with."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from openleadr import OpenADRServer
from openleadr.service import VTNService

from apps.openadr.models import VenConnection2b
from apps.openadr.ven2b.supervision import Supervisor
from apps.openadr.vtn2b.door import PREFIX
from ores_cloud.supervisor import free_port
from tests import threads

LOOK_EVERY_S = 0.1


def until(condition: Callable[[], Any], *, what: str = "") -> None:
    """Wait for something that the database or the other side tells."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(
        f"it did not happen {what}: {list(VenConnection2b.objects.values_list('last_error'))}"
    )


class VenThread(threads.VenThread):
    """The VEN of all connections in a thread."""

    def __init__(self) -> None:
        super().__init__(Supervisor(look_every_s=LOOK_EVERY_S))


class LibraryVtn(threads.LoopThread):
    """`openleadr`'s VTN in a thread, which says what a test wants."""

    def __init__(self) -> None:
        self.port = free_port(None, first=8850)
        self.events: list[dict[str, Any]] = []
        self.opts: list[tuple[str, str]] = []
        self.registrations: list[dict[str, Any]] = []
        self.values: list[float] = []
        self._changed = False
        self._known = False
        self.begin()

    async def work(self, stopping: asyncio.Event) -> None:
        server = OpenADRServer(
            vtn_id="UTILITY",
            http_port=self.port,
            requested_poll_freq=timedelta(seconds=1),
            ven_lookup=self._lookup,
        )
        for name in (
            "poll",
            "request_event",
            "created_event",
            "create_party_registration",
            "register_report",
        ):
            server.add_handler(f"on_{name}", getattr(self, f"on_{name}"))
        await server.run()
        self.ready.set()
        await stopping.wait()
        await server.stop()

    def _lookup(self, ven_id: str) -> dict[str, Any]:
        known = "reg-1" if self._known else None
        return {"ven_id": ven_id, "ven_name": "", "fingerprint": "", "registration_id": known}

    async def on_create_party_registration(self, wish: dict[str, Any]) -> tuple[str, str]:
        self.registrations.append(wish)
        self._known = True
        return "ven-1", "reg-1"

    async def on_poll(self, ven_id: str) -> Any:
        if not self._changed:
            return None
        self._changed = False
        return "oadrDistributeEvent", {"events": self.events}

    async def on_request_event(self, ven_id: str) -> Any:
        return self.events or None

    async def on_created_event(self, ven_id: str, event_id: str, opt_type: str) -> None:
        self.opts.append((event_id, opt_type))

    def on_register_report(self, ven_id: str, resource_id: Any, measurement: str, unit: str, scale: str,
                           min_sampling_interval: Any, max_sampling_interval: Any) -> Any:  # fmt: skip
        if measurement == "RealEnergy":
            return None
        return lambda data: self.values.extend(value for _, value in data), timedelta(seconds=60)

    def show(self, *events: dict[str, Any]) -> None:
        self.events = list(events)
        self._changed = True

    def forget(self) -> None:
        self._known = False

    def stop(self) -> None:
        super().stop()
        del VTNService.ven_lookup  # the library keeps it on the class

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"
