"""Carbon of traded energy by interval: from greenhouse-gas signals where they say it, else the yearly figure."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.markets.carbon import Carbon, carbon_spared_g, carbon_told
from apps.markets.delivery import deliveries_settle_due
from apps.markets.models import ClearingRun
from apps.markets.operators import market_set
from apps.programs.models import GridSignal
from apps.sites.models import GridArea
from tests import factories
from tests.apps.markets.test_market_deliveries import DUE, meter
from tests.apps.markets.test_market_pages import owner_of, path, text_of
from tests.apps.markets.world import BID, END, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def ghg(street: Street, values: list[float | None], **more: Any) -> GridSignal:
    """A signal of quarter-hours from the interval under test on."""
    held: dict[str, Any] = {"received_at": NOW, "interval_s": 900, "starts_at": START, **more}
    ends_at = held["starts_at"] + timedelta(seconds=held["interval_s"]) * len(values)
    return GridSignal.objects.create(
        organization=street.fleet.organization, program=street.fleet.program, kind="ghg", name="Grid mix",
        source=f"test {factories.number()}", ends_at=ends_at, target_kw=[0.0] * len(values), values=values, **held,
    )  # fmt: skip


def told(street: Street, starts_at: datetime = START) -> Carbon | None:
    return carbon_told(market=street.market, starts_at=starts_at, ends_at=starts_at + (END - START))


def test_the_newest_word_counts_minute_by_minute_and_a_gap_is_no_word() -> None:
    street = make_street(homes=1, history=False)
    assert told(street) is None
    ghg(street, [300.0])
    assert told(street) == Carbon(300.0, "Grid mix")
    ghg(street, [60.0, None], interval_s=300, received_at=NOW + timedelta(minutes=1))
    assert told(street) == Carbon(220.0, "Grid mix")  # five minutes at 60, ten at 300
    GridSignal.objects.filter(interval_s=300).update(state="canceled")
    assert told(street) == Carbon(300.0, "Grid mix")
    assert told(street, START + timedelta(minutes=5)) is None


def test_signals_for_other_places_and_tenants_do_not_count() -> None:
    street, other = make_street(homes=1, history=False), make_street(homes=1, history=False)
    city = GridArea.objects.create(organization=street.fleet.organization, name="city")
    GridArea.objects.filter(pk=street.area.pk).update(parent=city)
    ghg(other, [300.0])
    ghg(street, [200.0], targets=["elsewhere"])
    assert told(street) is None
    ghg(street, [100.0], targets=["city"])
    assert told(street) == Carbon(100.0, "Grid mix")


def test_runs_keep_the_figure_of_their_interval_and_take_a_better_one_with_delivery(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(DUE)
    street = make_street(homes=2)
    ghg(street, [400.0])
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 250, green=True)
    street.order(1, OFFER, 110_000, 750)
    run = street.clear()
    assert (run.carbon_g_per_kwh, run.carbon_source) == (400.0, "Grid mix")
    assert carbon_spared_g(participant=street.participants[0], since=NOW) == 100.0
    ghg(street, [200.0], received_at=END)
    meter(street, 0, 4.0)
    meter(street, 1, -4.0)
    deliveries_settle_due(now=DUE)
    assert ClearingRun.objects.get().carbon_g_per_kwh == 200.0
    shown = text_of(owner_of(street), path(street))
    for part in ("0.05 kg CO₂ less", "its figure counts (Grid mix)", ">150<"):
        assert part in shown, part


def test_without_a_signal_the_yearly_figure_counts() -> None:
    street = make_street(homes=2)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1000, green=True)
    run = street.clear()
    assert run.carbon_g_per_kwh is None
    assert carbon_spared_g(participant=street.participants[0], since=NOW) is None
    changes = {"carbon_g_per_kwh": 380, "carbon_source": "yearly mean"}
    market_set(market=street.market, changes=changes, actor="test", now=NOW)
    assert carbon_spared_g(participant=street.participants[0], since=NOW) == 380.0
