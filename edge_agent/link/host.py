"""What a transport needs from the hub, and what it does with what the cloud said."""

from collections.abc import Callable
from typing import Protocol

from edge_agent.config import HubConfig
from edge_agent.outbox import Outbox
from vpp.protocols.link.hub import (
    Acknowledged,
    Asked,
    Effect,
    Ended,
    Ordered,
    Received,
    Refused,
    RenewBoot,
    Welcomed,
)
from vpp.protocols.link.messages import Check, DeviceOrder, Hello, Instruction, Welcome


class LinkHost(Protocol):
    """The hub as seen from a transport."""

    config: HubConfig
    outbox: Outbox
    emit: Callable[..., None]

    async def token(self) -> str:
        """A token to connect with."""

    def forget_token(self) -> None:
        """The cloud refused the token."""

    def hello(self) -> Hello:
        """The first message of a session that starts now."""

    def welcomed(self, welcome: Welcome) -> None:
        """The session is open."""

    def heard(self) -> None:
        """The cloud said something, whatever it was."""

    def acknowledged(self) -> None:
        """Something in the outbox is safe in the cloud."""

    def received(self, instruction: Instruction) -> None:
        """An instruction came."""

    def asked(self, check: Check) -> None:
        """The cloud asks for a check."""

    def ordered(self, order: DeviceOrder) -> None:
        """The owner says something about a device."""


class SessionOver(Exception):
    """A session ended, by an answer of the cloud; `permanent` if the next would end the same way."""

    def __init__(self, detail: str, *, permanent: bool = False) -> None:
        super().__init__(detail)
        self.permanent = permanent


def apply(effects: list[Effect], host: LinkHost) -> None:
    """Do what the session found out of a message; SessionOver when it found its end."""
    host.heard()
    for effect in effects:
        match effect:
            case Acknowledged(lane, seq):
                host.outbox.acknowledge(lane, seq)
                host.acknowledged()
            case Received(instruction):
                host.received(instruction)
            case Asked(check):
                host.asked(check)
            case Ordered(order):
                host.ordered(order)
            case Welcomed(welcome):
                host.welcomed(welcome)
            case Refused(error):
                host.emit("message_refused", code=error.code, detail=error.detail, lane=error.lane)
            case RenewBoot():
                host.outbox.renew_boot()
                raise SessionOver("the outbox was set back; its numbering starts under a new name")
            case Ended(error):
                raise SessionOver(f"{error.code}: {error.detail}", permanent=error.permanent)
