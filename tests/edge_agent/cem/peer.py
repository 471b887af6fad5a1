"""Foreign resource managers, played by s2-python's own connection library."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

from s2python.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    Duration,
    InstructionStatus,
    InstructionStatusUpdate,
    Role,
    RoleType,
    SelectControlType,
)
from s2python.connection.asset_details import AssetDetails
from s2python.connection.async_.connection import S2AsyncConnection
from s2python.connection.async_.control_type.class_based import ResourceManagerHandler, S2ControlType
from s2python.connection.async_.medium.s2_medium import MediumClosedConnectionError, S2AsyncMediumConnection
from s2python.connection.async_.medium.websocket import WebsocketClientMedium
from s2python.s2_parser import TYPE_TO_MESSAGE_CLASS, S2Parser
from websockets.asyncio.connection import Connection
from websockets.exceptions import WebSocketException

from edge_agent.cem.home import utc_now
from tests.vpp.protocols.s2.samples import TYPES

ORDERS = {
    "PEBC": ["PEBC.Instruction"],
    "PPBC": [
        "PPBC.ScheduleInstruction",
        "PPBC.StartInterruptionInstruction",
        "PPBC.EndInterruptionInstruction",
    ],
    "OMBC": ["OMBC.Instruction"],
    "FRBC": ["FRBC.Instruction"],
    "DDBC": ["DDBC.Instruction"],
    "NOT_CONTROLABLE": [],
}


class Peer(S2ControlType):
    """A resource manager with one control type: says `messages` when it is selected, keeps what it is instructed."""

    def __init__(
        self,
        control: str,
        messages: list[dict[str, Any]],
        *,
        role: RoleType = RoleType.ENERGY_CONSUMER,
        name: str = "peer",
    ) -> None:
        self.control = control
        self.messages = messages
        self.orders: list[Any] = []
        self.rejected: set[str] = set()
        self.refuses: str | None = None
        self.selected: list[str] = []
        self.statuses: list[str] = []
        self.connection: S2AsyncConnection | None = None
        self._details = AssetDetails(
            resource_id=uuid4(),
            provides_forecast=False,
            provides_power_measurements=[CommodityQuantity.ELECTRIC_POWER_L1],
            instruction_processing_delay=Duration.from_milliseconds(10),
            roles=[Role(role=role, commodity=Commodity.ELECTRICITY)],
            name=name,
        )

    @property
    def key(self) -> str:
        """The key its unit gets."""
        return f"s2-{str(self._details.resource_id)[:8]}"

    def get_protocol_control_type(self) -> ControlType:
        return ControlType(TYPES[self.control])

    def register_handlers(self, connection: S2AsyncConnection) -> None:
        for kind in ORDERS[self.control]:
            connection.register_handler(TYPE_TO_MESSAGE_CLASS[kind], self._ordered)  # type: ignore[arg-type]

    async def activate(self, connection: S2AsyncConnection) -> None:
        self.selected.append(self.control)
        for message in self.messages:
            await self.say(message)

    async def deactivate(self, connection: S2AsyncConnection) -> None:
        self.selected.append("nothing")

    async def _ordered(self, connection: S2AsyncConnection, message: Any, send_okay: Any) -> None:
        await send_okay()
        self.orders.append(message)
        mode = str(getattr(message, "operation_mode", getattr(message, "operation_mode_id", "")))
        accepted = mode not in self.rejected
        for status in (
            (InstructionStatus.ACCEPTED, InstructionStatus.STARTED)
            if accepted
            else (InstructionStatus.REJECTED,)
        ):
            await self.update(message, status)

    async def update(self, order: Any, status: InstructionStatus) -> None:
        """Tell what became of an order."""
        key = UUID(str(getattr(order.id, "root", order.id)))
        assert self.connection is not None
        answer = await self.connection.send_msg_and_await_reception_status(
            InstructionStatusUpdate(
                message_id=uuid4(), instruction_id=key, status_type=status, timestamp=utc_now()
            )
        )
        self.statuses.append(answer.status.value)

    async def say(self, document: dict[str, Any]) -> None:
        """Say something, and see that it is received well."""
        assert self.connection is not None
        document = {**document, "message_id": str(uuid4())}
        if document["message_type"] == "PPBC.PowerProfileStatus":
            # s2-python's own model does not take a progress; the text is as the schema says.
            await self.connection._medium.send(json.dumps(document))
            return
        message: Any = S2Parser.parse_as_any_message(document)
        answer = await self.connection.send_msg_and_await_reception_status(message)
        self.statuses.append(answer.status.value)

    async def over(self, medium: S2AsyncMediumConnection) -> None:
        """Run on a connection until it ends."""
        self.connection = S2AsyncConnection(medium)
        ResourceManagerHandler([self], self._details).register_handlers(self.connection)
        await self.connection.run()

    @asynccontextmanager
    async def connected(self, port: int, *, token: str | None = None, path: str = "/") -> AsyncIterator[None]:
        """Connect to a hub."""
        async with WebsocketClientMedium(f"ws://127.0.0.1:{port}{path}", bearer_token=token) as medium:
            task = asyncio.create_task(self.over(medium))
            try:
                yield
            finally:
                if self.connection is not None:
                    await self.connection.stop()
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


class ServerMedium(S2AsyncMediumConnection):
    """s2-python has none: a resource manager that listens."""

    def __init__(self, socket: Connection) -> None:
        self._socket = socket

    async def is_connected(self) -> bool:
        return True

    async def messages(self) -> AsyncGenerator[Any, None]:
        try:
            async for message in self._socket:
                yield message
        except WebSocketException as error:
            raise MediumClosedConnectionError("gone") from error

    async def send(self, message: str) -> None:
        try:
            await self._socket.send(message)
        except WebSocketException as error:
            raise MediumClosedConnectionError("gone") from error


def last(orders: list[Any]) -> dict[str, Any]:
    """The last order as JSON."""
    document: dict[str, Any] = json.loads(orders[-1].to_json())
    return document


SELECT = SelectControlType
