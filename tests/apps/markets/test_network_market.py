"""A market within its feeder's limits: nodal prices stored, the congestion account stated, the lines' data by REST."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.common.errors import DomainError
from apps.console.market_map import nodal_map
from apps.markets.clearing import run_replay
from apps.markets.models import Account, AreaLine, ClearingRun, Cut, NodePrice, Trade
from apps.markets.networks import feeder_of, line_set
from apps.markets.selectors import nodes_of_run
from apps.sites.models import GridArea
from tests import factories
from tests.apps.markets.world import BID, OFFER, START, Street, join, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def two_branches(*, limit_kw: float | None = 2.0, mechanism: str = "network", **rules: Any) -> Street:
    """A street whose homes 0 and 1 stand in two branches; what comes out of branch B has a limit."""
    street = make_street(homes=2, history=False, mechanism=mechanism, **rules)
    for place, name in enumerate("AB"):
        branch = GridArea.objects.create(
            organization=street.fleet.organization, name=f"branch {name}", parent=street.area,
            export_limit_kw=limit_kw if name == "B" else None,
        )  # fmt: skip
        site = street.fleet.sites[place]
        site.grid_area = branch
        site.save(update_fields=["grid_area"])
    return street


def nodes() -> list[tuple[str, int | None, int, float]]:
    rows = NodePrice.objects.order_by("place")
    return [(one.name, one.price_micro, one.traded_wh, one.flow_kw) for one in rows]


def test_a_line_that_binds_parts_the_prices_and_its_rent_goes_to_the_congestion_account() -> None:
    """2 kW for a quarter-hour are 500 Wh; the buyer pays 0.30, the seller gets 0.10, 0.20 x 0.5 kWh are left."""
    street = two_branches()
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    run = street.clear()
    assert nodes() == [
        ("street", 300_000, 0, 0.0), ("branch A", 300_000, 500, 2.0), ("branch B", 100_000, -500, -2.0),
    ]  # fmt: skip
    assert (run.buy_price_micro, run.volume_wh, run.account_nano) == (None, 500, 100_000_000)
    assert list(Trade.objects.order_by("side").values_list("side", "price_micro", "pay_nano")) == [
        (-1, 100_000, -50_000_000), (1, 300_000, 150_000_000),
    ]  # fmt: skip
    kept = {one.kind: one.balance_nano for one in Account.objects.filter(participant=None)}
    assert (kept["congestion"], kept["market"]) == (100_000_000, 0)
    bound = NodePrice.objects.get(name="branch B")
    assert (bound.line_price_micro, bound.export_limit_kw, bound.voltage_binds) == (-200_000, 2.0, False)
    assert run_replay(run=run).result_match


def test_without_a_binding_limit_it_is_the_call_auction() -> None:
    street = two_branches(limit_kw=None)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    run = street.clear()
    assert (run.buy_price_micro, run.sell_price_micro, run.volume_wh, run.account_nano) == (
        100_000,
        100_000,
        1000,
        0,
    )
    assert {price for _, price, _, _ in nodes()} == {100_000}


def test_voltage_limits_what_is_fed_in_at_the_end_of_a_long_line() -> None:
    """By LinDistFlow 0.21 pu of squared voltage is 16.8 kW over 1 ohm at 400 V: 2000 / 400^2 a kW."""
    street = two_branches(limit_kw=None)
    far = street.fleet.sites[1].grid_area
    assert far is not None
    line_set(market=street.market, grid_area=far, values={"resistance_ohm": 10.0}, actor="test", now=NOW)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1000)
    street.clear()
    held = NodePrice.objects.get(name="branch B")
    assert held.traded_wh == -420  # 1.68 kW for a quarter-hour
    assert held.voltage_pu == pytest.approx(1.1, abs=1e-6)
    assert held.voltage_binds


def test_firm_energy_flows_anyway_and_leaves_less_room() -> None:
    """A surplus of 1.2 kW in branch B is on its line whether it trades or not: 0.8 kW are left."""
    street = two_branches()
    neighbor = factories.make_site(organization=street.fleet.organization)
    neighbor.grid_area = street.fleet.sites[1].grid_area
    neighbor.save(update_fields=["grid_area"])
    street.participants.append(join(street.market, [neighbor]))
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    street.order(2, OFFER, 80_000, 300, firm=True)
    run = street.clear()
    sold = dict(Trade.objects.filter(side=OFFER).values_list("participant_id", "energy_wh"))
    assert sold == {street.participants[1].pk: 200, street.participants[2].pk: 300}
    assert NodePrice.objects.get(name="branch B").flow_kw == pytest.approx(-2.0)
    assert run.volume_wh == 500


def test_homes_in_several_areas_cannot_stand_at_one_node() -> None:
    street = two_branches()
    sites = [factories.make_site(organization=street.fleet.organization) for _ in range(2)]
    for site, other in zip(sites, street.fleet.sites, strict=True):
        site.grid_area = other.grid_area
        site.save(update_fields=["grid_area"])
    street.participants.append(join(street.market, sites, kind="aggregator"))
    street.order(2, BID, 300_000, 100)
    street.order(1, OFFER, 100_000, 100)
    assert street.clear().volume_wh == 0
    assert Cut.objects.get().reason == "its homes are in several grid areas; take part once for each"


def test_feeder_has_each_area_after_the_one_that_feeds_it() -> None:
    street = two_branches()
    assert [(area.name, parent) for area, parent in feeder_of(market=street.market)] == [
        ("street", -1), ("branch A", 0), ("branch B", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [{"resistance_ohm": -1.0}, {"reactance_ohm": float("nan")}, {"load_kw": 1e9}, {"length_km": 1.0}],
)
def test_a_line_that_makes_no_sense_is_refused(values: dict[str, float]) -> None:
    street = two_branches()
    with pytest.raises(DomainError, match=r"no such number|cannot be set"):
        line_set(market=street.market, grid_area=street.area, values=values, actor="test", now=NOW)
    assert not AreaLine.objects.exists()


def test_lines_and_nodes_by_rest_are_the_tenants_own() -> None:
    street = two_branches()
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    run = street.clear()
    area = street.fleet.sites[1].grid_area
    assert area is not None
    mine = factories.make_aggregator(organization=street.fleet.organization)
    stranger = factories.make_aggregator(organization=factories.make_organization())
    path = f"/markets/{street.market.pk}/lines/{area.pk}"
    assert stranger.put(path, {"resistance_ohm": 1.0}).status_code == 404
    assert not AreaLine.objects.exists()
    assert mine.put(path, {"resistance_ohm": 0.5, "load_kw": -3.0}).status_code == 200
    assert mine.get(f"/markets/{street.market.pk}/lines").json() == [
        {
            "grid_area_id": area.pk, "resistance_ohm": 0.5, "reactance_ohm": 0.0, "load_kw": -3.0, "load_kvar": 0.0,
            "kvar_per_kw": 0.0, "loss_permille": None,
        }
    ]  # fmt: skip
    assert AuditEntry.objects.filter(action="market_line_set").count() == 1
    assert mine.put(f"/markets/{street.market.pk}/lines/0", {}).status_code == 400
    told = mine.get(f"/market-runs/{run.pk}/nodes").json()
    assert [(one["name"], one["price_micro"]) for one in told] == [
        ("street", 300_000), ("branch A", 300_000), ("branch B", 100_000),
    ]  # fmt: skip
    assert stranger.get(f"/market-runs/{run.pk}/nodes").status_code == 404
    assert ClearingRun.objects.get().starts_at == START


def test_operators_see_the_prices_of_the_nodes_as_a_map(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    street = two_branches()
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    run = street.clear()
    client = Client()
    client.force_login(factories.make_operator(organization=street.fleet.organization))
    shown = client.get(
        f"/console/{street.fleet.organization.pk}/markets/{street.market.pk}/runs/{run.pk}/"
    ).content.decode()
    for part in (
        "Prices at the nodes",
        "branch B",
        "Congestion account: 0.1000 EUR",
        "2.00 of 2 kW out",
        "style=",
    ):
        assert (part in shown) == (part != "style="), part
    drawn = nodal_map(nodes=list(nodes_of_run(run=run)), account_nano=run.account_nano)
    assert drawn is not None
    assert [(one.name, one.x, one.y, one.shade, one.binds) for one in drawn.nodes] == [
        ("street", 16, 29, 4, False), ("branch A", 42, 87, 4, False), ("branch B", 42, 145, 0, True),
    ]  # fmt: skip
    assert drawn.nodes[2].way == "M16 29V145H42"
