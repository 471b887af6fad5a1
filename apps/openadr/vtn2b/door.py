"""The VTN's HTTP: aiohttp in front of `Process`; a poll with nothing new is one indexed read.

`openleadr`'s own server is not started: its settings are attributes of a class, so that two identities overwrite
each other, what it knows lies in dictionaries, and what it does not expect is answered with 500. Its schema,
templates and signatures are used (apps.openadr.wire2b).
"""

import asyncio
import contextlib
import dataclasses
import functools
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
from aiohttp import web
from django.db import InterfaceError, OperationalError, close_old_connections

from apps.common import clock
from apps.openadr.messages import message_note
from apps.openadr.vtn2b.gate import Gate, RefusedError
from apps.openadr.vtn2b.known_polls import KnownPolls
from apps.openadr.vtn2b.process import Process
from apps.openadr.vtn2b.selectors import events_digest
from apps.openadr.wire2b import (
    CONTENT_TYPE,
    MalformedError,
    Message,
    SignatureError,
    Signer,
    compose,
    parse,
    verify,
)
from vpp.protocols.openadr2b.vocabulary import MESSAGES_OF_SERVICE

logger = logging.getLogger(__name__)
T = TypeVar("T")
PREFIX = "/OpenADR2/Simple/2.0b"
LARGEST_BODY = 1_000_000
REFRESH_S = 1.0
HEARD_EVERY = timedelta(seconds=60)
_POLL = (
    "SELECT seen_digest, fingerprint, common_name, heard_at FROM openadr_ven2b "
    "WHERE vtn_id = %s AND ven_id = %s AND organization_id = %s AND registration_id IS NOT NULL AND seen_digest <> ''"
)


@dataclasses.dataclass
class Settings:
    """How the door speaks."""

    conninfo: str
    gate: Gate
    signer: Signer | None = None
    signatures_required: bool = False
    replay_window_s: float = 60.0
    threads: int = 4


