"""The hub's own home as the ORES endpoints see it."""

import uuid
from collections import deque
from typing import Protocol

import msgspec

from edge_agent.clock import Clock
from edge_agent.config import HubConfig
from edge_agent.controllers.owner import OwnerController
from edge_agent.local_api.history import History
from edge_agent.outbox import Outbox
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed
from vpp.protocols.link.messages import COLUMNS, Check, CheckResult, Hello
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Checked, Facts, Held, HubFacts, Note, Preferences, Row, Wish
from vpp.protocols.ores.problems import OresError

KEPT_CHECKS = 50


class Checks(Protocol):
    """What answers checks."""

    def answer(self, check: Check) -> CheckResult:
        """What a check found."""


class Decides(Protocol):
    """The cycle as seen from here."""

    allowed: Allowed


class Host(Protocol):
    """The agent as seen from its local server."""

    config: HubConfig
    clock: Clock
    outbox: Outbox
    owner: OwnerController

    @property
    def cycle(self) -> Decides:
        """What decides, and what it decided last."""

    @property
    def diagnostics(self) -> Checks:
        """What answers checks."""

    def hello(self) -> Hello:
        """What the hub tells the cloud of itself."""

    def is_connected(self) -> bool:
        """Whether the cloud was heard lately."""


class HubHome:
    """Answers from the last cycle, the history and the owner's word."""

    def __init__(self, host: Host, history: History) -> None:
        self._host = host
        self._history = history
        self._checked: deque[Checked] = deque(maxlen=KEPT_CHECKS)
        self.image: ProcessImage | None = None

    def facts(self) -> Facts:
        """What the hub knows now."""
        host, image = self._host, self.image
        reasons = {key: range_.reason for key, range_ in host.cycle.allowed.ranges.items()}
        return Facts(
            site_id=None,
            time_zone=host.config.home.time_zone,
            now=host.clock.now_ms(),
            hub=self._hub(),
            resources=host.hello().resources,
            latest=None if image is None else _row(image),
            is_on_grid=None if image is None else image.on_grid,
            battery_c=None if image is None else image.battery_c,
            reasons=reasons,
        )

    def _hub(self) -> HubFacts:
        host, told = self._host, self._host.hello()
        return HubFacts(
            hub_id=told.hub_id,
            agent_version=told.agent_version,
            model=host.config.model,
            serial=host.config.serial or host.config.key,
            is_connected=host.is_connected(),
            is_alone=not host.config.cloud_url,
            features=list(told.features),
            cycle_s=host.config.cycle_s,
            snapshot_interval_s=host.config.snapshot_interval_s,
        )

    def recorded(self, starts_at: int, ends_at: int, *, limit: int) -> list[Row]:
        """Rows of the history."""
        return self._history.rows(starts_at, ends_at, limit=limit)

    def quarters(self, starts_at: int, ends_at: int) -> list[Row]:
        """Quarter-hours of the history."""
        return self._history.quarters(starts_at, ends_at)

    def wishes(self) -> list[Wish]:
        """What holds."""
        now = self._host.clock.now_ms()
        return [wish for wish in self._host.owner.wishes if now < wish.ends_at]

    def wish(self, wish: Wish) -> Wish:
        """Take the wish; the next cycle follows it."""
        made = msgspec.structs.replace(wish, control_id=f"local:{uuid.uuid4()}", state="acknowledged")
        if not self._host.owner.take(made):
            raise OresError(409, "later_control", "something later was asked of this device")
        if made.kw is None:
            made.state, made.reason = "applied", "released"
        return made

    def preferences(self) -> Held:
        """What holds: the configuration with what the owner changed."""
        config, change = self._host.owner.config(), self._host.owner.change
        held = Preferences(
            mode=config.home.mode,
            reserve_soc=config.reserve_soc,
            comfort_low_c=config.comfort.low_c,
            comfort_high_c=config.comfort.high_c,
            ev_least_soc=config.comfort.ev_least_soc,
            quiet_from=config.comfort.quiet_from,
            quiet_until=config.comfort.quiet_until,
            import_limit_kw=config.grid.import_kw,
            export_limit_kw=config.grid.export_kw,
        )
        return Held(preferences=held, state="applied", changed_at=change.at)

    def prefer(self, change: Preferences) -> Held:
        """Change what is not None, from the next cycle on."""
        flaw = self._host.owner.flaw(change)
        if flaw:
            raise OresError(400, "setting_refused", flaw)
        owner = self._host.owner
        at = max(self._host.clock.now_ms(), (owner.change.at or 0) + 1)
        owner.prefer(orders.changed(owner.change, change, at=at))
        return self.preferences()

    def notes(self, *, limit: int) -> list[Note]:
        """The controllers' decisions, the newest first."""
        return [
            Note(
                note_id=f"decision:{one.at}:{one.resource}", at=one.at, kind="decision", device_id=one.resource,
                text=f"{one.controller}: {one.reason}",
            )
            for one in self._host.outbox.decisions(limit)
        ]  # fmt: skip

    def checks(self, *, limit: int) -> list[Checked]:
        """Checks that were asked for in the house since the hub was started, the newest first."""
        return list(reversed(self._checked))[:limit]

    def check(self, name: str) -> Checked:
        """Do a check at once."""
        asked = Check(id=str(uuid.uuid4()), name=name)
        found = self._host.diagnostics.answer(asked)
        made = Checked(
            check_id=asked.id, name=name, state="refused" if found.refused else "answered", asked_at=found.at,
            answered_at=found.at, answer=found.answer, is_truncated=found.truncated,
        )  # fmt: skip
        self._checked.append(made)
        return made


def _row(image: ProcessImage) -> Row:
    return Row(at=image.at, **{name: getattr(image, name) for name in COLUMNS})
