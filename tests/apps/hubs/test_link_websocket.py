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
from apps.telemetry.selectors import latest_by_site
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, until
from tests.factories import HubDevice
from vpp.protocols.link.messages import (
    Ack,
    Hello,
    InstructionState,
    InstructionStatus,
    LinkError,
    ResourceDescription,
    Schedule,
    Snapshots,
)

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
