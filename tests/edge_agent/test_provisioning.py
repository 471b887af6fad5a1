"""Identity, registration and tokens, when things do not go smoothly."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.backoff import Backoff
from edge_agent.config import HubConfig, hub_config
from edge_agent.provisioning import Provisioner, load_identity, save_identity
from tests.edge_agent.cloud import Cloud, until


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        yield running


class Owner:
    """A provisioner with its events."""

    def __init__(self, tmp_path: Path, url: str) -> None:
        self.config: HubConfig = hub_config(
            {
                "key": "home",
                "cloud_url": url,
                "data_dir": str(tmp_path),
                "driver": {},
                "link": {"backoff_s": 0.02, "backoff_max_s": 0.1, "claim_poll_s": 0.05},
            }
        )
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.identity = load_identity(tmp_path)
        self.provisioner = Provisioner(self.config, self.identity, emit=self._emit)

    def _emit(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    def named(self, event: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self.events if name == event]


def test_the_identity_is_made_once_and_is_nobody_elses_business(tmp_path: Path) -> None:
    first = load_identity(tmp_path)
    assert load_identity(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "identity.json").stat().st_mode) == 0o600
    save_identity(tmp_path, first)
    assert [path.name for path in tmp_path.iterdir()] == ["identity.json"]
    assert len(first.claim_code) == 11


async def test_registered_claimed_and_given_a_token(tmp_path: Path, cloud: Cloud) -> None:
    owner = Owner(tmp_path, cloud.url)
    assert await asyncio.wait_for(owner.provisioner.token(), 5) == "token-hub-1"
    assert owner.provisioner.hub_id == "hub-1"
    assert load_identity(tmp_path).hub_id == "hub-1"
    assert await owner.provisioner.token() == "token-hub-1"
    assert [name for name, _ in owner.events] == ["registered", "authenticated"]
    owner.provisioner.forget_token()
    await owner.provisioner.token()
    assert len(owner.named("authenticated")) == 2


async def test_a_claim_code_that_ran_out_is_replaced(tmp_path: Path, cloud: Cloud) -> None:
    cloud.claim_at_once = False
    cloud.claim_expires_at = "2020-01-01T00:00:00Z"
    owner = Owner(tmp_path, cloud.url)
    task = asyncio.create_task(owner.provisioner.token())
    await until(lambda: len(owner.named("registered")) >= 2)
    codes = [facts["claim_code"] for facts in owner.named("registered")]
    assert codes[0] != codes[1]
    cloud.claim(codes[0])
    assert not cloud.hub.claimed
    cloud.claim_expires_at = "2999-01-01T00:00:00Z"
    count = len(owner.named("registered"))
    await until(lambda: len(owner.named("registered")) > count)
    cloud.claim(load_identity(tmp_path).claim_code)
    await asyncio.wait_for(task, 5)
    assert len(cloud.hubs) == 1


async def test_a_cloud_that_forgot_the_hub_gets_it_registered_again(tmp_path: Path, cloud: Cloud) -> None:
    owner = Owner(tmp_path, cloud.url)
    await owner.provisioner.token()
    cloud.hubs.clear()
    owner.provisioner.forget_token()
    await asyncio.wait_for(owner.provisioner.token(), 5)
    assert len(owner.named("registered")) == 2


async def test_a_problem_is_told_once_and_waited_out(tmp_path: Path, cloud: Cloud) -> None:
    cloud.problem = (503, {"code": "busy", "detail": "come back later"})
    owner = Owner(tmp_path, cloud.url)
    task = asyncio.create_task(owner.provisioner.token())
    await asyncio.sleep(0.3)
    assert [facts["detail"] for facts in owner.named("refused")] == ["503 busy: come back later"]
    cloud.problem = None
    await asyncio.wait_for(task, 5)


async def test_an_answer_without_a_token_is_no_token(tmp_path: Path, cloud: Cloud) -> None:
    cloud.problem = (200, {"challenge": "x"})
    owner = Owner(tmp_path, cloud.url)
    task = asyncio.create_task(owner.provisioner.token())
    await until(lambda: owner.named("unreachable"))
    assert not task.done()
    cloud.problem = None
    await asyncio.wait_for(task, 5)


async def test_nobody_there(tmp_path: Path) -> None:
    owner = Owner(tmp_path, "http://127.0.0.1:9")
    task = asyncio.create_task(owner.provisioner.token())
    await until(lambda: owner.named("unreachable"))
    task.cancel()


def test_back_off_grows_to_its_limit_with_jitter_and_starts_over() -> None:
    backoff = Backoff(1.0, 8.0)
    waits = [backoff.next_s() for _ in range(6)]
    for wait, ceiling in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert ceiling / 2 <= wait <= ceiling
    backoff.succeeded()
    assert backoff.next_s() <= 1.0
    assert Backoff(1.0, 8.0).next_s(hopeless=True) >= 4.0
    for _ in range(2000):
        backoff.next_s()
