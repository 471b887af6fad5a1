"""The running agent's part: ask the cloud which version is wanted, have it fetched, tell how it went."""

import asyncio
import contextlib
import random
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent import VERSION
from edge_agent.config import HubConfig, UpdateConfig
from edge_agent.provisioning import Provisioner, Refusal, post_json
from edge_agent.update.order import Order, Result
from edge_agent.update.state import WAITING
from edge_agent.update.store import UpdateStore
from vpp.protocols.link.update import UpdateAnswer, UpdateReport

_FETCH_LIMIT_S = 1800.0
_WAITING_POLL_S = 10.0


class Updater:
    """Asks now and then; a version given up once is not fetched again."""

    def __init__(
        self, config: HubConfig, update: UpdateConfig, *, provisioner: Provisioner, emit: Callable[..., None]
    ) -> None:
        self._config = config
        self._update = update
        self._provisioner = provisioner
        self._emit = emit
        self._store = UpdateStore(Path(update.folder))
        self._problem = ""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            poll_s = self._update.poll_s
            try:
                poll_s = min(poll_s, await self._once())
            except Refusal as refusal:
                if refusal.status in {401, 403}:
                    self._provisioner.forget_token()
                self._note(str(refusal))
            except (OSError, msgspec.MsgspecError) as error:
                self._note(str(error))
            await asyncio.sleep(poll_s * random.uniform(0.8, 1.0))  # noqa: S311  jitter

    async def _once(self) -> float:
        """Ask, and do what is wanted; when to ask again [s]."""
        answer = await self._ask()
        state = self._store.read()
        if state.phase in WAITING:
            return _WAITING_POLL_S
        if not answer.wanted or answer.wanted in {VERSION, state.failed_version}:
            self._problem = ""
            return answer.poll_s
        self._emit("update_wanted", version=answer.wanted)
        result = await self._fetch(answer.wanted)
        self._note(result.problem)
        if not result.problem:
            await self._ask()
        return answer.poll_s

    def _note(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._emit("update_problem", detail=problem)
        self._problem = problem

    def report(self) -> UpdateReport:
        """What runs here, and how far the last update got."""
        state = self._store.read()
        return UpdateReport(
            version=VERSION,
            hardware=self._update.hardware,
            phase=state.phase,
            slot=state.to_start,
            candidate_version=state.candidate_version,
            failed_version=state.failed_version,
            reason=state.reason,
            problem=self._problem,
        )

    async def _ask(self) -> UpdateAnswer:
        token = await self._provisioner.token()
        document = msgspec.to_builtins(self.report())
        url = self._config.cloud_url.rstrip("/") + "/device/firmware/update"
        timeout_s = self._config.link.request_timeout_s
        answer = await asyncio.to_thread(post_json, url, document, timeout_s=timeout_s, token=token)
        return msgspec.convert(answer, UpdateAnswer)

    async def _fetch(self, version: str) -> Result:
        order = Order(
            folder=self._update.folder,
            cloud_url=self._config.cloud_url,
            token=await self._provisioner.token(),
            hub_id=self._provisioner.hub_id,
            version=version,
            running=VERSION,
            root_file=self._update.root_file,
            hardware=self._update.hardware,
            test_hub=self._update.test_hub,
            timeout_s=self._config.link.request_timeout_s,
        )
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-P", "-m", "edge_agent.update.fetch")
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        try:
            async with asyncio.timeout(_FETCH_LIMIT_S):
                written, _ = await process.communicate(msgspec.json.encode(order))
            return msgspec.json.decode(written, type=Result)
        except (TimeoutError, msgspec.MsgspecError) as error:
            return Result(f"the download ended: {error or 'too slow'}")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


def updater_of(
    config: HubConfig, provisioner: Provisioner, *, launched: bool, emit: Callable[..., None]
) -> Updater | None:
    """The updater of an agent that a launcher started; without one, or without a cloud, there is none."""
    if config.update is None or not launched or not config.cloud_url:
        return None
    return Updater(config, config.update, provisioner=provisioner, emit=emit)
