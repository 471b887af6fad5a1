"""Looks for devices where the owner allowed it, tells the cloud what is there, and follows the owner's word on it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from edge_agent.clock import Clock
from edge_agent.config import HubConfig
from edge_agent.controllers.owner import OwnerController
from edge_agent.decisions import DecisionTeller
from edge_agent.drivers import Driver
from edge_agent.drivers.discovery import discovery_config, find_all, finders
from edge_agent.joining.book import described, plain, proposals
from edge_agent.joining.desk import Desk, Outcome
from edge_agent.joining.members import JoinError, Members
from edge_agent.joining.twin import outline, states
from edge_agent.outbox import Outbox
from edge_agent.rm.device import Found
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.link.messages import DeviceOrder, DeviceResult, Devices, Discovered, Hello

log = logging.getLogger(__name__)
_STEP_S: Final = 1.0
# The devices are told again after so long without news, by the hub's clock [s]; the cloud doubts what is older.
_TOLD_AGAIN_S: Final = 900.0
# Whatever the hub's clock, not sooner than after so long by the machine's [s].
_TOLD_LEAST_S: Final = 3.0
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
    owner: OwnerController

    def hello(self) -> Hello:
        """What the hub says of itself."""


class Scout:
    """`run` it beside the cycle; what it stages becomes durable with the next commit."""

    def __init__(self, hub: Scouted, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hub, self._monotonic = hub, monotonic
        self._pace = discovery_config(hub.config.discovery)
        self._finders = finders(hub.config.discovery)
        self.members = Members(hub.config, driver=hub.driver, outbox=hub.outbox)
        self.desk = Desk(hub.driver)
        self._why = DecisionTeller(hub.outbox)
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
        self._told_at = self._told_at_ms = float("-inf")

    def welcomed(self, features: Sequence[str]) -> None:
        """Learn whether the cloud wants to know of devices."""
        self._is_heard = "devices" in features
        self._why.welcomed(features)

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
            self.follow_codes()
            self.tell()
            self._why.tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STEP_S):
                    await self._wake.wait()

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
                case "pair":
                    self._show(order)
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

    def _show(self, order: DeviceOrder) -> None:
        """Answer with a fresh code; it goes to whoever asked, and is not in the log."""
        shown = self.desk.show(order)
        if shown is not None:
            self._answer(order, "shown", code=shown[0], valid_s=shown[1])

    def follow_codes(self) -> None:
        """Say what has become of a code that was shown."""
        if (ended := self.desk.ended()) is not None:
            self._answer(ended.order, ended.state, key=ended.node, reason=ended.reason)

    def _answer(
        self,
        order: DeviceOrder,
        state: Outcome,
        *,
        key: str = "",
        reason: str = "",
        code: str = "",
        valid_s: int = 0,
    ) -> None:
        self._hub.emit("device_order", action=order.action, state=state, key=key, reason=reason)
        at = self._now_ms()
        result = DeviceResult(0, order.id, at, state, plain(key), plain(reason, 300), code, valid_s)
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

    def tell(self) -> None:
        """Say what is news, and all of it again from time to time."""
        if not self._is_heard or self._hub.outbox.waiting("status") >= _MOST_WAITING:
            return
        if self._is_news:
            self._tell_found()
        devices = states(self._hub.driver, self._hub.image, joined=self.members.joined)
        resources = self._hub.hello().resources
        settings, now_ms = self._hub.owner.told(), self._now_ms()
        news = (outline(devices), msgspec.json.encode(resources), settings)
        is_old = abs(now_ms - self._told_at_ms) >= _TOLD_AGAIN_S * 1000
        if self._monotonic() - self._told_at < _TOLD_LEAST_S or (news == self._told and not is_old):
            return
        self._told, self._told_at, self._told_at_ms = news, self._monotonic(), now_ms
        self._hub.outbox.add_status(Devices(0, now_ms, devices, resources, settings))

    def _tell_found(self) -> None:
        joined, has_home = self.members.joined, self.members.has_home
        found = [described(ref, one, joined=joined, has_home=has_home) for ref, one in self._found.items()]
        flaws = {plain(name): plain(flaw, 300) for name, flaw in self._flaws.items()}
        self._hub.outbox.add_status(Discovered(0, self._now_ms(), found, flaws))
        self._is_news = False

    def _now_ms(self) -> int:
        return max(0, self._hub.clock.now_ms())
