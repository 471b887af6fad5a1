"""A node's JSON-RPC door on loopback, with py-evm behind it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_tester.exceptions import TransactionFailed
from eth_utils.exceptions import ValidationError
from web3 import Web3

from tests.evm.chain import OPERATOR_KEY, Chain


def encoded(value: Any) -> Any:
    """Render numbers and bytes as JSON-RPC has them."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if hasattr(value, "items"):
        return {key: encoded(part) for key, part in value.items()}
    return [encoded(part) for part in value]


def answer(web3: Web3, request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request as a node does."""
    named = {"jsonrpc": "2.0", "id": request["id"]}
    ask = web3.provider.request_func(web3, web3.middleware_onion)
    try:
        said = ask(request["method"], request["params"])
    except TransactionFailed as error:
        return named | {"error": {"code": 3, "message": str(error.args[0]), "data": "0x"}}
    except ValidationError as error:
        return named | {"error": {"code": -32000, "message": str(error)}}
    if "error" in said:
        return named | {"error": said["error"]}
    return named | {"result": encoded(said["result"])}


@contextmanager
def serving(web3: Web3) -> Iterator[str]:
    """Serve a chain; yield the address."""
    lock = threading.Lock()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                body = json.dumps(answer(web3, request)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def reached_by(settings: Any) -> Iterator[Chain]:
    """Serve a new chain with a market on it, and name it in the platform's settings."""
    found = Chain()
    with serving(found.web3) as url:
        settings.MARKET_CHAIN_URL = url
        settings.MARKET_CHAIN_ID = found.deployment.chain_id
        settings.MARKET_CHAIN_CONTRACT = found.deployment.contract
        settings.MARKET_CHAIN_KEY = OPERATOR_KEY
        settings.MARKET_CHAIN_TIMEOUT_S = 30.0
        yield found
