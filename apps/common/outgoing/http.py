"""One HTTP exchange with a callback: to the checked address, no redirects, a limit of time and of size."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping

from apps.common.outgoing.addresses import CallbackError, Target

TIME_LIMIT_S = 10.0
LARGEST_ANSWER = 64 * 1024


class _Connection(http.client.HTTPConnection):
    """Connects to the target's address and, over TLS, has the host prove its name."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=TIME_LIMIT_S)
        self._target = target

    def connect(self) -> None:
        plain = socket.create_connection((self._target.address, self._target.port), timeout=TIME_LIMIT_S)
        self.sock = plain
        if self._target.is_tls:
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self.sock = context.wrap_socket(plain, server_hostname=self._target.host)


def exchange(
    target: Target, method: str, *, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, bytes]:
    """Return the status and the beginning of the answer; `CallbackError` where there is none in time."""
    connection = _Connection(target)
    # A timeout of the socket counts from byte to byte; this one counts for all.
    limit = threading.Timer(TIME_LIMIT_S, _cut, [connection])
    limit.daemon = True
    limit.start()
    try:
        connection.request(method, target.path, body=body, headers={"Host": target.host_header, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(LARGEST_ANSWER)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise CallbackError(
            f"the callback did not answer: {reason[:120]}", code="callback_unreachable"
        ) from error
    finally:
        limit.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
