"""The link over WebSocket: what is quarantined, points, and instructions."""

import math
from typing import Any

import pytest
from django.db import connection

from apps.hubs import instructions
from apps.hubs.link import server as link_server
from apps.telemetry.models import Series
from apps.telemetry.selectors import quarantined
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, Wire, serving
from tests.apps.hubs.test_link_websocket import batch, now_ms, order, site_of, status
from tests.factories import HubDevice
from vpp.protocols.link.messages import (
    Ack,
    Points,
    Snapshots,
)
from vpp.protocols.link.messages import Instruction as InstructionMessage

MINUTE_MS = 60_000
pytestmark = COMMITTED


class TestQuarantine:
    def set_aside(self, device: HubDevice) -> list[tuple[int, str, dict[str, Any]]]:
        found = quarantined(site_ids=[site_of(device).pk])
        return [(one.sent_at, one.reason, one.content) for one in reversed(found)]

    def send(self, link: Link, device: HubDevice, message: Snapshots) -> Ack:
        with link.session(device) as wire:
            return wire.acknowledged(message, binary=True)

    @pytest.mark.parametrize(
        ("value", "reason", "kept"),
        [
            (math.nan, "not_finite", "nan"),
            (math.inf, "not_finite", "inf"),
            (-math.inf, "not_finite", "-inf"),
            (5_000.0, "out_of_range", "5000.0"),
        ],
    )
    def test_impossible_value_is_set_aside_and_the_rest_is_kept(
        self, link: Link, device: HubDevice, value: float, reason: str, kept: str
    ) -> None:
        message = batch(rows=2, grid_kw=[value, 1.0], load_kw=[0.5, 0.5])
        answer = self.send(link, device, message)
        assert (answer.stored, answer.quarantined) == (2, 1)
        assert self.set_aside(device) == [(message.at[0], reason, {"grid_kw": kept})]
        rows = factories.rows_of(site_of(device).pk, "grid_kw", "load_kw")
        assert [values for _, *values in rows] == [[None, 0.5], [1.0, 0.5]]

    def test_row_from_the_future_is_set_aside(self, link: Link, device: HubDevice) -> None:
        ends = now_ms() + 10 * MINUTE_MS
        answer = self.send(link, device, batch(rows=1, ends_ms=ends, grid_kw=[1.0], pv_kw=[None]))
        assert (answer.seq, answer.quarantined) == (0, 1)
        assert self.set_aside(device) == [(ends, "future_dated", {"grid_kw": 1.0})]
        assert factories.rows_of(site_of(device).pk) == []

    def test_row_older_than_retention_is_set_aside(self, link: Link, device: HubDevice) -> None:
        ends = now_ms() - 401 * 86_400_000
        self.send(link, device, batch(rows=1, ends_ms=ends, grid_kw=[1.0]))
        assert self.set_aside(device) == [(ends, "older_than_retention", {"grid_kw": 1.0})]
        assert factories.rows_of(site_of(device).pk) == []

    @pytest.mark.parametrize("at", [0, 253_402_300_799_999])
    def test_instants_at_the_ends_of_the_calendar_are_set_aside(
        self, link: Link, device: HubDevice, at: int
    ) -> None:
        self.send(link, device, batch(rows=1, grid_kw=[1.0], ends_ms=at or 1))
        assert len(self.set_aside(device)) == 1


