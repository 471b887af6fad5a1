"""Unsigned polls that were read before: a VEN asks with the same bytes every time, and reading them costs the most."""

from typing import Final

from apps.openadr.wire2b import Message

LONGEST: Final = 2_000
MOST: Final = 10_000


class KnownPolls:
    """Who polls with which bytes. What the answer is depends on the database alone."""

    def __init__(self) -> None:
        self._vens: dict[bytes, str] = {}

    def ven_of(self, body: bytes) -> str | None:
        """The VEN that polls with these bytes, if they were read before."""
        return self._vens.get(body)

    def remember(self, message: Message) -> None:
        """Keep what a poll said."""
        if message.kind != "oadrPoll" or len(message.body) > LONGEST:
            return
        if len(self._vens) >= MOST:
            self._vens.clear()
        self._vens[message.body] = message.ven_id
