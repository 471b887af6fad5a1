"""Starts the agent of the right slot, tries a new version, and goes back to the old one by itself.

    python -m edge_agent.update.launcher --config hub.toml

It belongs to what the installer put on the machine and is never updated over the air.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

import msgspec

import edge_agent
from edge_agent.config import ConfigError, HubConfig, UpdateConfig, hub_config, read_document
from edge_agent.process import die_with_parent
from edge_agent.update.state import Failed, Healthy, Starting, UpdateState
from edge_agent.update.store import UpdateStore

_INSTALLED = Path(edge_agent.__file__).resolve().parents[1]
_LOOK_S = 0.2
_END_S = 20.0
_CALM_S = 60.0
_BACKOFF_MAX_S = 60.0


class Launcher:
    """One hub's launcher; `stop` ends it and its agent."""

    def __init__(self, config_path: Path, *, config: HubConfig, update: UpdateConfig) -> None:
        self._config_path = config_path
        self._home = config.key
        self._healthy_within_s = update.healthy_within_s
        self._store = UpdateStore(Path(update.folder))
        self._store.folder.chmod(0o700)
        self.stop = threading.Event()

    def run(self) -> None:
        """Keep an agent running until told to stop."""
        with self._held("launcher.lock"), self._held("agent.lock") as lock:
            backoff_s = 1.0
            while not self.stop.is_set():
                state = self._begin()
                started = time.monotonic()
                if self._run_once(state, lock):
                    continue
                if time.monotonic() - started > _CALM_S:
                    backoff_s = 1.0
                self.stop.wait(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)

    @contextmanager
    def _held(self, name: str) -> Iterator[IO[bytes]]:
        """Hold a lock. An agent holds the one it was given, so that two never write to one outbox."""
        deadline, told = time.monotonic() + _END_S, False
        with (self._store.folder / name).open("a+b", buffering=0) as lock:
            while not self.stop.is_set():
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not told:
                        self._tell("waits", lock=name)
                    told = True
                if name == "agent.lock" and time.monotonic() > deadline:
                    _kill_written(lock)
                self.stop.wait(_LOOK_S)
            yield lock

    def _begin(self) -> UpdateState:
        """Count the attempt before it is made; a slot without a program fails without one."""
        state = self._store.apply(Starting())
        while state.phase == "trial" and not self._store.complete(state.to_start):
            self._store.apply(Failed("the slot is incomplete"))
            state = self._store.apply(Starting())
        return state

    def _run_once(self, state: UpdateState, lock: IO[bytes]) -> bool:
        """Run an agent to its end; whether the next one should start at once."""
        proof = self._store.folder / f"health-{uuid.uuid4().hex}"
        agent = self._spawn(state, proof, lock=lock.fileno())
        lock.truncate(0)
        lock.write(str(agent.pid).encode())
        try:
            if state.phase != "trial" or self._proves(agent, proof, state=state):
                self._watch(agent)
        finally:
            _end(agent)
            proof.unlink(missing_ok=True)
        self._tell("agent_ended", code=agent.returncode)
        return state.phase == "trial" or self._store.read().phase == "downloaded"

    def _watch(self, agent: subprocess.Popen[bytes]) -> None:
        """Until the agent ends, or a new version waits for its trial."""
        while agent.poll() is None and not self.stop.is_set():
            if self._store.read().phase == "downloaded":
                return
            self.stop.wait(_LOOK_S)

    def _spawn(self, state: UpdateState, proof: Path, *, lock: int) -> subprocess.Popen[bytes]:
        slot = state.to_start if self._store.complete(state.to_start) else "installed"
        code = _INSTALLED if slot == "installed" else self._store.slot(slot)
        for old in self._store.folder.glob("health-*"):
            old.unlink(missing_ok=True)
        self._tell("agent_starts", slot=slot, phase=state.phase, version=state.candidate_version)
        command = [sys.executable, "-P", "-m", "edge_agent", "run", "--config", str(self._config_path)]
        environment = os.environ | {"PYTHONPATH": str(code), "ORES_HUB_HEALTH": str(proof)}
        bind = partial(die_with_parent, os.getpid())
        return subprocess.Popen(command, env=environment, pass_fds=[lock], preexec_fn=bind)  # noqa: PLW1509  one thread

    def _proves(self, agent: subprocess.Popen[bytes], proof: Path, *, state: UpdateState) -> bool:
        """Whether the agent on trial proved its health; when told to stop, neither this nor the contrary."""
        deadline = time.monotonic() + self._healthy_within_s
        while not self.stop.is_set():
            if proof.exists():
                self._store.apply(Healthy())
                self._tell("update_confirmed", version=state.candidate_version)
                return True
            if agent.poll() is not None:
                self._failed(f"the agent ended with {agent.returncode}")
                return False
            if time.monotonic() > deadline:
                self._failed(f"not healthy within {self._healthy_within_s:g} s")
                return False
            self.stop.wait(_LOOK_S)
        return False

    def _failed(self, reason: str) -> None:
        state = self._store.apply(Failed(reason))
        self._tell("update_failed", reason=reason, phase=state.phase)

    def _tell(self, event: str, **facts: object) -> None:
        line = msgspec.json.encode({"event": event, "home": self._home, **facts})
        try:
            sys.stdout.buffer.write(line + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            return


def _kill_written(lock: IO[bytes]) -> None:
    """End the agent that holds the lock though its launcher is gone: it does not heed SIGTERM."""
    lock.seek(0)
    with suppress(ValueError, ProcessLookupError):
        os.kill(int(lock.read(20)), signal.SIGKILL)


def _end(agent: subprocess.Popen[bytes]) -> None:
    if agent.poll() is None:
        agent.terminate()
        try:
            agent.wait(_END_S)
        except subprocess.TimeoutExpired:
            agent.kill()
    agent.wait()


def main() -> int:
    """Run a launcher; 2 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent.update.launcher", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="TOML or JSON file")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the parent ends")
    options = parser.parse_args()
    if options.die_with_parent:
        die_with_parent()
    try:
        config = hub_config(read_document(options.config))
        if config.update is None:
            raise ConfigError("the configuration has no section `update`")
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    launcher = Launcher(options.config.resolve(), config=config, update=config.update)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: launcher.stop.set())
    launcher.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
