"""Publishing on MQTT topics through the broker that the settings name."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction

from apps.openadr.models import TopicMessage

if TYPE_CHECKING:
    import paho.mqtt.client as paho

BATCH = 500
TIME_LIMIT_S = 10.0
PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerError(OSError):
    """The broker cannot be reached or did not take a message; trying again can help."""


def topics_publish() -> int:
    """Hand what waits to the broker, in order; return how many it took. What it did not take stays."""
    if not settings.OPENADR_MQTT_URL or not TopicMessage.objects.exists():
        return 0
    client = _connected()
    try:
        taken = 0
        while count := _publish_batch(client):
            taken += count
        return taken
    finally:
        client.disconnect()
        client.loop_stop()


@transaction.atomic
def _publish_batch(client: "paho.Client") -> int:
    # Whoever holds the oldest rows publishes; another worker waits for them, so that order is kept.
    rows = list(TopicMessage.objects.select_for_update().order_by("pk")[:BATCH])
    waiting = [client.publish(row.topic, _json(row), qos=1) for row in rows]
    for message in waiting:
        try:
            message.wait_for_publish(TIME_LIMIT_S)
        except (ValueError, RuntimeError) as error:
            raise BrokerError(str(error)) from error
        if not message.is_published():
            raise BrokerError("the broker did not take a message in time")
    TopicMessage.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _json(row: TopicMessage) -> bytes:
    import json

    return json.dumps(row.body).encode()


def _connected() -> "paho.Client":
    import threading

    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    parts = urlsplit(settings.OPENADR_MQTT_URL)
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set()
    answered = threading.Event()
    codes: list[bool] = []

    def on_connect(*said: object) -> None:
        codes.append(not said[3].is_failure)  # type: ignore[attr-defined]
        answered.set()

    client.on_connect = on_connect
    try:
        client.connect(parts.hostname or "localhost", parts.port or PORTS[parts.scheme], keepalive=30)
    except OSError as error:
        raise BrokerError(f"the MQTT broker cannot be reached: {error}") from error
    client.loop_start()
    if not answered.wait(TIME_LIMIT_S) or not codes[0]:
        client.loop_stop()
        raise BrokerError("the MQTT broker did not let us in")
    return client
