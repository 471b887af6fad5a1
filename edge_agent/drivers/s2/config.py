"""How a hub meets resource managers of other makers: it listens for them, or connects to one that listens."""

from typing import Any

import msgspec

from edge_agent.cem.client import ClientConfig, S2Client
from edge_agent.cem.home import Shell
from edge_agent.cem.server import S2Server, ServerConfig
from edge_agent.config import ConfigError


def open_shell(table: dict[str, Any]) -> Shell:
    """The server or client of a table of kind `s2`: with a `url` it connects, else it listens."""
    given = {name: value for name, value in table.items() if name != "kind"}
    try:
        if "url" in given:
            return S2Client(msgspec.convert(given, ClientConfig))
        return S2Server(msgspec.convert(given, ServerConfig))
    except msgspec.ValidationError as error:
        raise ConfigError(f"device of kind s2: {error}") from error
