"""Having a VTN tell us of changes, by a callback or through its broker; polls go on beside it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from apps.openadr.guard import check_host
from apps.openadr.models import VenConnection3
from apps.openadr.offload import database
from apps.openadr.ven2b.secrets import decrypt
from apps.openadr.ven3 import connections
from apps.openadr.ven3.client import VtnClient, VtnError, id_of, tls_of
from apps.openadr.ven3.ear import Broker, BrokerError, Ear, broker_of
from vpp.protocols.openadr3.legacy import to_legacy

OBJECTS = ["EVENT", "PROGRAM"]
OPERATIONS = ["CREATE", "UPDATE", "DELETE"]
BROKEN = "BROKEN"


class PushError(Exception):
    """The VTN cannot tell us of changes; we poll."""


class Push:
    """One connection's way of being told."""

    def __init__(self, client: VtnClient, wake: asyncio.Event) -> None:
        self._client = client
        self._wake = wake
        self._ear: Ear | None = None

    async def close(self) -> None:
        """Stop listening; a subscription stays, for it outlives us."""
        if self._ear is not None:
            ear, self._ear = self._ear, None
            await asyncio.to_thread(ear.close)

    async def subscribe(self, connection: VenConnection3, *, programs: Sequence[str]) -> bool:
        """See that the VTN tells us of changes as the connection wishes; return whether it does."""
        if connection.transport != VenConnection3.Transport.MQTT:
            await self.close()
        if connection.transport == VenConnection3.Transport.WEBHOOK:
            return await self._by_callback(connection, programs=programs)
        if connection.subscription_id:
            await self._leave(connection)
        if connection.transport == VenConnection3.Transport.MQTT:
            return await self._by_broker(connection)
        return False

    async def _by_callback(self, connection: VenConnection3, *, programs: Sequence[str]) -> bool:
        """Every program needs a subscription where one program is asked for, and in 3.0.1."""
        is_narrow = connection.remote_program or connection.version == VenConnection3.Version.V301
        wanted: list[str | None] = list(programs) if is_narrow else [None]
        shown = await self._client.pages("subscriptions", clientName=connection.name)
        ours = [one for one in shown if connections.callback_url(connection) in _callbacks(one)]
        subscription_id = ""
        for program_id in wanted:
            held = next((one for one in ours if one.get("programID") == program_id), None)
            if held is not None and held.get("deliveryState") == BROKEN:
                await self._client.remove(f"subscriptions/{id_of(held)}")
                held = None
            held = held or await self._new(connection, program_id=program_id)
            subscription_id = id_of(held)
        await database(connections.connection_subscribed, pk=connection.pk, subscription_id=subscription_id)
        return bool(wanted)

    async def _new(self, connection: VenConnection3, *, program_id: str | None) -> dict[str, Any]:
        wish = {
            "objects": OBJECTS, "operations": OPERATIONS, "callbackUrl": connections.callback_url(connection),
            "bearerToken": decrypt(connection.callback_token_encrypted),
        }  # fmt: skip
        body: dict[str, Any] = {"clientName": connection.name, "objectOperations": [wish]}
        if program_id is not None:
            body["programID"] = program_id
        if connection.version == VenConnection3.Version.V310:
            return await self._client.send("POST", "subscriptions", body=body)
        try:
            return await self._client.send("POST", "subscriptions", body=to_legacy(body, kind="SUBSCRIPTION"))
        except VtnError as error:
            if error.status != 400:
                raise
            # The published 3.0.1 names operations in two ways; a VTN may know either.
            return await self._client.send("POST", "subscriptions", body=body)

    async def _leave(self, connection: VenConnection3) -> None:
        """End what an earlier setting of the connection asked for."""
        shown = await self._client.pages("subscriptions", clientName=connection.name)
        for one in shown:
            if connections.callback_url(connection) in _callbacks(one):
                await self._client.remove(f"subscriptions/{id_of(one)}")
        await database(connections.connection_subscribed, pk=connection.pk, subscription_id="")

    async def _by_broker(self, connection: VenConnection3) -> bool:
        notifiers = await self._client.get("notifiers")
        binding = notifiers.get("MQTT") if isinstance(notifiers, dict) else None
        try:
            broker = broker_of(binding, client_id=connection.client_id, token=self._client.token)
            await check_host(connection, broker.host, port=broker.port)
        except (BrokerError, OSError) as error:
            await self.close()
            raise PushError(str(error)) from error
        topics = await self._topics(connection)
        if not self._listens(broker, topics):
            await self.close()
            self._ear = Ear(
                broker, topics, wake=self._wake, tls=tls_of(connection) if broker.is_tls else None
            )
        if self._ear is not None and self._ear.trouble:
            raise PushError(self._ear.trouble)
        return self._ear is not None and self._ear.hears

    def _listens(self, broker: Broker, topics: frozenset[str]) -> bool:
        return self._ear is not None and (self._ear.broker, self._ear.topics) == (broker, topics)

    async def _topics(self, connection: VenConnection3) -> frozenset[str]:
        said = await self._client.get(f"notifiers/mqtt/topics/vens/{connection.ven_id}/events")
        names = said.get("topics") if isinstance(said, dict) else None
        if not isinstance(names, dict):
            raise PushError("the VTN names no topics")
        found = [names["ALL"]] if "ALL" in names else list(names.values())
        if not found or not all(isinstance(name, str) and 0 < len(name) <= 1000 for name in found):
            raise PushError("the VTN names no usable topics")
        return frozenset(found)


def _callbacks(shown: dict[str, Any]) -> set[str]:
    wishes = shown.get("objectOperations")
    if not isinstance(wishes, list):
        return set()
    return {str(one.get("callbackUrl")) for one in wishes if isinstance(one, dict)}
