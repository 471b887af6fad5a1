"""Looks for S2 nodes that announce themselves by DNS-SD as `_s2connect._tcp`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from zeroconf import InterfaceChoice, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from edge_agent.drivers.documents import key_from
from edge_agent.rm.device import DeviceError, Found, Identity

S2_CONNECT = "_s2connect._tcp.local."
_MOST = 64


class DnsSdSearch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How long to listen, and on which of the machine's own addresses; none means all of them."""

    listen_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 3.0
    interfaces: Annotated[list[str], msgspec.Meta(max_length=8)] = []


class DnsSdFinder:
    """Asks the local network once and proposes every resource manager that answers."""

    def __init__(self, search: DnsSdSearch) -> None:
        self._search = search

    async def find(self) -> Sequence[Found]:
        """What answers within `listen_s`."""
        names: dict[str, None] = {}

        def hear(
            *, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
        ) -> None:
            if state_change is not ServiceStateChange.Removed and len(names) < _MOST:
                names[name] = None

        try:
            network = AsyncZeroconf(interfaces=self._search.interfaces or InterfaceChoice.All)
        except OSError as error:
            raise DeviceError(f"multicast DNS: {error}") from error
        try:
            browser = AsyncServiceBrowser(network.zeroconf, [S2_CONNECT], handlers=[hear])
            await asyncio.sleep(self._search.listen_s)
            await browser.async_cancel()
            found = [await self._resolved(network, name) for name in names]
        finally:
            await network.async_close()
        return [entry for entry in found if entry is not None]

    async def _resolved(self, network: AsyncZeroconf, name: str) -> Found | None:
        info = AsyncServiceInfo(S2_CONNECT, name)
        if not await info.async_request(network.zeroconf, 2000):
            return None
        return found_from(info, name)


def found_from(info: AsyncServiceInfo, name: str) -> Found | None:
    """A service record as a proposal: where pairing begins. The other end of a pair, a CEM, is none."""
    told = {key.decode(errors="replace"): text_of(value) for key, value in info.properties.items()}
    addresses = info.parsed_addresses(IPVersion.All)
    own = name.removesuffix("." + S2_CONNECT)
    if told.get("role", "rm").lower() == "cem" or not addresses:
        return None
    shown = told.get("e_name") or own
    address = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    url = told.get("pairingUrl") or f"https://{address}:{info.port}/"
    config: dict[str, object] = {"kind": "s2", "key": key_from(own), "name": shown, "pairing_url": url}
    identity = Identity(maker=told.get("brand", ""), model=told.get("modelName", "") or shown)
    return Found(kind="s2", address=f"{address}:{info.port}", identity=identity, config=config)


def text_of(value: bytes | None) -> str:
    """A TXT record's value."""
    return (value or b"").decode(errors="replace")[:200]
