"""The cloud is told what was decided, each decision once: over restarts, lost links and a cloud that does not ask."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.decisions import DecisionTeller
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.outbox import Decided, Outbox
from tests.edge_agent.cloud import Cloud, until
from vpp.protocols.link import codec
from vpp.protocols.link.messages import Decision, Decisions


class Told:
    """An outbox and a teller whose clock the test turns."""

    def __init__(self, folder: Path) -> None:
        self.outbox = Outbox(folder / "hub.db")
        self.now = 0.0
        self.teller = DecisionTeller(self.outbox, monotonic=lambda: self.now)

    def decide(self, *instants: int) -> None:
        for at in instants:
            self.outbox.add_decision(Decided(at, "battery", -1.0, float("inf"), "limits", "because"))
        self.outbox.commit()

    def told(self) -> list[list[int]]:
        self.teller.tell()
        self.outbox.commit()
        first, ends = self.outbox.first_unacked()["status"], self.outbox.ends()["status"]
        bodies = self.outbox.read("status", first=first, end=ends)
        messages = [codec.decode_hub(body.decode()) for body in bodies]
        return [[one.at for one in message.items] for message in messages if isinstance(message, Decisions)]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_nothing_is_told_to_a_cloud_that_does_not_know_decisions(told: Told) -> None:
    told.decide(1)
    assert told.told() == []
    told.teller.welcomed(["devices"])
    assert told.told() == []
    told.teller.welcomed(["devices", "decisions"])
    assert told.told() == [[1]]


def test_each_is_told_once_and_not_too_often(told: Told) -> None:
    told.teller.welcomed(["decisions"])
    told.decide(1, 2)
    assert told.told() == [[1, 2]]
    told.decide(3)
    told.now = 9.9
    assert told.told() == [[1, 2]]
    told.now = 10.0
    assert told.told() == told.told() == [[1, 2], [3]]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Told(tmp_path)
    first.teller.welcomed(["decisions"])
    first.decide(1, 2)
    assert first.told() == [[1, 2]]
    first.decide(3)
    first.outbox.close()
    again = Told(tmp_path)
    again.teller.welcomed(["decisions"])
    assert again.told() == [[1, 2], [3]]


def test_what_was_staged_and_not_committed_is_told_once_all_the_same(told: Told) -> None:
    told.teller.welcomed(["decisions"])
    told.decide(1)
    told.teller.tell()
    told.now = 20.0
    assert told.told() == [[1]]


def test_many_are_told_in_portions_while_the_lane_has_room(told: Told) -> None:
    told.teller.welcomed(["decisions"])
    told.decide(*range(950))
    for told.now in range(0, 200, 10):
        told.told()
    portions = told.told()
    assert ([len(one) for one in portions], portions[-1][-1]) == ([100] * 8, 799)
    told.outbox.acknowledge("status", 7)
    told.now = 200.0
    assert [len(one) for one in told.told()] == [100]


async def test_a_hub_tells_its_cloud_why(tmp_path: Path) -> None:
    async with Cloud().running() as cloud:
        cloud.features = ("devices", "decisions")
        document = {
            "key": "home", "cloud_url": cloud.url, "data_dir": str(tmp_path), "cycle_s": 0.2,
            "link": {"claim_poll_s": 0.05}, "driver": msgspec.to_builtins(fleet()[1].home),
        }  # fmt: skip
        agent = Agent(hub_config(document), Clock(), emit=lambda event, **facts: None)
        task = asyncio.create_task(agent.run())

        def items() -> list[Any]:
            hubs = cloud.hubs.values()
            found = [one for hub in hubs for one in hub.messages if isinstance(one, Decisions)]
            return [one for message in found for one in message.items]

        try:
            await until(items)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        [battery] = [one for one in items() if one.resource == "battery"][:1]
        assert isinstance(battery, Decision)
        assert battery.controller == "self_consumption"
        assert battery.reason.startswith("use the home's own energy")
