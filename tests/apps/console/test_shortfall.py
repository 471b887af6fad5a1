"""Who is short in a running event and why: every reason once, and the same for a few homes as for many."""

from datetime import datetime, timedelta

import pytest

from apps.console.shortfall import Shortfall, shortfall
from apps.dispatch import homes_now
from apps.dispatch.selectors import SignalView, signal_view
from apps.hubs.instructions import Order, instructions_queue
from apps.hubs.models import Hub, Instruction
from apps.programs.models import GridSignal, OptOut
from apps.sites.models import Site
from tests.apps.portal.world import QUARTER, World, add_hub, add_plan, add_signal, add_snapshot, build_world

HOMES = ("opted_out", "offline", "silent", "refused", "empty", "waiting", "late", "weak", "good")


@pytest.fixture
def world(db: None, now: datetime) -> World:
    return build_world(now=now, homes=len(HOMES))


@pytest.fixture
def signal(world: World, now: datetime) -> GridSignal:
    """A running event that asks each home for 2 kW of its 1.4; each is in the way of HOMES."""
    signal = add_signal(
        world, starts_at=now - 3 * QUARTER - timedelta(minutes=5), state="active", target_kw=18.0
    )
    add_plan(signal, world.sites)
    for kind, site in zip(HOMES, world.sites, strict=True):
        hub = add_hub(site, now=now, connected=kind != "offline")
        if kind != "silent":
            given_kw = 2.0 if kind == "good" else 0.5
            soc = 0.11 if kind == "empty" else 0.6
            add_snapshot(site, now - timedelta(seconds=20), grid_kw=1.4 - given_kw, battery_soc=soc)
        told(hub, signal, kind)
    OptOut.objects.create(signal=signal, site=world.sites[0], at=now)
    return signal


def told(hub: Hub, signal: GridSignal, kind: str) -> None:
    """Tell the hub what the event asks; its answer is the kind's."""
    at = signal.starts_at
    order = Order(hub.pk, f"signal:{signal.pk}", None, at, signal.ends_at)
    one = instructions_queue(orders=[order], now=at)[0]
    states = {"refused": Instruction.State.REJECTED, "waiting": Instruction.State.SENT}
    Instruction.objects.filter(pk=one.pk).update(
        state=states.get(kind, Instruction.State.APPLIED),
        state_reason="it is on holiday" if kind == "refused" else "",
        acknowledged_at=None if kind == "waiting" else at + timedelta(minutes=4 if kind == "late" else 0),
    )


def looked(signal: GridSignal, now: datetime) -> tuple[SignalView, Shortfall]:
    view = signal_view(signal=signal, now=now)
    return view, shortfall(view=view, now=now)


@pytest.mark.parametrize("few", [1, 1000])
def test_the_first_reason_that_explains_it_is_said(
    signal: GridSignal, now: datetime, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(homes_now, "FEW", few)
    view, short = looked(signal, now)
    places = {
        site.pk: kind
        for kind, site in zip(
            HOMES, Site.objects.filter(organization=signal.organization).order_by("pk"), strict=True
        )
    }
    found = {places[one.home.site.pk]: (one.kind, one.detail) for one in short.homes}
    assert found == {
        "opted_out": ("opted_out", "the household said no"),
        "offline": ("offline", "since 40 minutes"),
        "silent": ("silent", "its hub is on the link but measures nothing"),
        "refused": ("refused", "it is on holiday"),
        "empty": ("empty", "at 11%, its reserve is 10%"),
        "waiting": ("waiting", "told 50 minutes ago"),
        "late": ("late", "4 minutes after it was told"),
        "weak": ("weak", "its hub follows, its devices give less"),
    }
    assert (short.count, round(short.missing_kw, 6)) == (8, 12.5)
    assert short.homes[0].kind == "silent"
    assert short.by_reason[0] == ("no measurements", 1, 2.0)
    assert view.fleet.counts() == {"delivering": 7, "opted out": 1, "silent": 1}


def test_the_homes_of_a_view_know_what_each_is_asked_and_gives(signal: GridSignal, now: datetime) -> None:
    view, _ = looked(signal, now)
    good, silent = view.homes[8], view.homes[2]
    assert (good.shed_kw, round(good.delivered_kw or 0, 6), good.state, good.instruction_state, good.soc) == (
        2.0, 2.0, "delivering", "applied", 0.6,
    )  # fmt: skip
    assert (silent.delivered_kw, silent.state, silent.soc) == (None, "silent", None)
    assert good.site.name == "Rose Street 17"


def test_before_the_event_nobody_is_asked(signal: GridSignal) -> None:
    view = signal_view(signal=signal, now=signal.starts_at - timedelta(minutes=30))
    assert {home.shed_kw for home in view.homes} == {0.0}
    assert view.fleet.counts() == {"opted out": 1, "silent": 1, "waiting": 7}
