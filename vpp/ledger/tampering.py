"""Where a log was changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vpp.ledger.log import BEGINNING, Entry, Log, chain_hash
from vpp.ledger.merkle import leaf_hash
from vpp.ledger.signing import Root

Change = Literal["number", "link", "content", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The first change: the entry's number, and what is wrong.

    `number`: an entry is missing before it, or it stands in another place. `link`: it does not follow the entry before.
    `content`: salt, payload or its own chain hash were changed. `missing`: the log ends before a size that was signed.
    """

    index: int
    change: Change


def find_tampering(entries: Iterable[Entry], *, root: Root | None = None) -> Finding | None:
    """Return the first change that entries show by themselves, or None.

    Every link of the chain is computed again, so that one changed byte is found at its entry. Someone who computes all
    later hashes again as well is found by a signed root: by `root` here, where to by `locate_by_roots`.

    Parameters
    ----------
    entries
        All entries from the first on.
    root
        A root whose signature was verified; its size and chain hash must be met.
    """
    before, count = BEGINNING, 0
    for entry in entries:
        change = change_of(entry, index=count, before=before)
        if change is not None:
            return Finding(count, change)
        before = entry.chain
        count += 1
        if root is not None and count == root.size and root.chain != before:
            return Finding(count - 1, "content")
    if root is not None and count < root.size:
        return Finding(count, "missing")
    return None


def change_of(entry: Entry, *, index: int, before: bytes) -> Change | None:
    """Return what is wrong with one entry that should have this number and follow this chain hash, or None."""
    if entry.index != index:
        return "number"
    if entry.before != before:
        return "link"
    return None if entry.chain == chain_hash(before, leaf_hash(entry.data)) else "content"


@dataclass(frozen=True, slots=True)
class Span:
    """Entries `first` to `last` - 1: the first that was changed is among them."""

    first: int
    last: int


def locate_by_roots(entries: Sequence[Entry], roots: Iterable[Root]) -> Span | None:
    """Return between which signed sizes a log went another way, though its hashes agree with each other; or None.

    Parameters
    ----------
    entries
        All entries from the first on.
    roots
        Roots whose signatures were verified, in any order.
    """
    tree, good = Log(entries).tree, 0
    for root in sorted(roots, key=lambda one: one.size):
        if root.size > len(tree) or tree.root(root.size) != root.root:
            return Span(good, root.size)
        good = root.size
    return None


def locate_by_copies(entries: Sequence[Entry], leaves: Mapping[int, bytes]) -> list[int]:
    """Return the numbers of entries that differ from leaf hashes others kept, such as participants of their own."""
    return [
        index
        for index, leaf in sorted(leaves.items())
        if index >= len(entries) or leaf_hash(entries[index].data) != leaf
    ]
