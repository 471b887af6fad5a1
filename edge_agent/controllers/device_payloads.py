"""Hands payloads to the resources that take them, at the beginning of each interval."""

from collections.abc import Sequence

from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.payload_takers import PayloadTaker, taker_of
from vpp.protocols.link.messages import PayloadValues


class DevicePayloads:
    """Tells a resource when something changes; one that starts anew is told what holds now."""

    def __init__(self, book: ScheduleBook, takers: Sequence[PayloadTaker]) -> None:
        self._book = book
        self._takers = takers
        self._told: dict[str, PayloadValues] = {}

    def run(self, now_ms: int) -> None:
        """Apply what holds now, and give back what holds no more."""
        wanted: dict[str, PayloadValues] = {}
        for kind, (instruction, index) in self._book.payloads(now_ms).items():
            assert instruction.device is not None
            wanted[kind] = instruction.device.values[index]
        for kind in sorted(self._told.keys() | wanted.keys()):
            values = wanted.get(kind, [])
            taker = taker_of(kind, self._takers)
            if taker is not None and values != self._told.get(kind, []):
                taker.apply_payload(kind, values)
        self._told = wanted
