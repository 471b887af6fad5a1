"""Looks for devices where the owner allowed it, tells the cloud what is there, and follows the owner's word on it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Literal, Protocol

import msgspec

from edge_agent.clock import Clock
from edge_agent.config import HubConfig
from edge_agent.drivers import Driver
from edge_agent.drivers.discovery import discovery_config, find_all, finders
from edge_agent.joining.book import described, plain, proposals
from edge_agent.joining.members import JoinError, Members
from edge_agent.joining.twin import outline, states
from edge_agent.outbox import Outbox
from edge_agent.rm.device import Found
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.link.messages import DeviceOrder, DeviceResult, Devices, Discovered, Hello

Outcome = Literal["joined", "removed", "failed"]
log = logging.getLogger(__name__)
_STEP_S: Final = 1.0
# The devices are told again after so long without news, and with news not sooner than that [s].
_TOLD_AGAIN_S, _TOLD_LEAST_S = 900.0, 3.0
# So many unacknowledged messages of the status lane, and devices have to wait.
_MOST_WAITING: Final = 8
_MOST_ORDERS: Final = 64


class Scouted(Protocol):
    """The hub as its scout sees it."""

    config: HubConfig
    clock: Clock
    outbox: Outbox
    driver: Driver
    image: ProcessImage | None
    emit: Callable[..., None]

    def hello(self) -> Hello:
        """What the hub says of itself."""


class Scout:
    """`run` it beside the cycle; what it stages becomes durable with the next commit."""

    def __init__(self, hub: Scouted, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hub, self._monotonic = hub, monotonic
        self._pace = discovery_config(hub.config.discovery)
        self._finders = finders(hub.config.discovery)
        self.members = Members(hub.config, driver=hub.driver, outbox=hub.outbox)
        self._found: dict[str, Found] = {}
        self._flaws: dict[str, str] = {}
        self._orders: deque[DeviceOrder] = deque()
        self._wake = asyncio.Event()
        self._is_heard = False
        # Without a way of looking only when asked, to say so.
        self._looks_at = monotonic() if self._finders else float("inf")
        self._looked_at: float | None = None
        self._is_news = False
        self._told: object = None
        self._told_at = float("-inf")

    def welcomed(self, features: Sequence[str]) -> None:
        """Learn whether the cloud wants to know of devices."""
        self._is_heard = "devices" in features

    def take(self, order: DeviceOrder) -> None:
        """Follow an order soon; one that waits already waits on."""
        if any(one.id == order.id for one in self._orders):
            return
        if len(self._orders) >= _MOST_ORDERS:
            self._answer(order, "failed", reason="too many orders at once")
            return
        self._orders.append(order)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            while self._orders:
                await self._follow(self._orders[0])
                self._orders.popleft()
            if self._monotonic() >= self._looks_at:
                await self._look()
            self._tell()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _STEP_S)

    # --- orders

    async def _follow(self, order: DeviceOrder) -> None:
        try:
            match order.action:
                case "look":
                    least_at = (self._looked_at or float("-inf")) + self._pace.least_s
                    self._looks_at = min(self._looks_at, max(least_at, self._monotonic()))
                    self._told = None
                case "join":
                    self._answer(order, "joined", key=await self._join(order.ref))
                case "remove":
                    self._answer(order, "removed", key=await self._remove(order.ref))
        except JoinError as error:
            self._answer(order, "failed", reason=str(error))
        except Exception as error:  # a driver's bug stops one order, never the hub
            log.exception("a device order failed")
            self._answer(order, "failed", reason=f"the hub failed: {type(error).__name__}: {error}")

    async def _join(self, ref: str) -> str:
        key = self.members.key_of(ref)
        if key is not None:
            return key
        if ref not in self._found and self._may_look():
            await self._look()
        found = self._found.get(ref)
        if found is None:
            raise JoinError("the hub does not find this device any more")
        return await self.members.join(ref, found)

    async def _remove(self, ref: str) -> str:
        key = self.members.key_of(ref)
        if key is not None:
            await self.members.remove(key)
        return key or ""

    def _answer(self, order: DeviceOrder, state: Outcome, *, key: str = "", reason: str = "") -> None:
        self._hub.emit("device_order", action=order.action, state=state, key=key, reason=reason)
        result = DeviceResult(0, order.id, self._now_ms(), state, plain(key), plain(reason, 300))
        self._hub.outbox.add_status(result)

    # --- looking

    def _may_look(self) -> bool:
        return self._looked_at is None or self._monotonic() - self._looked_at >= self._pace.least_s

    async def _look(self) -> None:
        try:
            found, self._flaws = await find_all(self._finders)
        except Exception as error:  # a finder's bug must not end the hub
            log.exception("looking for devices failed")
            found, self._flaws = [], {"discovery": f"{type(error).__name__}: {error}"}
        if not self._finders:
            self._flaws = {"discovery": "the hub's configuration allows no way of looking"}
        self._found = proposals(found, configured=self.members.configured)
        self._looked_at = self._monotonic()
        self._looks_at = self._looked_at + (self._pace.every_s if self._finders else float("inf"))
        self._is_news = True
        self._hub.emit("looked", found=len(self._found), flaws=self._flaws)

    # --- telling

    def _tell(self) -> None:
        if not self._is_heard or self._hub.outbox.waiting("status") >= _MOST_WAITING:
            return
        if self._is_news:
            self._tell_found()
        devices = states(self._hub.driver, self._hub.image, joined=self.members.joined)
        resources = self._hub.hello().resources
        news, age_s = (outline(devices), msgspec.json.encode(resources)), self._monotonic() - self._told_at
        if age_s < _TOLD_LEAST_S or (news == self._told and age_s < _TOLD_AGAIN_S):
            return
        self._told, self._told_at = news, self._monotonic()
        self._hub.outbox.add_status(Devices(0, self._now_ms(), devices, resources))

    def _tell_found(self) -> None:
        joined, has_home = self.members.joined, self.members.has_home
        found = [described(ref, one, joined=joined, has_home=has_home) for ref, one in self._found.items()]
        flaws = {plain(name): plain(flaw, 300) for name, flaw in self._flaws.items()}
        self._hub.outbox.add_status(Discovered(0, self._now_ms(), found, flaws))
        self._is_news = False

    def _now_ms(self) -> int:
        return max(0, self._hub.clock.now_ms())
