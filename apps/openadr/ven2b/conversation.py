"""One connection's conversation: the machine of `vpp.protocols.openadr2b.ven`, HTTP and the database.

`openleadr`'s OpenADRClient is not used: it takes an event's absence for nothing (2.0b: it is canceled), keeps its
registration, opts and reports in memory, reads identifiers as numbers, and brings a scheduler of its own for each
client. Its templates, schema and signatures are used (apps.openadr.wire2b).
"""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Sequence
from typing import Any

from apps.common import clock
from apps.openadr.messages import message_note
from apps.openadr.models import VenConnection2b, VenEvent2b
from apps.openadr.offload import database
from apps.openadr.ven2b import connections, events, reports
from apps.openadr.ven2b.client import VtnClient, VtnError
from apps.openadr.wire2b import Message
from vpp.protocols.openadr2b.event import read_events
from vpp.protocols.openadr2b.ven import Act, Phase, VenMachine
from vpp.protocols.openadr2b.vocabulary import INVALID_ID, OK, PROFILE, TRANSPORT, OpenADR2bError
from vpp.protocols.openadr2b.vtn_messages import read_canceled_reports, read_registered, read_report_wishes

logger = logging.getLogger(__name__)
DEFAULT_POLL_S = 10.0
LONGEST_POLL_S = 86_400.0
TICK_S = 1.0
DURING = {"response_code": OK, "response_description": "OK"}


