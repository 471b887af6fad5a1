"""Resources that take more than a power."""

from collections.abc import Sequence
from typing import Protocol

from vpp.protocols.link.messages import PayloadValues


class PayloadTaker(Protocol):
    """A resource that can be told more than a power: it takes payloads of some kinds as they are."""

    key: str

    def takes_payload(self, kind: str) -> bool:
        """Whether payloads of this kind are for this resource."""

    def payload_flaw(self, kind: str, values: PayloadValues) -> str | None:
        """Why these values of a kind it takes make no sense here, or None."""

    def apply_payload(self, kind: str, values: PayloadValues) -> None:
        """Follow these values until told otherwise; none at all means the resource's own settings."""


def taker_of(kind: str, takers: Sequence[PayloadTaker]) -> PayloadTaker | None:
    """The first resource that takes this kind."""
    return next((taker for taker in takers if taker.takes_payload(kind)), None)
