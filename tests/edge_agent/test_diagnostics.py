"""Checks: what is known is answered within bounds and without secrets, everything else is refused by name."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.diagnostics.redact import HIDDEN, redact, redact_text
from edge_agent.drivers.simulator.fleet import fleet
from tests.edge_agent.cloud import Cloud, until
from tests.edge_agent.test_agent import Hubs
from vpp.protocols.link import codec
from vpp.protocols.link.checks import CHECKS
from vpp.protocols.link.messages import MAX_ANSWER, Check, CheckResult


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        yield running


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """A hub that lives alone; it is not started."""
    document = {
        "key": "home-02",
        "cloud_url": "https://me:hunter2@cloud.example/",
        "data_dir": str(tmp_path / "hub"),
        "driver": msgspec.to_builtins(fleet()[1].home),
    }
    return Agent(hub_config(document), Clock(), emit=lambda event, **facts: None)


def found(agent: Agent, name: str) -> Any:
    result = agent.diagnostics.answer(Check("1", name))
    assert not result.refused
    return msgspec.json.decode(result.answer)


def test_every_check_answers_within_bounds_and_as_a_message(agent: Agent) -> None:
    for name in CHECKS:
        result = agent.diagnostics.answer(Check("1", name))
        assert (result.refused, result.truncated) == (False, False), name
        assert len(result.answer) <= MAX_ANSWER
        assert codec.decode_hub(codec.encode_json(result).decode()) == result


def test_config_and_link_tell_no_password(agent: Agent) -> None:
    assert found(agent, "config")["cloud_url"] == f"https://{HIDDEN}@cloud.example/"
    assert found(agent, "config")["reserve_soc"] == 0.1
    assert found(agent, "link")["cloud"] == f"https://{HIDDEN}@cloud.example/"


def test_devices_outbox_disk_and_clock_say_what_there_is(agent: Agent) -> None:
    assert [one["kind"] for one in found(agent, "devices")["resources"]] == [
        one.kind for one in agent.driver.describe()
    ]
    assert found(agent, "outbox")["waiting"] == {"live": 0, "backfill": 0, "status": 0}
    assert found(agent, "disk")["total_bytes"] > found(agent, "disk")["free_bytes"]
    assert found(agent, "clock")["trusted"] is True


def test_logs_are_the_newest_that_fit_without_the_claim_code(agent: Agent) -> None:
    agent.emit("registered", claim_code="ABCDE-FGHIJ", hub_id="h")
    assert agent.diagnostics.answer(Check("1", "logs")).answer.count("ABCDE") == 0
    for number in range(500):
        agent.emit("noise", number=number, text="x" * 2000)
    lines = agent.diagnostics.answer(Check("2", "logs")).answer.split("\n")
    assert 10 < len(lines) <= 16
    assert '"number":499' in lines[-1]


@pytest.mark.parametrize("name", ["shell", "", "logs; reboot", "__class__", "LOGS", "../config"])
def test_unknown_checks_are_refused_by_name(agent: Agent, name: str) -> None:
    result = agent.diagnostics.answer(Check("1", name))
    assert result.refused
    assert result.answer == f"there is no check {name!r}; known are {', '.join(CHECKS)}"


def test_too_many_checks_are_refused(agent: Agent) -> None:
    answers = [agent.diagnostics.answer(Check(str(number), "clock")) for number in range(22)]
    assert [one.refused for one in answers] == [False] * 20 + [True] * 2
    assert answers[-1].answer == "more than 20 checks a minute"


def test_a_check_that_fails_says_so_and_the_hub_lives(agent: Agent) -> None:
    agent.outbox.close()
    result = agent.diagnostics.answer(Check("1", "link"))
    assert result.refused
    assert result.answer.startswith("the check failed: ProgrammingError")


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ({"password": "x", "host": "h"}, {"password": HIDDEN, "host": "h"}),
        ({"mqtt": {"api_key": "x", "claim_code": "c"}}, {"mqtt": {"api_key": HIDDEN, "claim_code": HIDDEN}}),
        (
            {"list": [{"access_token": "t"}], "key": "home"},
            {"list": [{"access_token": HIDDEN}], "key": "home"},
        ),
        ({"detail": "Bearer abc.def failed"}, {"detail": f"Bearer {HIDDEN} failed"}),
        ({"detail": "token=abc&x"}, {"detail": f"token={HIDDEN}"}),
        ({"tokens_used": True, "pin": 1234}, {"tokens_used": True, "pin": HIDDEN}),
    ],
)
def test_secrets_are_taken_out(secret: dict[str, Any], shown: dict[str, Any]) -> None:
    assert redact(secret) == shown


@given(st.from_regex(r"[A-Za-z0-9]{8,30}", fullmatch=True), st.text(max_size=50))
def test_a_password_after_its_name_never_gets_out(secret: str, around: str) -> None:
    secret = f"S3cr3t{secret}"
    for text in (f"password={secret} {around}", f"mqtt://u:{secret}@host", f"Authorization: Bearer {secret}"):
        assert secret not in redact_text(text)


async def test_asked_through_the_link_and_answered_like_what_must_not_be_lost(
    tmp_path: Path, cloud: Cloud
) -> None:
    hubs = Hubs(tmp_path, cloud)
    async with hubs.running():
        await until(lambda: cloud.hubs and cloud.hub.socket)
        assert "diagnostics" in cloud.hub.hellos[-1].features
        assert "update" not in cloud.hub.hellos[-1].features
        await cloud.ask(Check("first", "config"))
        await cloud.ask(Check("second", "shell"))
        await until(lambda: len(results(cloud)) == 2, timeout_s=30)
    first, second = results(cloud)
    assert (first.id, first.refused, first.lane) == ("first", False, "status")
    assert msgspec.json.decode(first.answer)["key"] == "home-02"
    assert (second.id, second.refused) == ("second", True)


def results(cloud: Cloud) -> list[CheckResult]:
    return [message for message in cloud.hub.messages if isinstance(message, CheckResult)]


def test_the_clock_of_a_check_is_never_negative(tmp_path: Path) -> None:
    document = {"key": "a", "data_dir": str(tmp_path), "driver": msgspec.to_builtins(fleet()[1].home)}
    hub = Agent(hub_config(document), Clock(machine_start_s=time.time()), emit=lambda event, **facts: None)
    assert hub.diagnostics.answer(Check("1", "clock")).at >= 0
