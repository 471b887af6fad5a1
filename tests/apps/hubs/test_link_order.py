"""Acknowledgements are promises: never before the commit, never over a message that is not held."""

import time

from django.db import connection, transaction

from tests.apps.hubs.conftest import COMMITTED, Link
from tests.factories import HubDevice
from vpp.protocols.link.messages import Ack, LinkError, Points, Snapshots

pytestmark = COMMITTED


def rows(device: HubDevice) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM telemetry_snapshot s JOIN hubs_hub h ON h.site_id = s.site_id WHERE h.id = %s",
            [device.hub_id],
        )
        return int(cursor.fetchone()[0])


def snapshot(seq: int) -> Snapshots:
    return Snapshots(lane="live", seq=seq, at=[int(time.time() * 1000) - 60_000 + seq * 1000], grid_kw=[1.0])


def points(seq: int) -> Points:
    now_ms = int(time.time() * 1000)
    return Points(lane="live", seq=seq, resource=["battery"], quantity=["cell_v"], at=[now_ms], value=[3.3])


def test_a_later_message_that_is_stored_first_waits_for_the_earlier_one(
    link: Link, device: HubDevice
) -> None:
    with link.session(device) as wire:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE telemetry_snapshot IN ACCESS EXCLUSIVE MODE")
            wire.send(snapshot(0))
            wire.send(points(1))
            assert wire.hears_nothing(0.6)
        acks = [wire.receive()]
        while isinstance(acks[-1], Ack) and acks[-1].seq < 1:
            acks.append(wire.receive())
        assert isinstance(acks[-1], Ack)
        assert acks[-1].seq == 1
    assert rows(device) == 1


def test_what_could_not_be_stored_is_never_acknowledged_by_what_follows(
    link: Link, device: HubDevice
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE telemetry_snapshot RENAME TO telemetry_elsewhere")
    try:
        with link.session(device) as wire:
            wire.send(snapshot(0))
            refused = wire.receive()
            assert isinstance(refused, LinkError)
            assert (refused.code, refused.permanent, refused.lane) == ("storage_failed", False, None)
            wire.send(points(1))
            assert wire.hears_nothing(0.6)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE telemetry_elsewhere RENAME TO telemetry_snapshot")
    with link.session(device, first_unacked={"live": 0}) as wire:
        assert wire.acknowledged(snapshot(0)).seq == 0
        assert wire.acknowledged(points(1)).seq == 1
    assert rows(device) == 1