class Conversation:
    """Speaks with one VTN until it is canceled; it remembers nothing that matters."""

    def __init__(self, connection: VenConnection2b) -> None:
        self.connection = connection
        self.client = VtnClient(connection)
        # A registration outlives us; events are asked for at once, so that nothing of the meantime is missed.
        self.machine = VenMachine(_phase(connection))
        self._next_poll = 0.0

    async def run(self) -> None:
        """Speak, and pause after failures."""
        try:
            while True:
                try:
                    await self.step()
                    pause_s = self.machine.pause_s(share=random.random()) or TICK_S  # noqa: S311 - no secret
                except (VtnError, OpenADR2bError) as error:
                    self.machine = self.machine.failed()
                    await database(
                        connections.connection_noted, pk=self.connection.pk, now=clock.now(), error=str(error)
                    )
                    pause_s = self.machine.pause_s(share=random.random())  # noqa: S311
                if self.machine.phase is Phase.POLLING or self.machine.failures:
                    await asyncio.sleep(pause_s)
        finally:
            await self.client.close()

    async def step(self) -> None:
        """Send what is due: answers, reports, then the machine's next request."""
        if self.machine.phase is Phase.POLLING:
            await self._answers()
            await self._reports()
            if time.monotonic() < self._next_poll:
                return
            await database(events.events_extend, connection_pk=self.connection.pk, now=clock.now())
            self._next_poll = time.monotonic() + self.poll_s
        service, kind = self.machine.request
        answer = await self._say(service, kind, payload=self._payload(kind))
        if answer is None:
            raise VtnError(f"{kind}: the answer is empty")
        code = answer.text(".//ei:eiResponse/ei:responseCode")
        self.machine, act = self.machine.answered(answer.kind, int(code) if code.isdecimal() else OK)
        await self._do(act, answer)
        if not self.machine.failures:
            await database(connections.connection_noted, pk=self.connection.pk, now=clock.now())

    @property
    def poll_s(self) -> float:
        """How long to wait between polls [s]."""
        wished = self.connection.poll_s or self.connection.asked_poll_s or DEFAULT_POLL_S
        return min(max(float(wished), TICK_S), LONGEST_POLL_S)

    def _payload(self, kind: str) -> dict[str, Any]:
        request_id = uuid.uuid4().hex
        if kind == "oadrCreatePartyRegistration":
            return {
                "request_id": request_id, "ven_id": self.connection.ven_id or None, "registration_id": None,
                "ven_name": self.connection.name, "profile_name": PROFILE, "transport_name": TRANSPORT,
                "transport_address": "", "report_only": False, "http_pull_model": True,
                "xml_signature": self.client.signer is not None,
            }  # fmt: skip
        payload: dict[str, Any] = {"request_id": request_id, "ven_id": self.connection.ven_id}
        return (
            {**payload, "reports": reports.offers(now=clock.now())}
            if kind == "oadrRegisterReport"
            else payload
        )

    async def _do(self, act: Act, answer: Message) -> None:
        if act is Act.TAKE_EVENTS:
            await self._take_events(answer)
        elif act is Act.KEEP_REGISTRATION:
            await self._keep_registration(answer)
        elif act is Act.KEEP_REPORT_WISHES:
            await self._keep_report_wishes(answer)
        elif act is Act.CANCEL_REPORTS:
            await self._cancel_reports(answer)
        elif act in {Act.CONFIRM_REREGISTRATION, Act.CONFIRM_CANCELLATION, Act.FORGET_REGISTRATION}:
            await self._leave(act, answer)
        elif act is Act.PAUSE:
            said = answer.text(".//ei:responseDescription")
            error = f"{answer.kind} {answer.text('.//ei:responseCode')} {said}".strip()
            await database(connections.connection_noted, pk=self.connection.pk, now=clock.now(), error=error)

    async def _take_events(self, answer: Message) -> None:
        request_id, _, found = read_events(answer.element)
        await database(
            events.events_take,
            connection_pk=self.connection.pk,
            request_id=request_id,
            events=found,
            now=clock.now(),
        )
        await self._answers()

    async def _answers(self) -> None:
        """Tell the VTN what we say to its events, and what we say now instead."""
        pk = self.connection.pk
        await database(events.opts_review, connection_pk=pk, now=clock.now())
        fresh, changed = await database(events.answers_due, connection_pk=pk)
        if fresh:
            await self._tell("EiEvent", "oadrCreatedEvent", payload=self._created(fresh))
            await database(events.answers_note, events=fresh)
        for event in changed:
            if not await self._tell("EiOpt", "oadrCreateOpt", payload=self._opt(event)):
                # Many VTNs have no EiOpt; they are told as at the first time.
                await self._tell("EiEvent", "oadrCreatedEvent", payload=self._created([event]))
            await database(events.answers_note, events=[event])

    def _created(self, fresh: Sequence[VenEvent2b]) -> dict[str, Any]:
        return {
            "ven_id": self.connection.ven_id,
            "response": {**DURING, "request_id": fresh[0].request_id},
            "event_responses": [
                {
                    "response_code": one.response_code, "response_description": one.reason or "OK",
                    "request_id": one.request_id, "event_id": one.event_id,
                    "modification_number": one.modification_number, "opt_type": one.opt_type,
                }
                for one in fresh
            ],
        }  # fmt: skip

    def _opt(self, event: VenEvent2b) -> dict[str, Any]:
        return {
            "ven_id": self.connection.ven_id, "request_id": uuid.uuid4().hex, "opt_id": uuid.uuid4().hex,
            "opt_type": event.opt_type, "opt_reason": "overrideStatus", "created_date_time": clock.now(),
            "event_id": event.event_id, "modification_number": event.modification_number,
            "targets": [{"ven_id": self.connection.ven_id}],
        }  # fmt: skip

    async def _reports(self) -> None:
        due = await database(reports.reports_due, connection=self.connection, now=clock.now())
        for report, until, payload in due:
            if payload["intervals"]:
                said = {
                    "ven_id": self.connection.ven_id,
                    "request_id": uuid.uuid4().hex,
                    "reports": [payload],
                }
                await self._tell("EiReport", "oadrUpdateReport", payload=said)
            await database(reports.report_note, report=report, until=until)

    async def _keep_registration(self, answer: Message) -> None:
        registered = read_registered(answer.element)
        if not registered.registration_id or not registered.ven_id:
            raise VtnError("the VTN has not registered us")
        await database(
            connections.connection_registered, pk=self.connection.pk, registered=registered, now=clock.now()
        )
        self.connection = await database(connections.connection_get, pk=self.connection.pk)

    async def _keep_report_wishes(self, answer: Message) -> None:
        wishes = read_report_wishes(answer.element)
        if not wishes:
            await database(connections.connection_offered, pk=self.connection.pk)
            return
        kept = await database(
            reports.report_wishes_take, connection_pk=self.connection.pk, wishes=wishes, now=clock.now()
        )
        code, said = (OK, "OK") if len(kept) == len(wishes) else (INVALID_ID, "a report that was not offered")
        payload = {
            "ven_id": self.connection.ven_id,
            "response": {
                "response_code": code,
                "response_description": said,
                "request_id": answer.request_id,
            },
            "pending_reports": [{"report_request_id": one} for one in kept],
        }
        await self._say("EiReport", "oadrCreatedReport", payload=payload)
        await database(connections.connection_offered, pk=self.connection.pk)

    async def _cancel_reports(self, answer: Message) -> None:
        request_ids = read_canceled_reports(answer.element)
        await database(reports.reports_cancel, connection_pk=self.connection.pk, request_ids=request_ids)
        payload = {
            "ven_id": self.connection.ven_id, "response": {**DURING, "request_id": answer.request_id}, "pending_reports": [],
        }  # fmt: skip
        await self._say("EiReport", "oadrCanceledReport", payload=payload)

    async def _leave(self, act: Act, answer: Message) -> None:
        """Forget the registration, and tell the VTN where it asks for that."""
        said = {"ven_id": self.connection.ven_id, "response": {**DURING, "request_id": answer.request_id}}
        if act is Act.CONFIRM_REREGISTRATION:
            await self._say("EiRegisterParty", "oadrResponse", payload=said)
        elif act is Act.CONFIRM_CANCELLATION:
            said["registration_id"] = self.connection.registration_id
            await self._say("EiRegisterParty", "oadrCanceledPartyRegistration", payload=said)
        await database(connections.connection_forgotten, pk=self.connection.pk)
        self.connection = await database(connections.connection_get, pk=self.connection.pk)

    async def _tell(self, service: str, kind: str, *, payload: dict[str, Any]) -> bool:
        """Say something once; a VTN that refuses it has heard it too, and must not keep us from polling."""
        try:
            answer = await self._say(service, kind, payload=payload)
        except VtnError as error:
            if not error.is_refusal:
                raise
            await self._refused(f"{kind}: {error}")
            return False
        code = answer.text(".//ei:eiResponse/ei:responseCode") if answer is not None else ""
        if answer is not None and code not in {"", str(OK)}:
            await self._refused(f"{kind} was refused: {code} {answer.text('.//ei:responseDescription')}")
        return True

    async def _refused(self, error: str) -> None:
        logger.warning("%s: %s", self.connection, error)
        await database(connections.connection_noted, pk=self.connection.pk, now=clock.now(), error=error)

    async def _say(self, service: str, kind: str, *, payload: dict[str, Any]) -> Message | None:
        answer = await self.client.say(service, kind, payload=payload)
        if kind != "oadrPoll":
            await self._note("sent", kind, body=self.client.sent)
        if answer is not None and not (kind == "oadrPoll" and answer.kind == "oadrResponse"):
            await self._note("received", answer.kind, body=answer.body.decode(errors="replace"))
        return answer

    async def _note(self, direction: str, kind: str, *, body: str) -> None:
        await database(
            message_note, organization=self.connection.organization, protocol="2.0b", direction=direction,
            peer=self.connection.vtn_id or self.connection.url, kind=kind, body=body, now=clock.now(),
        )  # fmt: skip


def _phase(connection: VenConnection2b) -> Phase:
    """Return where a conversation goes on."""
    if not connection.registration_id:
        return Phase.UNREGISTERED
    return Phase.OFFERED if connection.reports_offered else Phase.REGISTERED
