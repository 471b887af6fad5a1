"""A WebSocket on which JSON frames with numbers are answered by frames with the same numbers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.protocol import State

from edge_agent.rm.device import DeviceError
from edge_agent.rm.tasks import ended

_LARGEST = 16 * 1024 * 1024
Frame = dict[str, Any]


def frame_of(text: str | bytes) -> Frame:
    """A received frame; what is no JSON object is a DeviceError."""
    try:
        return msgspec.json.decode(text, type=Frame)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeviceError(f"the server sent what is no frame: {error}") from None


class JsonSocket:
    """One connection. `number` is the field that carries a frame's number; other frames go to `hear`."""

    def __init__(self, url: str, number: str, *, hear: Callable[[Frame], None], timeout_s: float) -> None:
        self._url, self._number, self._hear, self._timeout_s = url, number, hear, timeout_s
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[Any, asyncio.Future[Frame]] = {}
        self._is_over = False
        self._reason = f"{url}: the connection is closed"

    @property
    def is_alive(self) -> bool:
        """Whether frames go through."""
        is_listening = self._task is not None and not self._task.done() and not self._is_over
        return is_listening and self._socket is not None and self._socket.state is State.OPEN

    async def open(self, greet: Callable[["JsonSocket"], Awaitable[None]]) -> None:
        """Connect, let `greet` say and hear what comes before numbered frames, then listen."""
        try:
            self._socket = await connect(
                self._url, open_timeout=self._timeout_s, close_timeout=1, max_size=_LARGEST, proxy=None
            )
            await greet(self)
        except (OSError, WebSocketException, ValueError) as error:
            await self.close()
            raise DeviceError(f"{self._url}: {str(error) or type(error).__name__}") from error
        except BaseException:
            await self.close()
            raise
        self._is_over, self._reason = False, f"{self._url}: the connection is closed"
        self._task = asyncio.create_task(self._listen(self._socket))

    async def send(self, frame: Frame) -> None:
        """Send a frame."""
        if self._socket is None:
            raise DeviceError(self._reason)
        try:
            await self._socket.send(msgspec.json.encode(frame), text=True)
        except (OSError, WebSocketException) as error:
            raise DeviceError(f"{self._url}: {error}") from error

    async def receive(self) -> Frame:
        """The next frame, before the listening begins."""
        assert self._socket is not None
        try:
            async with asyncio.timeout(self._timeout_s):
                return frame_of(await self._socket.recv())
        except TimeoutError:
            raise DeviceError(f"{self._url}: says nothing") from None

    async def ask(self, frame: Frame) -> Frame:
        """Send a numbered frame and wait for its answer."""
        if not self.is_alive:
            raise DeviceError(self._reason)
        number = frame[self._number]
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self.send(frame)
            await asyncio.wait({answer}, timeout=self._timeout_s)
        finally:
            self._waiting.pop(number, None)
        if not answer.done():
            raise DeviceError(f"{self._url}: no answer within {self._timeout_s:g} s")
        return answer.result()

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self._sort(frame_of(text))
        except (DeviceError, OSError, WebSocketException) as error:
            self._reason = f"{self._url}: {str(error) or type(error).__name__}"
        finally:
            self._is_over = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(DeviceError(self._reason))
            with suppress(OSError, WebSocketException):
                await socket.close()

    def _sort(self, frame: Frame) -> None:
        number = frame.get(self._number)
        answer = self._waiting.get(number) if isinstance(number, int | str) else None
        if answer is not None and not answer.done():
            answer.set_result(frame)
        else:
            self._hear(frame)

    async def close(self) -> None:
        """Disconnect."""
        task, self._task = self._task, None
        socket, self._socket = self._socket, None
        if task is not None:
            await ended(task)
        if socket is not None:
            with suppress(OSError, WebSocketException):
                await socket.close()
