"""The hub link over real WebSockets."""

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from websockets.exceptions import InvalidStatus

from apps.hubs import instructions, services
from apps.hubs.instructions import Order
from apps.hubs.link import app as link_app
from apps.hubs.link import server as link_server
from apps.hubs.models import Hub, Instruction
from apps.sites.models import Resource, Site
from apps.telemetry.models import Series
from apps.telemetry.selectors import latest_by_site, quarantined
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, Wire, serving, until
from tests.factories import HubDevice
from vpp.protocols.link.messages import (
    Ack,
    Hello,
    InstructionState,
    InstructionStatus,
    LinkError,
    Points,
    ResourceDescription,
    Schedule,
    Snapshots,
)
from vpp.protocols.link.messages import Instruction as InstructionMessage

MINUTE_MS = 60_000
pytestmark = COMMITTED


def now_ms() -> int:
    return int(time.time() * 1000)


def site_of(device: HubDevice) -> Site:
    site = factories.hub_of(device).site
    assert site is not None
    return site


def batch(seq: int = 0, *, rows: int = 3, ends_ms: int | None = None, **columns: Any) -> Snapshots:
    """Minutes that end at `ends_ms` (now), drawing 1.5 kW unless told otherwise."""
    ends_ms = ends_ms or now_ms()
    at = [ends_ms - (rows - 1 - row) * MINUTE_MS for row in range(rows)]
    return Snapshots(lane="live", seq=seq, at=at, **(columns or {"grid_kw": [1.5] * rows}))


def revoke(device: HubDevice) -> None:
    hub = factories.hub_of(device)
    assert hub.organization is not None
    services.hub_revoke(organization=hub.organization, hub_id=device.hub_id, actor="test", now=factories.NOW)


def order(device: HubDevice, *, subject: str = "signal:1", minutes: float = 60) -> Instruction:
    now = datetime.now(UTC)
    schedule = Schedule(starts_at=now_ms(), interval_s=900, site_kw=[0.5, None])
    made = Order(
        hub_id=factories.hub_of(device).pk,
        subject=subject,
        schedule=schedule,
        not_before=now,
        expires_at=now + timedelta(minutes=minutes),
        reason="peak",
    )
    return instructions.instructions_queue(orders=[made], now=now)[0]


def status(message: Any, state: InstructionState, *, seq: int = 0, revision: int = 1) -> InstructionStatus:
    return InstructionStatus(
        seq=seq, instruction_id=str(message), revision=revision, state=state, at=now_ms(), reason="done"
    )


