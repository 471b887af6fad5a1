"""What is lost when a part dies in the middle: nothing."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from apps.settlement.services import signals_settle_due
from ores_cloud.demo.client import Api
from tests.story.homes import Stepped
from tests.story.server import web_door, worker
from tests.story.test_whole_loop import START, Story


@pytest.mark.django_db(transaction=True)
def test_the_web_door_dies_mid_event_and_the_event_goes_on(tmp_path: Path, settings: Any) -> None:
    clock = Stepped(START, settings)
    with worker():
        with web_door() as address:
            story = Story(address, tmp_path, clock)
            story.street.enroll(story.aggregator, story.sites)
            story.street.back_fill()
            story.post_event(minutes_ahead=5, minutes=30)
            story.wait_for_plan(1)
            for _ in range(12):
                story.minute()
            before = story.signal()
        assert before["signal"]["state"] == "active"

        for _ in range(2):  # nobody answers; the hubs go on with their schedules and keep what they measure
            offline_minute(story)
        held = {key: agent.outbox.waiting("live") for key, agent in story.street.agents.items()}
        assert set(held.values()) == {2}
        assert all(
            agent.book.active(clock.hub_clock.now_ms()) is not None
            for key, agent in story.street.agents.items()
            if asked(before, key) > 0
        )

        with web_door() as address:
            move_to(story, address)
            while story.signal()["signal"]["state"] == "active":
                story.minute()
            for _ in range(10):
                story.street.minute()
            assert signals_settle_due(now=clock.now) == 1
            (run,) = story.aggregator.get(f"/api/v1/signals/{before['signal']['id']}/settlements")
    connections.close_all()
    statuses = {line["status"] for statement in run["statements"] for line in statement["lines"]}
    assert statuses == {"measured"}
    assert float(run["delivered_kwh"]) > 0.85 * 5.0 / 2
    story.street.close()


def asked(view: dict[str, Any], name: str) -> float:
    return next(float(home["shed_kw"]) for home in view["homes"] if home["name"] == name)


def offline_minute(story: Story) -> None:
    for _ in range(3):
        story.clock.move(timedelta(seconds=20))
        for agent in story.street.agents.values():
            agent._run_cycle(story.clock.hub_clock.now_ms())
    for agent in story.street.agents.values():
        agent._commit()
        with pytest.raises(OSError, match="refused"):
            story.street.exchange(agent.config.key)


def move_to(story: Story, address: str) -> None:
    """The door opens again, here on another port; credentials and tokens stay good."""
    for agent in story.street.agents.values():
        agent.config.cloud_url = address
    for api in (story.utility, story.aggregator):
        assert isinstance(api, Api)
        api.base = address
    story.address = address


def test_a_hub_that_is_away_for_long_sends_everything_once(
    tmp_path: Path, settings: Any, transactional_db: None
) -> None:
    from apps.telemetry.selectors import snapshots

    clock = Stepped(START, settings)
    with worker(), web_door() as address:
        story = Story(address, tmp_path, clock)
        story.street.enroll(story.aggregator, story.sites)
        story.street.back_fill()
        first = clock.now
        story.street.dark = set(story.street.agents)
        for _ in range(90):
            for _ in range(3):
                clock.move(timedelta(seconds=20))
                for agent in story.street.agents.values():
                    agent._run_cycle(clock.hub_clock.now_ms())
            for agent in story.street.agents.values():
                agent._commit()
        story.street.dark.clear()
        for _ in range(4):
            for key in story.street.agents:
                story.street.exchange(key)
        for key, site_id in story.sites.items():
            rows = snapshots(site_id=site_id, starts_at=first, ends_at=clock.now, columns=["grid_kw"])
            assert [row[0] for row in rows] == [first + timedelta(minutes=n + 1) for n in range(90)]
            assert not any(story.street.agents[key].outbox.waiting(lane) for lane in ("live", "backfill"))
    connections.close_all()
    story.street.close()
