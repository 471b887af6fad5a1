"""What a hub had to give up, and what its clock did not know: noted in the cloud, never mixed with the rest."""

import time

import pytest

from apps.sites.models import Site
from apps.telemetry.models import Gap as StoredGap
from apps.telemetry.selectors import quarantined
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link
from tests.factories import HubDevice
from vpp.protocols.link.messages import Ack, Gap, LinkError, Snapshots

pytestmark = COMMITTED
HOUR_MS = 3_600_000


def site_of(device: HubDevice) -> Site:
    site = factories.hub_of(device).site
    assert site is not None
    return site


def gap(seq: int = 0, *, hours: int = 5) -> Gap:
    ends = int(time.time() * 1000) - HOUR_MS
    return Gap("backfill", seq, ends - hours * HOUR_MS, ends, rows=300, reason="the outbox was full")


def test_gap_is_noted_once_and_the_lane_goes_on(link: Link, device: HubDevice) -> None:
    lost = gap()
    for _ in range(2):
        with link.session(device) as wire:
            wire.send(lost)
            assert wire.receive() == Ack("backfill", 0)
    stored = StoredGap.objects.get(site_id=site_of(device).pk)
    assert (stored.rows, stored.reason) == (300, "the outbox was full")
    assert int(stored.starts_at.timestamp() * 1000) == lost.starts_at
    assert int(stored.ends_at.timestamp() * 1000) == lost.ends_at


def test_gap_that_ends_before_it_starts_is_refused(link: Link, device: HubDevice) -> None:
    with link.session(device) as wire:
        wire.send(gap(hours=-1))
        error, ack = wire.receive(), wire.receive()
        assert isinstance(error, LinkError)
        assert (error.code, error.detail) == ("malformed", "a gap ends before it starts")
        assert ack == Ack("backfill", 0, quarantined=1)
    assert not StoredGap.objects.exists()


@pytest.mark.parametrize("rows", [1, 3])
def test_rows_of_a_doubted_clock_are_set_aside(link: Link, device: HubDevice, rows: int) -> None:
    at = [int(time.time() * 1000) - 60_000 * row for row in range(rows)]
    doubted = Snapshots("live", 0, at, grid_kw=[1.5] * rows, clock_trusted=False)
    fine = Snapshots("live", 1, [at[0] - HOUR_MS], grid_kw=[2.5])
    with link.session(device) as wire:
        assert wire.acknowledged(doubted).quarantined == rows
        assert wire.acknowledged(fine).stored == 1
    site_id = site_of(device).pk
    aside = quarantined(site_ids=[site_id])
    assert {(one.reason, one.content["grid_kw"]) for one in aside} == {("clock_not_trusted", 1.5)}
    assert [one.sent_at for one in aside] == at[::-1]
    assert len(factories.rows_of(site_id)) == 1