class TestPoints:
    def points(self, seq: int = 0, *, value: float = 21.5, at: int | None = None) -> Points:
        return Points(
            lane="live", seq=seq, resource=["hp"], quantity=["tank_c"], at=[at or now_ms()], value=[value]
        )

    def values(self, device: HubDevice) -> list[float]:
        series = Series.objects.filter(site_id=site_of(device).pk)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT value FROM telemetry_point WHERE series_id = ANY(%s) ORDER BY at",
                [list(series.values_list("pk", flat=True))],
            )
            return [value for (value,) in cursor.fetchall()]

    def test_points_are_stored_by_series(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            assert wire.acknowledged(self.points()).stored == 1
        series = Series.objects.get(site_id=site_of(device).pk)
        assert (series.resource, series.quantity, self.values(device)) == ("hp", "tank_c", [21.5])

    def test_points_sent_again_are_stored_once(self, link: Link, device: HubDevice) -> None:
        message = self.points()
        for _ in range(2):
            with link.session(device) as wire:
                wire.acknowledged(message)
        assert self.values(device) == [21.5]

    def test_point_that_is_no_number_is_set_aside(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            assert wire.acknowledged(self.points(value=math.nan), binary=True).quarantined == 1
        found = quarantined(site_ids=[site_of(device).pk])
        assert [(one.reason, one.content) for one in found] == [
            ("not_finite", {"resource": "hp", "quantity": "tank_c", "value": "nan"})
        ]
        assert self.values(device) == []


class TestInstructions:
    def receive_instruction(self, wire: Wire) -> InstructionMessage:
        message = wire.receive()
        assert isinstance(message, InstructionMessage), message
        return message

    def test_connected_hub_is_told_at_once(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            queued = order(device)
            message = self.receive_instruction(wire)
            queued.refresh_from_db()
        assert (message.id, message.revision, message.reason) == (str(queued.instruction_id), 1, "peak")
        assert message.schedule is not None
        assert message.schedule.site_kw == [0.5, None]
        assert queued.state == "sent"

    def test_hub_that_comes_later_is_told_then(self, link: Link, device: HubDevice) -> None:
        queued = order(device)
        with link.session(device) as wire:
            assert self.receive_instruction(wire).id == str(queued.instruction_id)

    def test_what_was_never_answered_is_told_again(self, link: Link, device: HubDevice) -> None:
        order(device)
        for _ in range(2):
            with link.session(device) as wire:
                assert self.receive_instruction(wire).revision == 1

    def test_answered_instruction_is_not_told_again(self, link: Link, device: HubDevice) -> None:
        queued = order(device)
        with link.session(device) as wire:
            self.receive_instruction(wire)
            wire.acknowledged(status(queued.instruction_id, "acknowledged"))
        with link.session(device) as wire:
            assert wire.hears_nothing()

    def test_expired_instruction_is_not_told(self, link: Link, device: HubDevice) -> None:
        order(device, minutes=-1)
        with link.session(device) as wire:
            assert wire.hears_nothing()

    def test_only_the_newest_revision_is_told(self, link: Link, device: HubDevice) -> None:
        first, second = order(device), order(device)
        with link.session(device) as wire:
            message = self.receive_instruction(wire)
            assert wire.hears_nothing()
        assert (message.id, message.revision) == (str(first.instruction_id), 2)
        assert second.instruction_id == first.instruction_id

    def test_another_hub_hears_nothing(self, link: Link, device: HubDevice) -> None:
        other = factories.make_hub(
            site=factories.make_site(organization=factories.make_organization(), battery=None)
        )
        with link.session(other) as wire:
            order(device)
            assert wire.hears_nothing()

    def test_hub_reports_how_far_it_got(self, link: Link, device: HubDevice) -> None:
        queued = order(device)
        with link.session(device) as wire:
            self.receive_instruction(wire)
            wire.acknowledged(status(queued.instruction_id, "acknowledged", seq=0))
            wire.acknowledged(status(queued.instruction_id, "applied", seq=1))
        queued.refresh_from_db()
        assert (queued.state, queued.state_reason) == ("applied", "done")

    def test_report_on_a_foreign_instruction_changes_nothing(self, link: Link, device: HubDevice) -> None:
        other = factories.make_hub(
            site=factories.make_site(organization=factories.make_organization(), battery=None)
        )
        queued = order(device)
        with link.session(other) as wire:
            answer = wire.acknowledged(status(queued.instruction_id, "rejected"))
        queued.refresh_from_db()
        assert (queued.state, answer.stored, answer.quarantined) == ("queued", 0, 1)

    @pytest.mark.parametrize("id_", ["x", "", "00000000-0000-4000-8000-000000000000"])
    def test_report_on_what_never_was_is_set_aside(self, link: Link, device: HubDevice, id_: str) -> None:
        with link.session(device) as wire:
            answer = wire.acknowledged(status(id_, "applied", revision=2**53 - 1))
        assert (answer.seq, answer.stored, answer.quarantined) == (0, 0, 1)

    def test_instruction_queued_while_the_bus_was_away_is_delivered(
        self, link: Link, device: HubDevice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link_server, "SWEEP_S", 0.1)
        monkeypatch.setattr(instructions, "publish", lambda name, payload: None)  # Redis loses the note
        with serving() as other, other.session(device) as wire:
            queued = order(device)
            assert self.receive_instruction(wire).id == str(queued.instruction_id)
