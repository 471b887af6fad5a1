"""The homes of a signal by REST: page by page, and those that are short with totals."""

from datetime import datetime
from typing import Any

import pytest

from apps.dispatch import live
from apps.programs.models import GridSignal
from tests import factories
from tests.apps.console.test_shortfall import HOMES, signal
from tests.apps.portal.conftest import now
from tests.apps.portal.world import World, build_world

__all__ = ["now", "signal"]
REASONS = {
    "opted_out": "opted_out", "offline": "less_than_planned", "silent": "offline", "refused": "rejected",
    "empty": "battery_empty", "waiting": "not_acknowledged", "late": "less_than_planned", "weak": "less_than_planned",
}  # fmt: skip


@pytest.fixture
def world(db: None, now: datetime) -> World:
    return build_world(now=now, homes=len(HOMES))


@pytest.fixture
def api(world: World, signal: GridSignal) -> Any:
    return factories.make_aggregator(organization=world.organization)


def by_pages(api: Any, path: str, **query: Any) -> list[Any]:
    found, answer = [], api.get(path, **query).json()
    found += answer["results"]
    while answer["next"]:
        assert len(answer["results"]) == query["limit"]
        assert len(found) < len(HOMES)
        answer = api.get(answer["next"].partition("/api/v1")[2]).json()
        found += answer["results"]
    return found


def test_every_home_comes_once_by_pages(world: World, signal: GridSignal, api: Any) -> None:
    path = f"/signals/{signal.pk}/homes"
    rows = by_pages(api, path, limit=2)
    assert [row["site_id"] for row in rows] == [site.pk for site in world.sites]
    assert rows == api.get(path).json()["results"]
    reasons = {kind: row["reason_code"] for kind, row in zip(HOMES, rows, strict=True) if row["reason_code"]}
    assert reasons == REASONS
    assert {row["shed_kw"] for row in rows} == {2.0}


def test_those_that_are_short_by_pages(world: World, signal: GridSignal, api: Any) -> None:
    rows = by_pages(api, f"/signals/{signal.pk}/homes", limit=3, short="true")
    assert [row["site_id"] for row in rows] == [site.pk for site in world.sites[:-1]]
    assert all(row["reason"] for row in rows)


def test_live_names_those_that_miss_most_and_counts_all(
    world: World, signal: GridSignal, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/signals/{signal.pk}/live"
    whole = api.get(path).json()
    assert whole["short"][0]["site_id"] == world.sites[2].pk  # of which nothing is known
    assert (len(whole["short"]), whole["short_count"], whole["short_missing_kw"]) == (8, 8, 12.5)
    monkeypatch.setattr(live, "SHOWN", 3)
    few = api.get(path).json()
    assert few["short"] == whole["short"][:3]
    assert (few["short_count"], few["short_missing_kw"]) == (8, 12.5)


def test_the_signal_says_how_many_homes_there_are(world: World, signal: GridSignal, api: Any) -> None:
    answer = api.get(f"/signals/{signal.pk}").json()
    assert [row["site_id"] for row in answer["homes"]] == [site.pk for site in world.sites]
    assert answer["homes_count"] == len(HOMES)


@pytest.mark.parametrize("cursor", ["x", "WyJhIl0", "Wy0xXQ", "WzEsMl0", "W10"])
def test_a_cursor_of_nothing_is_refused(signal: GridSignal, api: Any, cursor: str) -> None:
    answer = api.get(f"/signals/{signal.pk}/homes", cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


def test_another_tenant_finds_no_homes(signal: GridSignal) -> None:
    other = factories.make_aggregator(organization=factories.make_organization())
    assert other.get(f"/signals/{signal.pk}/homes").status_code == 404
