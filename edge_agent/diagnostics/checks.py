"""The checks themselves: each reads something, none takes an argument, all answers are bounded."""

import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from edge_agent.clock import Clock
from edge_agent.config import HubConfig
from edge_agent.diagnostics.log import EventLog
from edge_agent.diagnostics.redact import redact, redact_text
from edge_agent.drivers import Driver
from edge_agent.outbox import Outbox
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.link.checks import CHECKS
from vpp.protocols.link.messages import MAX_ANSWER, Check, CheckResult

_MOST_A_MINUTE = 20


class Reporting(Protocol):
    """What can say in what state an update is."""

    def report(self) -> msgspec.Struct:
        """The state, to be shown."""


class Diagnosed(Protocol):
    """The hub as seen by its checks."""

    config: HubConfig
    clock: Clock
    log: EventLog
    outbox: Outbox
    driver: Driver
    image: ProcessImage | None

    @property
    def link(self) -> Any:
        """The transport, None without a cloud."""

    @property
    def updater(self) -> Reporting | None:
        """What updates this hub, if anything does."""


class Diagnostics:
    """Answers checks by name; anything else, or too many, is refused."""

    def __init__(self, hub: Diagnosed, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._monotonic = monotonic
        self._started = monotonic()
        self._answered: deque[float] = deque(maxlen=_MOST_A_MINUTE)
        self._checks: dict[str, Callable[[], object]] = {
            "logs": self._logs,
            "config": self._config,
            "devices": self._devices,
            "link": self._link,
            "outbox": self._outbox,
            "disk": self._disk,
            "clock": self._clock,
            "update": self._update,
        }

    def answer(self, check: Check) -> CheckResult:
        """What a check found, or why it is refused; its seq is given by the outbox."""
        now_ms = max(0, self._hub.clock.now_ms())
        refusal = self._refusal(check)
        if refusal:
            return CheckResult(0, check.id, now_ms, refusal, refused=True)
        try:
            found = self._checks[check.name]()
        except Exception as error:  # a check must not take the hub down
            detail = redact_text(f"the check failed: {type(error).__name__}: {error}")
            return CheckResult(0, check.id, now_ms, _plain(detail)[:1000], refused=True)
        text = _plain(found if isinstance(found, str) else _pretty(found))
        return CheckResult(0, check.id, now_ms, text[:MAX_ANSWER], truncated=len(text) > MAX_ANSWER)

    def _refusal(self, check: Check) -> str:
        if check.name not in self._checks:
            return f"there is no check {check.name[:40]!r}; known are {', '.join(CHECKS)}"
        now = self._monotonic()
        if len(self._answered) == _MOST_A_MINUTE and now - self._answered[0] < 60:
            return f"more than {_MOST_A_MINUTE} checks a minute"
        self._answered.append(now)
        return ""

    def _logs(self) -> str:
        """The newest lines that fit, in the order in which they came."""
        lines: list[str] = []
        room = MAX_ANSWER
        for line in reversed(self._hub.log.lines):
            room -= len(line) + 1
            if room < 0:
                break
            lines.append(line)
        return "\n".join(reversed(lines))

    def _config(self) -> object:
        return redact(msgspec.to_builtins(self._hub.config))

    def _devices(self) -> object:
        image = self._hub.image
        return {
            "resources": redact(msgspec.to_builtins(self._hub.driver.describe())),
            "values": msgspec.to_builtins(image) if image is not None else None,
        }

    def _link(self) -> object:
        link = self._hub.link
        heard_at = int(self._hub.outbox.get("heard_at") or 0)
        return {
            "cloud": redact_text(self._hub.config.cloud_url),
            "transport": self._hub.config.link.transport,
            "connected": link is not None and link.connected,
            "heard_s_ago": (self._hub.clock.now_ms() - heard_at) / 1000 if heard_at else None,
            "boot_id": self._hub.outbox.boot_id,
        }

    def _outbox(self) -> object:
        outbox = self._hub.outbox
        return {
            "waiting": {lane: outbox.waiting(lane) for lane in outbox.ends()},
            "next_seq": outbox.ends(),
            "dropped_rows": outbox.dropped_rows,
            "file_bytes": _size(Path(self._hub.config.data_dir) / "hub.db"),
            "journal_bytes": _size(Path(self._hub.config.data_dir) / "hub.db-wal"),
        }

    def _disk(self) -> object:
        usage = shutil.disk_usage(self._hub.config.data_dir)
        return {"total_bytes": usage.total, "used_bytes": usage.used, "free_bytes": usage.free}

    def _clock(self) -> object:
        clock = self._hub.clock
        return {
            "now_ms": clock.now_ms(),
            "trusted": clock.trusted,
            "machine_ms": int(time.time() * 1000),
            "scale": clock.scale,
            "running_s": round(self._monotonic() - self._started, 1),
        }

    def _update(self) -> object:
        updater = self._hub.updater
        return "this hub is not updated over the air" if updater is None else _built(updater.report())


def _built(value: msgspec.Struct) -> object:
    return redact({name: getattr(value, name) for name in value.__struct_fields__})


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _plain(text: str) -> str:
    return text.replace("\x00", "")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
