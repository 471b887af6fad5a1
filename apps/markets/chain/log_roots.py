"""The platform's sealed log as a source of roots."""

import json

from apps.accounts.models import Organization
from apps.markets.chain.roots import SealedRoot
from apps.markets.selectors import log_of_organization


class LogRoots:
    """An organization's log entries: number, root and leaves from the signed body, the entry's hash as head."""

    def __init__(self, organization: Organization) -> None:
        self._entries = log_of_organization(organization=organization).order_by("index")

    def read(self, first: int, *, limit: int) -> list[SealedRoot]:
        """Return at most `limit` of them, from sequence number `first` on."""
        found = self._entries.filter(index__gte=first)[:limit]
        return [_root(entry.index, bytes(entry.body), head=bytes(entry.entry_hash)) for entry in found]


def _root(index: int, body: bytes, *, head: bytes) -> SealedRoot:
    said = json.loads(body)
    return SealedRoot(sequence=index, root=bytes.fromhex(said["root"]), head=head, size=said["leaves"])
