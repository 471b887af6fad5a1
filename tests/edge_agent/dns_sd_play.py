"""Announces S2 nodes and finds them, in the network this process is in; says what was found as JSON."""

import asyncio
import json
import socket

from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from edge_agent.drivers.discovery import find_all, finders
from edge_agent.drivers.dns_sd.finder import S2_CONNECT


def node(name: str, port: int, **told: str) -> ServiceInfo:
    address = [socket.inet_aton("127.0.0.1")]
    return ServiceInfo(
        S2_CONNECT, f"{name}.{S2_CONNECT}", port, addresses=address, properties=told, server=f"{name}.local."
    )


async def main() -> None:
    network = AsyncZeroconf(interfaces=["127.0.0.1"])
    pairing = "https://heatpump.local:8443/pairing"
    for info in (
        node(
            "heatpump-1",
            8443,
            txtvers="1",
            e_name="Heat pump",
            deployment="LAN",
            pairingUrl=pairing,
            brand="Acme",
        ),
        node("wallbox", 9000, txtvers="1"),
        node("other-hub", 9001, role="CEM"),
    ):
        await (await network.async_register_service(info))
    search = {"dns_sd": {"listen_s": 2.0, "interfaces": ["127.0.0.1"]}}
    found, flaws = await find_all(finders(search))
    await network.async_close()
    entries = sorted((entry.config for entry in found), key=lambda config: str(config["key"]))
    print(
        json.dumps(
            {"found": entries, "makers": sorted(entry.identity.maker for entry in found), "flaws": flaws}
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
