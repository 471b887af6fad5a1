"""One connection's conversation: the steps of `vpp.protocols.openadr3.ven_session`, HTTP and the database."""

import asyncio
import contextlib
import logging
import random
from typing import Any

from apps.common import clock
from apps.common.errors import DomainError
from apps.openadr.messages import message_note
from apps.openadr.models import VenConnection3
from apps.openadr.offload import database
from apps.openadr.ven3 import connections, events, push, registration, reports
from apps.openadr.ven3.client import VtnClient, VtnError, is_object_id, shown_json
from vpp.errors import VppError
from vpp.protocols.openadr3.legacy import to_legacy
from vpp.protocols.openadr3.ven_session import Step, VenSession, changes

logger = logging.getLogger(__name__)
# Several notifications of one change are answered by one round.
WAKE_PAUSE_S = 0.2


class Conversation:
    """Speaks with one VTN until it is canceled; it remembers nothing that matters."""

    def __init__(self, connection: VenConnection3) -> None:
        self.connection = connection
        self.wake = asyncio.Event()
        self.client = VtnClient(connection, self._note)
        self.push = push.Push(self.client, self.wake)
        self.session = VenSession()
        self._programs: dict[str, str] = {}
        self._troubles: list[str] = []

    async def run(self) -> None:
        """Speak, and pause after failures."""
        try:
            while True:
                try:
                    await self.step()
                except (VtnError, VppError, DomainError) as error:
                    self.session = self.session.failed(getattr(error, "status", None))
                    if not self.session.has_token:
                        self.client.token = ""
                    pk = self.connection.pk
                    await database(
                        connections.connection_failed, pk=pk, now=clock.now(), error=f"{self.session.asks.name}: {error}"
                    )  # fmt: skip
                    await asyncio.sleep(self.session.pause_s(share=random.random()))  # noqa: S311 - no secret
        finally:
            await self.push.close()
            await self.client.close()

    async def step(self) -> None:
        """Ask what is next."""
        if self.session.has_token and not self.client.has_token:
            self.session = VenSession(
                self.session.phase, self.session.step, has_token=False, failures=self.session.failures
            )
        asked = self.session.asks
        is_subscribed = False
        if asked is Step.TOKEN:
            await self.client.authorize()
        elif asked is Step.VEN:
            await self._begin()
        elif asked is Step.RESOURCES:
            self._troubles += await registration.resources_register(self.client, self.connection)
        elif asked is Step.PROGRAMS:
            await self._find_programs()
        elif asked is Step.SUBSCRIPTION:
            is_subscribed = await self._subscribe()
        elif asked is Step.EVENTS:
            await self._read_events()
        elif asked is Step.REPORTS:
            await self._send_reports()
        else:
            await self._rest()
        self.session = self.session.answered(is_subscribed=is_subscribed)

    async def _begin(self) -> None:
        self._troubles.clear()
        self.connection = await database(connections.connection_get, pk=self.connection.pk)
        self.client.connection = self.connection
        await registration.ven_register(self.client, self.connection)
        self.connection = await database(connections.connection_get, pk=self.connection.pk)

    async def _find_programs(self) -> None:
        shown = await self.client.pages("programs")
        wanted = self.connection.remote_program
        self._programs = {
            one["id"]: str(one.get("programName", ""))
            for one in shown
            if is_object_id(one.get("id")) and wanted in {"", one.get("programName")}
        }
        if wanted and not self._programs:
            self._troubles.append(f"the VTN shows no program {wanted!r}")

    async def _subscribe(self) -> bool:
        try:
            return await self.push.subscribe(self.connection, programs=list(self._programs))
        except VtnError as error:
            if not error.is_refusal:
                raise
            self._troubles.append(f"no push, polling instead: {error}")
        except push.PushError as error:
            self._troubles.append(f"no push, polling instead: {error}")
        return False

    async def _read_events(self) -> None:
        shown = [one for one in await self._shown_events() if self._is_readable(one)]
        held = await database(events.marks_held, connection_pk=self.connection.pk)
        found = changes(held, shown)
        gone, fresh = [], list(found.fresh)
        for event_id in found.missing:
            # Pages move while they are read: what is missing from them is asked for by name.
            still = await self._event(event_id)
            if still is None:
                gone.append(event_id)
            else:
                fresh += changes({event_id: held[event_id]}, [still]).fresh
        await self._take(fresh, gone)

    async def _take(self, fresh: list[dict[str, Any]], gone: list[str]) -> None:
        pk = self.connection.pk
        for start in range(0, len(fresh), events.BATCH):
            batch = fresh[start : start + events.BATCH]
            for one in batch:
                await self._note("received", f"EVENT {one['id']}", body=shown_json(one), status=200)
            await database(
                events.events_take, connection_pk=pk, shown=batch, programs=self._programs, now=clock.now()
            )
        if gone:
            await database(events.events_gone, connection_pk=pk, event_ids=gone, now=clock.now())
        await database(events.events_extend, connection_pk=pk, now=clock.now())

    async def _shown_events(self) -> list[dict[str, Any]]:
        if not self.connection.remote_program:
            return await self.client.pages("events")
        return [
            one for program_id in self._programs for one in await self.client.pages("events", programID=program_id)
        ]  # fmt: skip

    async def _event(self, event_id: str) -> dict[str, Any] | None:
        try:
            found = await self.client.get(f"events/{event_id}")
        except VtnError as error:
            if error.status in {403, 404, 410}:
                return None
            raise
        if not isinstance(found, dict) or found.get("id") != event_id or not self._is_readable(found):
            raise VtnError(f"GET /events/{event_id}: the answer is another object")
        if self.connection.remote_program and found.get("programID") not in self._programs:
            return None
        return found

    def _is_readable(self, one: dict[str, Any]) -> bool:
        """Whether an event can be told from others; what it asks is read later."""
        changed_at = one.get("modificationDateTime")
        if is_object_id(one.get("id")) and isinstance(changed_at, str) and 0 < len(changed_at) <= 128:
            return True
        self._troubles.append("the VTN shows an event without a usable id or modificationDateTime")
        return False

    async def _send_reports(self) -> None:
        pk = self.connection.pk
        await database(reports.reports_make, connection_pk=pk, now=clock.now())
        for report in await database(reports.reports_unsent, connection_pk=pk):
            try:
                report_id = await self._send_report(report)
                await database(reports.report_sent, pk=report.pk, report_id=report_id)
            except VtnError as error:
                if not error.is_refusal:
                    raise
                self._troubles.append(f"a report was refused: {error}")
                await database(reports.report_refused, pk=report.pk, refusal=str(error))
        trouble = self._troubles[0] if self._troubles else ""
        await database(connections.connection_noted, pk=pk, now=clock.now(), error=trouble)

    async def _send_report(self, report: Any) -> str:
        event = report.event
        if report.tried:
            # It may have arrived before we could note it.
            query = {"eventID": event.event_id, "clientName": self.connection.name}
            if known := reports.found_again(await self.client.pages("reports", **query), report):
                return known
        await database(reports.report_tried, pk=report.pk)
        body = report.content
        if self.connection.version == VenConnection3.Version.V301:
            body = to_legacy(body, kind="REPORT", program_id=event.content.get("programID"))
        answer = await self.client.send("POST", "reports", body=body)
        return str(answer.get("id") or "unnamed")

    async def _rest(self) -> None:
        poll_s = float(self.connection.poll_s)
        share = random.random()  # noqa: S311 - no secret
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.session.rest_s(poll_s=poll_s, share=share)):
                await self.wake.wait()
            await asyncio.sleep(WAKE_PAUSE_S)
        self.wake.clear()

    async def _note(self, direction: str, kind: str, *, body: str, status: int | None = None) -> None:
        version = "3.0" if self.connection.version == VenConnection3.Version.V301 else "3.1"
        await database(
            message_note, organization=self.connection.organization, protocol=version, direction=direction,
            peer=self.connection.url, kind=kind, body=body, now=clock.now(), status=status,
        )  # fmt: skip
