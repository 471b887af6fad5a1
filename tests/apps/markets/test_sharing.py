"""Energy sharing: a day's meter data credited by key, settled again where data changes, seen by whom it concerns."""

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import AuditEntry
from apps.common.errors import DomainError
from apps.markets.log_checks import log_faults, proof_of
from apps.markets.models import LogEntry, LogLeaf, SharingCommunity, SharingCredit, SharingMember, SharingRun
from apps.markets.sharing import (
    community_create,
    day_settle,
    intervals_hash,
    key_set,
    member_set,
    sharing_settle_due,
)
from apps.markets.sharing_keys import share_day
from apps.sites.models import GridArea
from tests import factories
from tests.factories import NOW

# Tests' now is a noon; the day before it is over.
DAY = NOW.date() - timedelta(days=1)


def test_keys_share_as_their_definitions_say() -> None:
    """10 Wh of home 2 for homes that draw 4 and 12: by parts 1 to 1, by draw, and what is left by draw."""
    net = [[4], [12], [-10]]
    shared = {key: share_day(net_wh=net, parts=[1, 1, 0], key=key) for key in ("static", "dynamic", "hybrid")}
    assert [shared[key].credited_wh for key in shared] == [
        [[4], [5], [0]], [[3], [7], [0]], [[4], [6], [0]],
    ]  # fmt: skip
    assert [shared[key].given_wh[2] for key in shared] == [[9], [10], [10]]


def test_a_home_without_meter_data_neither_gives_nor_takes() -> None:
    shared = share_day(net_wh=[[None, 6], [5, 5], [-4, -4]], parts=[1, 1, 1], key="static")
    assert shared.credited_wh == [[0, 2], [2, 1], [0, 0]]
    assert shared.given_wh == [[0, 0], [0, 0], [2, 3]]


# A home: its part, and three intervals; beyond 5000 there is no meter data.
HOME = st.tuples(st.integers(0, 9), *[st.integers(-5000, 6000)] * 3)


@given(st.lists(HOME, min_size=1, max_size=6), st.sampled_from(["static", "dynamic", "hybrid"]))
def test_nobody_is_credited_what_it_did_not_draw_nor_gives_what_it_did_not_feed_in(
    homes: list[tuple[int, ...]], key: Any
) -> None:
    net = [[None if value > 5000 else value for value in home[1:]] for home in homes]
    shared = share_day(net_wh=net, parts=[home[0] for home in homes], key=key)
    for row, credited, given_wh in zip(net, shared.credited_wh, shared.given_wh, strict=True):
        assert all(0 <= one <= max(0, value or 0) for one, value in zip(credited, row, strict=True))
        assert all(0 <= one <= max(0, -(value or 0)) for one, value in zip(given_wh, row, strict=True))
    for index in range(3):
        assert sum(row[index] for row in shared.credited_wh) == sum(row[index] for row in shared.given_wh)


def make_community(*, homes: int = 3, **rules: Any) -> tuple[factories.Fleet, SharingCommunity]:
    fleet = factories.make_fleet(homes=homes, history=False)
    area = GridArea.objects.create(organization=fleet.organization, name="village")
    for site in fleet.sites:
        site.grid_area = area
        site.save(update_fields=["grid_area"])
    rules = {"key": "dynamic", "time_zone": "UTC", **rules}
    community = community_create(
        organization=fleet.organization, grid_area=area, name="Village", actor="test", now=NOW, **rules
    )
    joined = NOW - timedelta(days=9)
    for site in fleet.sites:
        member_set(community=community, site=site, part=1, actor="test", now=joined)
    return fleet, community


def meter(fleet: factories.Fleet, place: int, grid_kw: float) -> None:
    """Meter a whole UTC day."""
    starts_at = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    factories.add_minutes(
        sites=[fleet.sites[place]], starts_at=starts_at - timedelta(minutes=5),
        ends_at=starts_at + timedelta(days=1, minutes=5), grid_kw=grid_kw,
    )  # fmt: skip


def sums() -> list[tuple[int, int, int, int]]:
    rows = SharingCredit.objects.order_by("run__version", "site_id")
    return list(rows.values_list("drawn_sum_wh", "credited_sum_wh", "fed_sum_wh", "given_sum_wh"))