class TestDoor:
    def refusal(self, link: Link, device: HubDevice, token: str) -> tuple[int, str]:
        with pytest.raises(InvalidStatus) as caught:
            with link.connection(device, token=token):
                pass
        response = caught.value.response
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.body is not None
        return response.status_code, json.loads(response.body)["code"]

    def test_invented_token_is_refused(self, link: Link, device: HubDevice) -> None:
        assert self.refusal(link, device, "invented") == (401, "token_invalid")

    def test_missing_token_is_refused(self, link: Link, device: HubDevice) -> None:
        assert self.refusal(link, device, " ") == (401, "token_missing")

    def test_token_of_an_earlier_generation_is_refused(self, link: Link, device: HubDevice) -> None:
        token = device.token()
        Hub.objects.filter(pk=device.hub_id).update(generation=F("generation") + 1)
        assert self.refusal(link, device, token) == (401, "token_stale")

    def test_token_for_the_home_before_is_refused(self, link: Link, device: HubDevice) -> None:
        token = device.token()
        moved = factories.make_site(organization=factories.make_organization(), battery=None)
        Hub.objects.filter(pk=device.hub_id).update(site=moved, organization=moved.organization)
        assert self.refusal(link, device, token) == (401, "token_stale")

    def test_token_of_a_revoked_hub_is_refused(self, link: Link, device: HubDevice) -> None:
        token = device.token()
        revoke(device)
        assert self.refusal(link, device, token) == (403, "hub_revoked")

    def test_expired_token_is_refused(
        self, link: Link, device: HubDevice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.hubs.tokens.TOKEN_S", -1)
        assert self.refusal(link, device, device.token()) == (401, "token_expired")

    def test_other_path_is_no_link(self, link: Link, device: HubDevice) -> None:
        with pytest.raises(InvalidStatus) as caught:
            with factories_connect(link, "/elsewhere"):
                pass
        assert caught.value.response.status_code == 403


def factories_connect(link: Link, path: str) -> Any:
    from websockets.sync.client import connect

    return connect(f"ws://127.0.0.1:{link.port}{path}")


class TestHello:
    def test_hub_is_welcomed_by_its_site(self, link: Link, device: HubDevice) -> None:
        with link.connection(device) as wire:
            welcome = wire.greet()
        assert welcome.site_id == site_of(device).pk
        assert abs(welcome.server_time - now_ms()) < 5_000
        assert welcome.acked == {"live": -1, "backfill": -1, "status": -1}

    def test_hub_is_connected_until_it_leaves(self, link: Link, device: HubDevice) -> None:
        with link.session(device, agent_version="9.9"):
            hub = factories.hub_of(device)
            assert (hub.is_connected, hub.agent_version) == (True, "9.9")
        until(lambda: not factories.hub_of(device).is_connected)

    def test_hub_says_what_it_has(self, link: Link, device: HubDevice) -> None:
        battery = ResourceDescription(key="b1", kind="battery", name="B", parameters={"capacity_kwh": 9.0})
        with link.session(device, resources=[battery]):
            found = Resource.objects.get(site=site_of(device))
        assert (found.key, found.kind, found.name, found.parameters) == (
            "b1", "battery", "B", {"capacity_kwh": 9.0},
        )  # fmt: skip

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_resource_with_a_parameter_that_is_no_number_is_refused(
        self, link: Link, device: HubDevice, value: float
    ) -> None:
        resource = ResourceDescription(key="b1", kind="battery", parameters={"capacity_kwh": value})
        with link.connection(device) as wire:
            wire.send(Hello(hub_id=device.hub_id, boot_id="b", resources=[resource]), binary=True)
            error = wire.receive()
            assert isinstance(error, LinkError)
            assert (error.code, error.permanent) == ("malformed", True)
            assert wire.close_code() == link_app.CLOSE_PROTOCOL
        assert Resource.objects.filter(site=site_of(device)).count() == 0

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("hello_first", lambda device: batch()),
            ("foreign_hub", lambda device: Hello(hub_id="another", boot_id="b")),
            ("unsupported_version", lambda device: Hello(hub_id=device.hub_id, boot_id="b", version=2)),
            ("malformed", lambda device: Hello(hub_id=device.hub_id, boot_id="")),
        ],
    )
    def test_session_that_starts_wrongly_is_closed(
        self, link: Link, device: HubDevice, code: str, message: Callable[[HubDevice], Any]
    ) -> None:
        with link.connection(device) as wire:
            wire.send(message(device))
            error = wire.receive()
            assert isinstance(error, LinkError)
            assert error.code == code
            assert wire.close_code() == link_app.CLOSE_PROTOCOL
        assert factories.rows_of(site_of(device).pk) == []

    def test_second_hello_ends_the_session(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            wire.send(Hello(hub_id=device.hub_id, boot_id="boot-1"))
            error = wire.receive()
            assert isinstance(error, LinkError)
            assert error.code == "unexpected_message"
            assert wire.close_code() == link_app.CLOSE_PROTOCOL

    def test_connection_without_hello_is_closed(
        self, link: Link, device: HubDevice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link_app, "HELLO_LIMIT_S", 0.1)
        with link.connection(device) as wire:
            assert wire.close_code() == link_app.CLOSE_PROTOCOL

    def test_newer_connection_replaces_the_older(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as older, link.session(device) as newer:
            assert older.close_code() == link_app.CLOSE_REPLACED
            assert newer.acknowledged(batch()).seq == 0
            until(lambda: factories.hub_of(device).is_connected)

    def test_revoking_closes_the_connection(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            revoke(device)
            assert wire.close_code() == link_server.CLOSE_REVOKED

    def test_hub_revoked_before_its_hello_is_shut_out(self, link: Link, device: HubDevice) -> None:
        with link.connection(device) as wire:
            revoke(device)
            wire.send(Hello(hub_id=device.hub_id, boot_id="b"))
            assert wire.close_code() == link_server.CLOSE_REVOKED


class TestSnapshots:
    @pytest.mark.parametrize("binary", [False, True])
    def test_acknowledged_rows_are_committed(self, link: Link, device: HubDevice, binary: bool) -> None:
        message = batch(rows=2, grid_kw=[1.25, None], battery_soc=[0.5, 0.25], pv_kw=[])
        with link.session(device) as wire:
            answer = wire.acknowledged(message, binary=binary)
            assert (answer.lane, answer.seq, answer.stored, answer.quarantined) == ("live", 0, 2, 0)
            rows = factories.rows_of(site_of(device).pk, "grid_kw", "battery_soc", "pv_kw")
        assert [(factories.ms(at), *values) for at, *values in rows] == [
            (message.at[0], 1.25, 0.5, None),
            (message.at[1], None, 0.25, None),
        ]

    def test_nothing_is_acknowledged_before_its_commit(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE telemetry_snapshot IN SHARE ROW EXCLUSIVE MODE")
                wire.send(batch())
                assert wire.hears_nothing()
                assert factories.rows_of(site_of(device).pk) == []
            answer = wire.receive()
            assert len(factories.rows_of(site_of(device).pk)) == 3
        assert answer == Ack("live", 0, stored=3)

    def test_replayed_batch_stores_nothing_twice(self, link: Link, device: HubDevice) -> None:
        message = batch()
        with link.session(device) as wire:
            wire.acknowledged(message)
        again = Snapshots(lane="live", seq=0, at=message.at, grid_kw=[9.0] * 3)
        with link.session(device) as wire:
            assert wire.acknowledged(again).seq == 0
        rows = factories.rows_of(site_of(device).pk, "grid_kw")
        assert [kw for _, kw in rows] == [1.5, 1.5, 1.5]

    def test_batch_sent_twice_in_one_session_is_a_duplicate(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            wire.acknowledged(batch(0))
            wire.acknowledged(batch(1))
            assert wire.acknowledged(batch(0)).seq == 1
        assert len(factories.rows_of(site_of(device).pk)) <= 6

    def test_gap_is_answered_with_what_is_expected(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            wire.acknowledged(batch(0))
            wire.send(batch(5))
            error = wire.receive()
            assert isinstance(error, LinkError)
            assert (error.code, error.lane, error.expected_seq, error.permanent) == (
                "out_of_order", "live", 1, False,
            )  # fmt: skip
            assert wire.acknowledged(batch(1)).seq == 1
        assert len(factories.rows_of(site_of(device).pk)) <= 6

    def test_lanes_go_by_themselves(self, link: Link, device: HubDevice) -> None:
        with link.session(device, first_unacked={"live": 7}) as wire:
            back = batch(0, ends_ms=now_ms() - 3_600_000)
            back.lane = "backfill"
            wire.acknowledged(back)
            assert wire.acknowledged(batch(7)).seq == 7
        assert len(factories.rows_of(site_of(device).pk)) == 6

    @pytest.mark.parametrize(
        "frame",
        ["{", '{"type": "dance"}', "[]", b"\xc1", b"", "", '{"type": "points", "lane": "live", "seq": NaN}'],
    )
    def test_malformed_frame_is_answered_and_the_connection_lives(
        self, link: Link, device: HubDevice, frame: str | bytes
    ) -> None:
        with link.session(device) as wire:
            wire.socket.send(frame)
            error = wire.receive()
            assert isinstance(error, LinkError)
            assert error.code in {"malformed", "invalid_message"}
            assert wire.acknowledged(batch()).stored == 3

    def test_columns_of_different_length_are_refused_and_the_lane_goes_on(
        self, link: Link, device: HubDevice
    ) -> None:
        with link.session(device) as wire:
            wire.send(batch(0, grid_kw=[1.0]))
            error, ack = wire.receive(), wire.receive()
            assert isinstance(error, LinkError)
            assert (error.code, error.permanent, error.expected_seq) == ("malformed", True, 1)
            assert ack == Ack("live", 0, quarantined=1)
            assert wire.acknowledged(batch(1)).seq == 1
        assert len(factories.rows_of(site_of(device).pk)) == 3

    def test_frame_beyond_the_limit_ends_the_connection(self, link: Link, device: HubDevice) -> None:
        with link.session(device) as wire:
            wire.socket.send("x" * 1_100_000)
            assert wire.close_code() == 1009

    def test_latest_state_follows(self, link: Link, device: HubDevice) -> None:
        site = site_of(device)
        message = batch(rows=1, grid_kw=[2.5])
        with link.session(device) as wire:
            wire.acknowledged(message)
            until(lambda: latest_by_site(site_ids=[site.pk]))
            wire.acknowledged(batch(1, rows=1, ends_ms=message.at[0] - 600_000))
            time.sleep(0.7)  # longer than the latest state's period
        row = latest_by_site(site_ids=[site.pk])[site.pk]
        assert (factories.ms(row.at), row.grid_kw) == (message.at[0], 2.5)


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
