"""Which phrase a sentence is, and what stands in its places."""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Final

PLACE: Final = re.compile(r"%\((\w+)\)s")


class Phrase:
    """A sentence with named places, `%(name)s`; `literals` is what stands before, between and behind them."""

    def __init__(self, msgid: str) -> None:
        self.msgid = msgid
        # Splitting by a group gives text and name in turns.
        pieces = PLACE.split(msgid)
        self.literals = [one.replace("%%", "%") for one in pieces[::2]]
        self.names = pieces[1::2]

    @property
    def weight(self) -> int:
        """How much of it is said in so many words."""
        return sum(map(len, self.literals))

    def places_in(self, text: str) -> dict[str, str] | None:
        """Return what stands in each place, at least a letter; None for another sentence.

        The first find of each literal leaves the most room for those behind it, so nothing is ever tried twice.
        """
        first, *between, last = self.literals
        if not (text.startswith(first) and text.endswith(last)) or len(text) < len(first) + len(last):
            return None
        rest, found = text[len(first) : len(text) - len(last)], []
        for literal in between:
            at = rest.find(literal, 1)
            if at < 0:
                return None
            found.append(rest[:at])
            rest = rest[at + len(literal) :]
        return dict(zip(self.names, [*found, rest], strict=True)) if rest else None


class Phrases:
    """All that are known: whole ones by their text, others with the most literal text first."""

    def __init__(self, msgids: Iterable[str]) -> None:
        held = set(msgids)
        self.whole = frozenset(one for one in held if not PLACE.search(one))
        made = [Phrase(one) for one in sorted(held - self.whole)]
        self.open = sorted(made, key=lambda one: -one.weight)
        self.find = functools.lru_cache(maxsize=1000)(self._find)

    def _find(self, text: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the phrase that a text is, with its places."""
        if text in self.whole:
            return text, {}
        for one in self.open:
            places = one.places_in(text)
            if places is not None:
                return one.msgid, places
        return None