@pytest.mark.django_db
def test_a_day_is_settled_from_meters_once_and_again_when_data_came_late() -> None:
    """2 kW fed in for 1 and 3 kW drawn: a quarter to the one, the rest to the other; the third meter comes late."""
    fleet, community = make_community()
    meter(fleet, 0, 1.0)
    meter(fleet, 1, -2.0)
    assert day_settle(community=community, day=DAY, now=NOW) is not None
    assert sums() == [(24_000, 24_000, 0, 0), (0, 0, 48_000, 24_000), (0, 0, 0, 0)]
    run = SharingRun.objects.get()
    assert (run.generated_wh, run.drawn_wh, run.shared_wh, run.missing) == (48_000, 24_000, 24_000, 96)
    assert day_settle(community=community, day=DAY, now=NOW) is None
    meter(fleet, 2, 3.0)
    assert (
        sharing_settle_due(now=NOW) == 3
    )  # this day again, and the two before it, of which nothing is known
    newest = SharingRun.objects.get(date=DAY, version=2)
    found = SharingCredit.objects.filter(run=newest).order_by("site_id")
    assert [one.credited_sum_wh for one in found] == [12_000, 0, 36_000]
    assert (newest.missing, newest.shared_wh) == (0, 48_000)
    assert sharing_settle_due(now=NOW) == 0


@pytest.mark.django_db
def test_a_day_that_is_not_over_is_not_settled() -> None:
    _, community = make_community(homes=1)
    with pytest.raises(DomainError, match="not over"):
        day_settle(community=community, day=NOW.date(), now=NOW)
    assert not SharingRun.objects.exists()


@pytest.mark.django_db
def test_a_day_of_clock_change_has_its_own_number_of_intervals() -> None:
    _, community = make_community(homes=1, time_zone="Europe/Berlin")
    SharingMember.objects.update(joined_at=NOW - timedelta(days=999))
    spring, autumn = date(NOW.year - 1, 3, 1), date(NOW.year - 1, 10, 1)
    changes = [
        max(day for back in range(31) if (day := month + timedelta(days=back)).weekday() == 6 and day.month == month.month)
        for month in (spring, autumn)
    ]  # fmt: skip
    for day in changes:
        day_settle(community=community, day=day, now=NOW)
    runs = SharingRun.objects.order_by("date")
    assert [len(one.credits.get().net_wh) for one in runs] == [92, 100]


@pytest.mark.django_db
def test_a_home_of_another_area_or_community_cannot_join() -> None:
    fleet, community = make_community(homes=1)
    other = community_create(
        organization=fleet.organization, grid_area=community.grid_area, name="Other", actor="test", now=NOW
    )
    with pytest.raises(DomainError, match="another community"):
        member_set(community=other, site=fleet.sites[0], part=0, actor="test", now=NOW)
    elsewhere = factories.make_site(organization=fleet.organization)
    with pytest.raises(DomainError, match="grid area"):
        member_set(community=other, site=elsewhere, part=0, actor="test", now=NOW)
    with pytest.raises(DomainError, match="static, dynamic or hybrid"):
        key_set(community=other, key="by lot", actor="test", now=NOW)
    assert SharingMember.objects.count() == 1


