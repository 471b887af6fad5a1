"""Shows pairing codes to an owner who asks for one, and follows what becomes of them."""

from dataclasses import dataclass
from typing import Final, Literal

from edge_agent.cem.home import CodeShower, Home
from edge_agent.drivers import Driver
from edge_agent.joining.members import JoinError
from vpp.protocols.link.messages import DeviceOrder

Outcome = Literal["joined", "removed", "failed", "shown", "paired"]
_WHY: Final = {
    "over": "the code ran out, or a newer one took its place",
    "guessed": "too many wrong codes were tried",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """An order whose code is used or void."""

    order: DeviceOrder
    state: Outcome
    node: str = ""
    reason: str = ""


class Desk:
    """One code at a time. A code dies with the process; the cloud finds its end by the clock then."""

    def __init__(self, driver: Driver) -> None:
        self._places: list[CodeShower] = driver.code_showers() if isinstance(driver, Home) else []
        self._open: tuple[DeviceOrder, str] | None = None
        self._void: DeviceOrder | None = None

    @property
    def can_show(self) -> bool:
        """Whether devices can pair with this hub at all."""
        return bool(self._places)

    def show(self, order: DeviceOrder) -> tuple[str, int] | None:
        """A fresh code and the seconds it holds; None where this very order has been followed."""
        if self._open is not None and self._open[0].id == order.id:
            return None
        if not self._places:
            raise JoinError("the hub's configuration has no pairing table")
        if len(self._places) > 1:
            raise JoinError("the hub has several pairing tables: ask for a code on the hub, with --node")
        self._void = self._open[0] if self._open is not None else None
        code, holds = self._places[0].show()
        self._open = (order, code)
        return code, round(holds.total_seconds())

    def ended(self) -> Ended | None:
        """What is newly known to have ended; told once."""
        if self._void is not None:
            order, self._void = self._void, None
            return Ended(order, "failed", reason=_WHY["over"])
        if self._open is None:
            return None
        order, code = self._open
        fate, node = self._places[0].fate(code)
        if fate == "open":
            return None
        self._open = None
        if fate == "paired":
            return Ended(order, "paired", node)
        return Ended(order, "failed", reason=_WHY[fate])
