"""A pairing code from the owner's command line to the running hub: a small file beside the one of paired nodes."""

import logging
import os
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.config import ConfigError, HubConfig
from vpp.protocols.s2.pairing import TOKEN_BYTES, PairingError, PairingHost, new_token

log = logging.getLogger(__name__)


class Offer(msgspec.Struct, frozen=True):
    """A code that the owner was shown, and when."""

    code: str
    made_at: datetime


def _path(kept: str) -> Path:
    return Path(kept).with_suffix(".offer")


def leave_offer(kept: str, now: datetime) -> str:
    """Make a fresh code and leave it for the hub, for nobody else to read; the code before it is void."""
    offer, path = Offer(new_token(secrets.token_bytes(TOKEN_BYTES)), now), _path(kept)
    fresh = path.with_suffix(".new-offer")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(offer))
    fresh.replace(path)
    return offer.code


def take_offer(kept: str, host: PairingHost, *, now: datetime) -> None:
    """Take up a code that was left since the last time; the file goes, whatever is in it."""
    path = _path(kept)
    try:
        said = path.read_bytes()
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("the pairing code left at %s cannot be taken up: %s", path, error)
        return
    try:
        offer = msgspec.json.decode(said, type=Offer)
        host.shown(offer.code, made_at=offer.made_at, now=now)
    except (msgspec.MsgspecError, PairingError, TypeError) as error:
        log.warning("the pairing code left at %s is none: %s", path, error)


def kept_by(config: HubConfig, *, node_id: str = "") -> str:
    """The file of paired nodes of the hub's pairing table, or of the one with this node id."""
    tables = [one for one in _pairings(config) if node_id in {"", one.get("node_id")}]
    if not tables:
        raise ConfigError("the hub's configuration has no such device of kind s2 with a pairing table")
    if len(tables) > 1:
        raise ConfigError("the hub has several pairing tables: name one by --node")
    return str(tables[0]["kept"])


def _pairings(config: HubConfig) -> Sequence[dict[str, Any]]:
    devices = config.driver.get("devices") if isinstance(config.driver, dict) else None
    found = [one.get("pairing") for one in devices or [] if isinstance(one, dict) and one.get("kind") == "s2"]
    return [one for one in found if isinstance(one, dict) and "kept" in one]