@pytest.mark.django_db
def test_rest_paths_are_the_tenants_own(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    fleet, community = make_community(homes=2)
    mine = factories.make_aggregator(organization=fleet.organization)
    stranger = factories.make_aggregator(organization=factories.make_organization())
    path = f"/sharing-communities/{community.pk}"
    member = f"{path}/members/{fleet.sites[0].pk}"
    for method, one, body in (
        ("GET", path, None), ("PATCH", path, {"key": "static"}), ("PUT", member, {"part": 7}), ("DELETE", member, None),
        ("GET", f"{path}/runs", None), ("POST", f"{path}/runs", {"date": DAY.isoformat()}),
    ):  # fmt: skip
        assert stranger.send(method, one, body).status_code == 404, (method, one)
    community.refresh_from_db()
    assert (community.key, SharingMember.objects.filter(part=1).count()) == ("dynamic", 2)
    assert not SharingRun.objects.exists()
    assert mine.patch(path, {"key": "static"}).json()["key"] == "static"
    assert mine.put(member, {"part": 7}).json()["part"] == 7
    assert [one["part"] for one in mine.get(path).json()["members"]] == [7, 1]
    made = mine.post(f"{path}/runs", {"date": DAY.isoformat()})
    assert (made.status_code, len(made.json()["credits"])) == (201, 2)
    assert mine.post(f"{path}/runs", {"date": DAY.isoformat()}).status_code == 200
    run = mine.get(f"{path}/runs").json()["results"][0]["id"]
    assert mine.get(f"{path}/runs/{run}").json()["credits"][0]["net_wh"] == [None] * 96
    assert stranger.get(f"{path}/runs/{run}").status_code == 404
    assert mine.delete(member).status_code == 204
    assert SharingMember.objects.count() == 1
    sent = {"grid_area_id": community.grid_area_id, "name": "Hill", "key": "hybrid"}
    assert stranger.post("/sharing-communities", sent).status_code == 400
    assert mine.post("/sharing-communities", sent).status_code == 201
    assert mine.post("/sharing-communities", sent).json()["code"] == "sharing_taken"
    assert len(mine.get("/sharing-communities").json()["results"]) == 2


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_household_sees_and_downloads_its_own_sharing(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    fleet, community = make_community(homes=2)
    meter(fleet, 0, 1.0)
    meter(fleet, 1, -2.0)
    day_settle(community=community, day=DAY, now=NOW)
    owner = signed_in(factories.make_owner(site=fleet.sites[0]))
    page = re.sub(r"\s+", " ", owner.get(f"/sites/{fleet.sites[0].pk}/market/").content.decode())
    for part in ("Shared with neighbors", "100.0 % of what you drew", "1 day is settled"):
        assert part in page, part
    rows = owner.get(f"/sites/{fleet.sites[0].pk}/market/sharing.csv").content.decode().splitlines()
    assert (len(rows), rows[1].split(",")[1:5]) == (97, ["250", "250", "0", "dynamic"])
    assert owner.get(f"/sites/{fleet.sites[1].pk}/market/sharing.csv").status_code == 404
    alone = factories.make_site(organization=fleet.organization)
    assert (
        signed_in(factories.make_owner(site=alone)).get(f"/sites/{alone.pk}/market/sharing.csv").status_code
        == 404
    )


@pytest.mark.django_db
def test_operators_settle_viewers_look_strangers_see_nothing(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    fleet, community = make_community(homes=2)
    meter(fleet, 0, 1.0)
    meter(fleet, 1, -2.0)
    path = f"/console/{fleet.organization.pk}/sharing/{community.pk}/"
    viewer = signed_in(factories.make_operator(organization=fleet.organization, role="viewer"))
    stranger = signed_in(factories.make_operator(organization=factories.make_organization()))
    assert viewer.get(path).status_code == 200
    assert viewer.post(path, {"do": "settle", "date": DAY.isoformat()}).status_code == 403
    assert [
        stranger.get(path).status_code,
        stranger.post(path, {"do": "settle", "date": DAY.isoformat()}).status_code,
    ] == [
        404,
        404,
    ]
    assert not SharingRun.objects.exists()
    operator = signed_in(factories.make_operator(organization=fleet.organization))
    assert operator.post(path, {"do": "settle", "date": DAY.isoformat()}).status_code == 302
    assert operator.post(path, {"do": "settle", "date": NOW.date().isoformat()}).status_code == 400
    assert SharingRun.objects.get().shared_wh == 24_000
    assert AuditEntry.objects.filter(action="sharing_settle").count() == 1
    assert "24.000" in operator.get(path).content.decode()
    assert community.name in operator.get(f"/console/{fleet.organization.pk}/sharing/").content.decode()


@pytest.mark.django_db
def test_operators_found_a_community_and_choose_who_shares(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    fleet = factories.make_fleet(homes=3, history=False)
    area = GridArea.objects.create(organization=fleet.organization, name="village")
    for site in fleet.sites:
        site.grid_area = area
        site.save(update_fields=["grid_area"])
    operator = signed_in(factories.make_operator(organization=fleet.organization))
    path = f"/console/{fleet.organization.pk}/sharing/"
    form = {"name": "Village", "area": area.pk, "key": "static", "minutes": 15}
    for wrong in ({"name": " "}, {"area": 9**9}, {"area": "x"}, {"key": "fair"}, {"minutes": 7}):
        assert operator.post(path, {**form, **wrong}).status_code == 400, wrong
    assert operator.post(path, form).status_code == 302
    community = SharingCommunity.objects.get()
    page = f"{path}{community.pk}/"
    assert "Add all 3" in operator.get(page).content.decode()
    first = fleet.sites[0]
    assert operator.post(page, {"do": "set", "site": first.pk, "part": 7}).status_code == 302
    assert operator.post(page, {"do": "add_all", "part": 1}).status_code == 302
    assert operator.post(page, {"do": "remove", "site": fleet.sites[2].pk}).status_code == 302
    assert operator.post(page, {"do": "key", "key": "hybrid"}).status_code == 302
    elsewhere = factories.make_site(organization=factories.make_organization())
    refused: tuple[dict[str, Any], ...] = (
        {"do": "set", "site": elsewhere.pk, "part": 1}, {"do": "set", "site": first.pk, "part": 10**10},
        {"do": "set", "site": first.pk, "part": "-1"}, {"do": "remove", "site": fleet.sites[2].pk},
        {"do": "key", "key": "fair"}, {"do": "rule"}, {"do": "settle", "date": "soon"},
    )  # fmt: skip
    for sent in refused:
        assert operator.post(page, sent).status_code == 400, sent
    community.refresh_from_db()
    assert community.key == "hybrid"
    parts = SharingMember.objects.order_by("site_id").values_list("site_id", "part")
    assert list(parts) == [(first.pk, 7), (fleet.sites[1].pk, 1)]
    found = operator.get(page, {"find": fleet.sites[2].name}).content.decode()
    assert "No home of this name shares." in found and f"Add {fleet.sites[2].name}" in found


@pytest.mark.django_db
def test_every_day_is_sealed_in_the_log_home_by_home() -> None:
    fleet, community = make_community()
    meter(fleet, 0, 1.0)
    meter(fleet, 1, -2.0)
    run = day_settle(community=community, day=DAY, now=NOW)
    assert run is not None
    entry = LogEntry.objects.get()
    assert (run.entry, entry.kind, entry.run) == (entry, "sharing", None)
    facts = json.loads(bytes(entry.body))["facts"]
    assert (facts["shared_wh"], facts["version"], facts["date"]) == (24_000, 1, DAY.isoformat())
    second = SharingCredit.objects.get(site=fleet.sites[1])
    leaf = LogLeaf.objects.get(entry=entry, position=second.position or 0)
    said = json.loads(proof_of(leaf=leaf)["leaf"])
    assert (said["site"], said["given_sum_wh"], said["intervals"]) == (
        fleet.sites[1].pk, 24_000, intervals_hash(second),
    )  # fmt: skip
    assert log_faults(organization=fleet.organization) == []
    meter(fleet, 2, 3.0)
    assert day_settle(community=community, day=DAY, now=NOW) is not None
    assert LogEntry.objects.count() == 2
    assert log_faults(organization=fleet.organization) == []


@pytest.mark.django_db
def test_household_downloads_its_statement_and_the_proof_of_a_day(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    fleet, community = make_community()
    meter(fleet, 0, 1.0)
    meter(fleet, 1, -2.0)
    day_settle(community=community, day=DAY, now=NOW)
    owner, stranger = Client(), Client()
    owner.force_login(factories.make_owner(site=fleet.sites[0]))
    stranger.force_login(factories.make_owner(site=make_community(homes=1)[0].sites[0]))
    base = f"/sites/{fleet.sites[0].pk}/market/"
    paper = owner.get(f"{base}sharing.pdf")
    assert (paper.status_code, paper["Content-Type"]) == (200, "application/pdf")
    assert paper.content.startswith(b"%PDF")
    proof = owner.get(f"{base}sharing/{DAY.isoformat()}/proof")
    assert json.loads(json.loads(proof.content)["leaf"])["credited_sum_wh"] == 24_000
    for rest in ("sharing/2026-01-01/proof", "sharing/no/proof"):
        assert owner.get(base + rest).status_code == 404
    for rest in ("sharing.pdf", f"sharing/{DAY.isoformat()}/proof"):
        assert stranger.get(base + rest).status_code == 404
