"""Listening at a VTN's MQTT broker: a message says nothing but "look again"."""

import asyncio
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerError(Exception):
    """A broker that cannot be listened to."""


@dataclass(frozen=True)
class Broker:
    """Where a VTN publishes, and who we say that we are."""

    host: str
    port: int
    is_tls: bool
    username: str = ""
    password: str = ""


def broker_of(binding: Any, *, client_id: str, token: str) -> Broker:
    """Read what /notifiers says of MQTT; `BrokerError` for what we cannot use."""
    if not isinstance(binding, Mapping):
        raise BrokerError("the VTN offers no MQTT")
    authentication = binding.get("authentication")
    if not isinstance(authentication, Mapping):
        raise BrokerError("the VTN does not say how its broker knows us")
    method = authentication.get("method")
    username, password = "", ""
    if method == "OAUTH2_BEARER_TOKEN":
        username, password = str(authentication.get("username", "")).replace("{clientID}", client_id), token
    elif method != "ANONYMOUS":
        raise BrokerError(f"its broker wants {str(method)[:40]}, which is not supported")
    for uri in binding.get("URIS") or ():
        try:
            parts = urlsplit(str(uri))
            host, port = parts.hostname, parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            continue
        if host and parts.scheme in PORTS:
            if password and parts.scheme != "mqtts":
                raise BrokerError("its broker wants our token without TLS")
            return Broker(host, port, parts.scheme == "mqtts", username, password)
    raise BrokerError("its broker has no mqtt(s) address")


class Ear:
    """A connection to a broker in a thread of paho's, which comes back by itself; it sets `wake` for every message."""

    def __init__(
        self,
        broker: Broker,
        topics: Collection[str],
        *,
        wake: asyncio.Event,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.broker, self.topics = broker, frozenset(topics)
        self._wake, self._loop = wake, asyncio.get_running_loop()
        self.hears, self.trouble = False, ""
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if broker.username or broker.password:
            client.username_pw_set(broker.username, broker.password)
        if broker.is_tls:
            client.tls_set_context(tls)
        client.on_connect = self._connected
        client.on_connect_fail = self._unreachable
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._heard
        self._client = client
        client.connect_async(broker.host, broker.port, keepalive=30)
        client.loop_start()

    def close(self) -> None:
        """Stop listening; waits for the thread, so it is called outside the loop."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, *said: Any) -> None:
        reason = said[3]
        self.trouble = f"its broker refuses us: {reason}" if reason.is_failure else ""
        if not reason.is_failure and self.topics:
            self._client.subscribe([(topic, 1) for topic in sorted(self.topics)])

    def _subscribed(self, *said: Any) -> None:
        self.hears = not any(reason.is_failure for reason in said[3])
        self.trouble = "" if self.hears else "its broker lets us not listen to its topics"
        self._notify()  # what was published before is not repeated

    def _unreachable(self, *_: Any) -> None:
        self.trouble = "its broker cannot be reached, or is not whom we trust"

    def _disconnected(self, *_: Any) -> None:
        self.hears = False
        self._notify()

    def _heard(self, *_: Any) -> None:
        self._notify()

    def _notify(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)
