"""How a hub meets resource managers of other makers: it listens for them, or connects to one that listens."""

from typing import Any

import msgspec

from edge_agent.cem.client import ClientConfig, S2Client
from edge_agent.cem.home import Shell
from edge_agent.cem.server import S2Server, ServerConfig
from edge_agent.config import ConfigError
from edge_agent.drivers.s2.pairing import PairingConfig, PairingServer


def open_shells(table: dict[str, Any]) -> list[Shell]:
    """What a table of kind `s2` asks for: with a `url` a client, else a server; with `pairing` who is paired may enter."""
    given = {name: value for name, value in table.items() if name not in {"kind", "pairing"}}
    try:
        if "url" in given:
            return [S2Client(msgspec.convert(given, ClientConfig))]
        config = msgspec.convert(given, ServerConfig)
        if "pairing" not in table:
            return [S2Server(config)]
        pairing = PairingServer(msgspec.convert(table["pairing"], PairingConfig))
        return [S2Server(config, admit=pairing.admit), pairing]
    except msgspec.ValidationError as error:
        raise ConfigError(f"device of kind s2: {error}") from error
