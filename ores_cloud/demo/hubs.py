"""The hubs of the demo: processes of real edge agents, and what they say about themselves."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ores_cloud.local import ROOT


class HubsFailed(Exception):
    """A hub process ended or did not get where it should in time."""


class HubProcess:
    """One process that runs the agents of some homes."""

    def __init__(self, *, fleet: Path, homes: list[str], environment: dict[str, str], log: Path) -> None:
        self.homes = homes
        self._command = [sys.executable, "-m", "edge_agent", "simulate", "--fleet", str(fleet)]
        self._command += ["--only", ",".join(homes), "--die-with-parent"]
        self._environment = environment
        self._log = log
        self.seen: dict[str, dict[str, dict[str, Any]]] = {}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.seen = {home: {} for home in self.homes}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()

    def kill(self) -> None:
        """Pull the plug."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()

    def wait_for(self, event: str, *, limit_s: float, progress: Callable[[int], None] | None = None) -> None:
        """Return when every home has said `event`."""
        deadline = time.monotonic() + limit_s
        while True:
            done = sum(event in seen for seen in self.seen.values())
            if progress is not None:
                progress(done)
            if done == len(self.homes):
                return
            if self.process is None or self.process.poll() is not None:
                raise HubsFailed(f"the hubs' process ended; its messages are in {self._log}")
            if time.monotonic() > deadline:
                missing = [home for home, seen in self.seen.items() if event not in seen]
                raise HubsFailed(f"{', '.join(missing)} did not get as far as {event!r}; see {self._log}")
            time.sleep(0.1)

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        if process.stdout is None:
            return
        for line in process.stdout:
            said = json.loads(line)
            self.seen.setdefault(said["home"], {})[said["event"]] = said
