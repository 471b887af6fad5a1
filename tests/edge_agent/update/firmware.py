"""A signed repository on a real port, agents to publish, and what a hub is started with."""

import shutil
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from apps.hubs.firmware.build import agent_files, archive_build
from apps.hubs.firmware.repository import FirmwareRepository, ReleaseFile
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.update.order import Order
from vpp.protocols.link.update import UpdateAnswer, UpdateReport

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "token-of-the-hub"


class Firmware:
    """Serves a repository's files to whoever shows the token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.served = folder / "repository"
        self.repository = FirmwareRepository(self.served, folder / "keys")
        self.root_file = self.repository.init(now=datetime.now(UTC))
        self.asked: list[str] = []
        self.reports: list[UpdateReport] = []
        self.answer = UpdateAnswer()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self, version: str, content: bytes | None = None, **facts: Any) -> None:
        content = archive_build(agent(self.folder, version)) if content is None else content
        self.repository.publish(ReleaseFile(version, content, **facts), now=datetime.now(UTC))

    def expire(self) -> None:
        """Sign the newest word as of long ago."""
        self.repository.refresh(now=datetime.now(UTC) - timedelta(days=60))

    def order(self, hub: Path, version: str, **changes: Any) -> Order:
        known = {
            "folder": str(hub / "updates"),
            "cloud_url": self.url,
            "token": TOKEN,
            "hub_id": "6f1c0d9c-51f0-4b8e-9e5a-0f1f5a2a4a10",
            "version": version,
            "running": "0.1.0",
            "root_file": str(self.root_file),
        }
        return Order(**known | changes)


def _handler(firmware: Firmware) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            firmware.asked.append(self.path)
            path = firmware.served / self.path.removeprefix("/device/firmware/")
            allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            self._send(200 if path.is_file() and allowed else 404 if allowed else 401, path)

        def _send(self, status: int, path: Path) -> None:
            content = path.read_bytes() if status == 200 else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    return Handler


def agent(folder: Path, version: str, *, broken: str = "") -> Path:
    """A source tree of this very agent under another version; `broken` replaces its main module."""
    tree = folder / "source" / version
    for path in agent_files(ROOT):
        copy = tree / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    (tree / "edge_agent" / "__init__.py").write_text(f'VERSION = "{version}"\n')
    if broken:
        (tree / "edge_agent" / "__main__.py").write_text(broken)
    return tree


def hub_file(hub: Path, firmware: Firmware | None = None, **update: Any) -> Path:
    """The configuration of a hub without a cloud; its cycles are short."""
    hub.mkdir(parents=True, exist_ok=True)
    document = {
        "key": "home-02",
        "data_dir": str(hub / "data"),
        "cycle_s": 0.2,
        "snapshot_interval_s": 0.2,
        "driver": msgspec.to_builtins(fleet()[1].home),
        "update": {
            "folder": str(hub / "updates"),
            "root_file": str(firmware.root_file) if firmware else "",
            "healthy_within_s": 30.0,
            **update,
        },
    }
    path = hub / "hub.json"
    path.write_bytes(msgspec.json.encode(document))
    return path
