"""A car's charging point of another maker: s2-python's own resource manager, limited by power envelopes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from s2python.common import RoleType
from websockets.asyncio.server import ServerConnection, serve

from edge_agent.cem.home import utc_now
from tests.edge_agent.cem.peer import Peer, ServerMedium
from tests.vpp.protocols.s2.samples import L1, span, uid

RATED_W = 3700.0
_REPORT_S = 0.2
_LONG_AGO = "2026-01-01T00:00:00Z"
_ALLOWED = [
    {
        "commodity_quantity": L1,
        "limit_type": kind,
        "range_boundary": boundary,
        "abnormal_condition_only": False,
    }
    for kind, boundary in (("UPPER_LIMIT", span(0.0, RATED_W)), ("LOWER_LIMIT", span(0.0, 0.0)))
]
_CONSTRAINTS = {
    "message_type": "PEBC.PowerConstraints", "id": uid(1), "valid_from": _LONG_AGO, "consequence_type": "DEFER",
    "allowed_limit_ranges": _ALLOWED,
}  # fmt: skip


class WallBox(Peer):
    """Charges what a plugged-in car still wants, up to the limit it was given; free again when that runs out."""

    def __init__(self) -> None:
        super().__init__("PEBC", [_CONSTRAINTS], role=RoleType.ENERGY_CONSUMER, name="Wallbox")
        self.wants_kwh = 0.0
        self._limit_w, self._limit_until = RATED_W, 0.0

    @property
    def power_w(self) -> float:
        """What the car draws now [W]."""
        limit_w = self._limit_w if time.monotonic() < self._limit_until else RATED_W
        return limit_w if self.wants_kwh > 0.0 else 0.0

    def take(self, hours: float) -> float:
        """Charge for a while; the power [W] it was."""
        power_w = self.power_w
        self.wants_kwh = max(0.0, self.wants_kwh - power_w * hours / 1000.0)
        return power_w

    async def _ordered(self, connection: Any, message: Any, send_okay: Any) -> None:
        [envelope] = message.power_envelopes
        element = envelope.power_envelope_elements[0]
        self._limit_w = element.upper_limit
        self._limit_until = time.monotonic() + element.duration.root / 1000.0
        await super()._ordered(connection, message, send_okay)

    async def _report(self) -> None:
        """Tell the power again and again, once somebody asks for nothing more than that."""
        while True:
            await asyncio.sleep(_REPORT_S)
            if not self.selected:
                continue
            values = [{"commodity_quantity": L1, "value": self.power_w}]
            await self.say(
                {
                    "message_type": "PowerMeasurement",
                    "measurement_timestamp": utc_now().isoformat(),
                    "values": values,
                }
            )

    async def _talk(self, socket: ServerConnection) -> None:
        report = asyncio.create_task(self._report())
        try:
            await self.over(ServerMedium(socket))
        finally:
            report.cancel()
            # Whatever it could not say any more: the hub is gone.
            with suppress(asyncio.CancelledError, Exception):
                await report

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen for the hub; the address."""
        async with serve(self._talk, "127.0.0.1", 0) as server:
            [listener] = server.sockets
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