class Door:
    """One VTN's HTTP application."""

    def __init__(self, process: Process, settings: Settings) -> None:
        self.process = process
        self.settings = settings
        self._digest = ""
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="vtn2b")
        self._database: psycopg.AsyncConnection[Any] | None = None
        self._one_query = asyncio.Lock()
        self._polls = KnownPolls()
        self._empty = functools.lru_cache(maxsize=100_000)(self._write_empty)

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_post(PREFIX + "/{service}", self.handle)
        app.cleanup_ctx.append(self._running)
        return app

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        service = request.match_info["service"]
        if service not in MESSAGES_OF_SERVICE:
            raise web.HTTPNotFound
        if request.content_type != CONTENT_TYPE:
            return web.Response(status=415, text=f"Content-Type must be {CONTENT_TYPE}")
        try:
            peer = self.settings.gate.peer(request.headers, request.get_extra_info("ssl_object"))
            body = await request.read()
            ven_id = self._polls.ven_of(body) if service == "OadrPoll" else None
            if ven_id is not None and await self._knows_all(ven_id, peer):
                return self._xml(self._empty(ven_id))
            return await self._answer(service, parse(body), peer=peer)
        except (RefusedError, SignatureError) as error:
            logger.warning("refused: %s", error)
            return web.Response(status=403, text=str(error))
        except MalformedError as error:
            return web.Response(status=400, text=str(error))
        except (OperationalError, InterfaceError, psycopg.OperationalError):
            logger.exception("the database does not answer")
            return web.Response(status=503, headers={"Retry-After": "5"})

    async def _answer(self, service: str, message: Message, *, peer: str) -> web.Response:
        if self.settings.signatures_required:
            message = await self._in_thread(self._verified, message, peer)
        elif service == "OadrPoll" and message.kind == "oadrPoll":
            self._polls.remember(message)
            if await self._knows_all(message.ven_id, peer):
                return self._xml(self._empty(message.ven_id))
        return self._xml(
            await self._in_thread(functools.partial(self._write_answer, service, message, peer=peer))
        )

    def _xml(self, text: str) -> web.Response:
        return web.Response(text=text, content_type=CONTENT_TYPE)

    def _verified(self, message: Message, peer: str) -> Message:
        window_s = self.settings.replay_window_s
        signed = verify(
            message,
            fingerprint=self.process.fingerprint(message, peer),
            now=datetime.now(UTC),
            window_s=window_s,
        )
        self.process.nonce_take(signed, window_s=window_s)
        return signed.message

    def _write_answer(self, service: str, message: Message, *, peer: str) -> str:
        now = clock.now()
        kind, payload = self.process.answer(service, message, peer=peer, now=now)
        text = compose(kind, payload, signer=self.settings.signer) if kind else ""
        if self.process.ven(message.ven_id or str(payload.get("ven_id") or ""), peer) is not None:
            self._note(message, kind, text=text, now=now)
        return text

    def _note(self, message: Message, kind: str, *, text: str, now: datetime) -> None:
        if message.kind == "oadrPoll" and kind == "oadrResponse":
            return
        organization = self.process.identity.organization
        for direction, name, body in (
            ("received", message.kind, message.body.decode(errors="replace")),
            ("sent", kind, text),
        ):
            message_note(
                organization=organization, protocol="2.0b", direction=direction, peer=message.ven_id, kind=name, body=body,
                now=now, status=200 if direction == "sent" else None,
            )  # fmt: skip

    def _write_empty(self, ven_id: str) -> str:
        payload = {"response": {"response_code": 200, "response_description": "OK"}, "ven_id": ven_id}
        return compose("oadrResponse", payload, signer=self.settings.signer)

    async def _knows_all(self, ven_id: str, peer: str) -> bool:
        """Whether a VEN is registered, at the other end, lately noted, and has nothing to hear."""
        identity = self.process.identity
        row = await self._query(_POLL, (identity.vtn_id, ven_id, identity.organization.pk))
        if row is None or row[0] != self._digest or self.settings.signer is not None:
            return False
        _, fingerprint, common_name, heard_at = row
        if (
            peer
            and peer.partition(" ")[0] != fingerprint
            and (fingerprint or peer.partition(" ")[2] != common_name)
        ):
            return False
        return heard_at is not None and abs(clock.now() - heard_at) < HEARD_EVERY

    async def _query(self, statement: str, parameters: tuple[Any, ...]) -> Any:
        async with self._one_query:
            try:
                if self._database is None:
                    self._database = await psycopg.AsyncConnection.connect(
                        self.settings.conninfo, autocommit=True
                    )
                return await (await self._database.execute(statement, parameters)).fetchone()
            except psycopg.OperationalError:
                broken, self._database = self._database, None
                if broken is not None:
                    await broken.close()
                raise

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        def run() -> T:
            close_old_connections()
            try:
                return work(*arguments)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def _read_digest(self) -> str:
        return events_digest(organization=self.process.identity.organization, now=clock.now())

    async def refresh(self) -> None:
        """Look whether any event changed since the last time."""
        self._digest = await self._in_thread(self._read_digest)

    async def _keep_fresh(self) -> None:
        while True:
            try:
                await self.refresh()
            except (OperationalError, InterfaceError):
                self._digest = ""  # until it answers again, every poll asks it itself
                logger.exception("the database does not answer")
            await asyncio.sleep(REFRESH_S)

    async def _running(self, app: web.Application) -> AsyncIterator[None]:
        await self.refresh()
        keeping = asyncio.create_task(self._keep_fresh())
        yield
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        if self._database is not None:
            await self._database.close()
        self._pool.shutdown()


def tls_context(*, cert: str, key: str, ca: str) -> ssl.SSLContext:
    """Return TLS that asks every client for a certificate of the CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(door: Door, *, host: str, port: int, tls: ssl.SSLContext | None) -> tuple[web.AppRunner, int]:
    """Listen; return the runner (whose cleanup stops it) and the port."""
    runner = web.AppRunner(
        door.application(), access_log=None, handler_cancellation=False, shutdown_timeout=3.0
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    await site.start()
    return runner, runner.addresses[0][1]
