"""The cloud as energy manager: s2-python's resource managers against the running platform."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from s2python.common import RoleType
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from apps.common import clock
from apps.dispatch.services import signal_plan
from apps.flexibility.forecasts import forecasts_issue
from apps.hubs.credentials import s2_credential_revoke
from apps.hubs.instructions import Order, instructions_queue, milliseconds
from apps.hubs.models import Hub, Instruction, S2Credential
from apps.hubs.services import hub_revoke
from apps.hubs.virtual import connection as s2_connection
from apps.hubs.virtual import home as s2_home
from apps.hubs.virtual import homes as s2_homes
from apps.sites.models import Resource, Site
from apps.telemetry.selectors import latest_by_site
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, until
from tests.apps.hubs.s2_devices import PATH, Devices, credential
from tests.edge_agent.cem.peer import Peer, last
from tests.edge_agent.cem.test_foreign_managers import MEASURED, STORE, described
from tests.vpp.protocols.s2.samples import OFF, ON, PEBC
from vpp.protocols.link.messages import CapacityLimits, DevicePayload, Droop, Schedule

pytestmark = COMMITTED
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten cycles and a row a second, so that nobody waits for a minute to end."""
    monkeypatch.setattr(s2_homes, "CYCLE_S", 0.1)
    monkeypatch.setattr(s2_home, "ROW_S", 1.0)


@pytest.fixture
def devices(link: Link) -> Iterator[Devices]:
    made = Devices(link.port)
    yield made
    made.close()


@pytest.fixture
def site(link: Link) -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def battery() -> Peer:
    return Peer("FRBC", [*STORE, MEASURED], role=RoleType.ENERGY_STORAGE, name="cellar battery")


def meter(watts: float = 2000.0) -> Peer:
    measured = {**MEASURED, "values": [{**MEASURED["values"][0], "value": watts}]}
    return Peer("NOT_CONTROLABLE", [measured], name="the meter")


def hub_of(site: Site) -> Hub:
    return Hub.objects.get(site=site, state=Hub.State.ACTIVE)


def eventually(condition: Any) -> None:
    until(condition, PATIENCE_S)


def order(site: Site, *, subject: str = "test", **content: Any) -> Instruction:
    now = clock.now()
    given: dict[str, Any] = {"schedule": None, **content}
    made = Order(
        hub_id=hub_of(site).pk,
        subject=subject,
        not_before=now,
        expires_at=now + timedelta(hours=1),
        reason="a test",
        **given,
    )
    return instructions_queue(orders=[made], now=now)[0]


def plan(**resources: list[float | None]) -> Schedule:
    return Schedule(starts_at=milliseconds(clock.now()) - 1000, interval_s=1800, resources=resources)


def state(made: Instruction) -> tuple[str, str]:
    found = Instruction.objects.get(pk=made.pk)
    return found.state, found.state_reason


def told(peer: Peer) -> tuple[str, float] | None:
    """The operation mode and factor of the last order."""
    if not peer.orders:
        return None
    document = last(peer.orders)
    return document["operation_mode"], round(document["operation_mode_factor"], 3)


def test_a_battery_is_described_and_measured(site: Site, devices: Devices) -> None:
    made = credential(site)
    with devices.connected(battery(), made):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        [resource] = Resource.objects.filter(site=site)
        assert (resource.key, resource.kind, resource.name) == ("battery", "battery", "cellar battery")
        assert resource.parameters["discharge_kw"] == 4.0
        assert resource.parameters["reserve_soc"] == site.reserve_soc
        eventually(lambda: site.pk in latest_by_site(site_ids=[site.pk]))
        row = latest_by_site(site_ids=[site.pk])[site.pk]
        assert (row.battery_kw, row.battery_soc) == (1.5, 0.5)
        assert (row.grid_kw, row.load_kw, row.import_kwh) == (None, None, None)
        hub = hub_of(site)
        assert (hub.kind, hub.is_connected, hub.features) == ("virtual", True, ["limits", "priority"])
        assert S2Credential.objects.get(pk=made.credential.pk).seen_at is not None
    eventually(lambda: not hub_of(site).is_connected)


def test_two_resource_managers_make_one_home(site: Site, devices: Devices) -> None:
    cellar, house = credential(site), credential(site, name="meter", role="grid")
    with devices.connected(battery(), cellar), devices.connected(meter(), house):
        eventually(
            lambda: (
                (row := latest_by_site(site_ids=[site.pk]).get(site.pk)) is not None
                and row.grid_kw == 2.0
                and row.battery_kw == 1.5
            )
        )
        row = latest_by_site(site_ids=[site.pk])[site.pk]
        assert row.load_kw == 0.5
        eventually(lambda: Resource.objects.filter(site=site).count() == 2)
        assert sorted(one.key for one in Resource.objects.filter(site=site)) == ["battery", "load"]
    assert Hub.objects.filter(site=site).count() == 1


def test_with_a_meter_the_home_uses_its_own_energy(site: Site, devices: Devices) -> None:
    peer = battery()
    with devices.connected(peer, credential(site)):
        with devices.connected(meter(2000.0), credential(site, role="grid")):
            # The meter shows 2 kW, of which the battery draws 1.5: it covers the other half a kilowatt.
            eventually(lambda: told(peer) == (OFF, round(1 - 0.5 / 4.0, 3)) or told(peer) == (OFF, 0.125))


def test_a_battery_follows_the_plan_of_a_grid_signal(devices: Devices) -> None:
    now = datetime.now(UTC)
    organization = factories.make_organization()
    site = factories.make_site(organization=organization, now=now - timedelta(days=60), battery=None)
    program = factories.make_program(organization=organization, now=now)
    factories.enroll(program=program, sites=[site], now=now)
    peer, cellar, house = battery(), credential(site), credential(site, role="grid")
    # As many days as a baseline needs, be today a weekday or not.
    factories.add_history(sites=[site], now=now, soc=0.5, days=40)
    with devices.connected(peer, cellar), devices.connected(meter(2000.0), house):
        eventually(lambda: Resource.objects.filter(site=site, key="battery").exists())
        forecasts_issue(organization=organization, now=now)
        starts_at = now - timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
        signal = factories.make_signal(program=program, starts_at=starts_at, target_kw=[2.0] * 5, now=now)
        signal_plan(signal_id=signal.pk, reason="a test", now=now)
        [queued] = Instruction.objects.filter(hub=hub_of(site))
        assert queued.subject == f"signal:{signal.pk}"
        assert queued.schedule is not None
        # The home draws 1 kW by its past, and is to give 2.
        assert min(queued.schedule["site_kw"]) == pytest.approx(-1.0, abs=0.05)
        eventually(lambda: state(queued)[0] == "applied")
        # The meter shows 2 kW, of which the battery draws 1.5: it has to give 1.5 of its 4.
        eventually(lambda: (given := told(peer)) and given[0] == OFF and abs(given[1] - 0.625) < 0.02)


def test_a_plan_for_a_meter_that_is_not_there_is_rejected(site: Site, devices: Devices) -> None:
    with devices.connected(battery(), credential(site)):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        schedule = Schedule(starts_at=milliseconds(clock.now()), interval_s=900, site_kw=[-1.0])
        made = order(site, schedule=schedule)
        eventually(lambda: state(made) == ("rejected", "no meter tells what the home draws"))


def test_a_schedule_is_applied_and_revoked(site: Site, devices: Devices) -> None:
    peer = battery()
    with devices.connected(peer, credential(site)):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        made = order(site, schedule=plan(battery=[-3.0]))
        eventually(lambda: state(made)[0] == "applied")
        eventually(lambda: told(peer) == (OFF, 0.25))
        revoked = order(site)
        eventually(lambda: state(revoked) == ("applied", "revoked"))
        eventually(lambda: told(peer) not in {None, (OFF, 0.25)})


def test_the_reserve_is_kept_whatever_is_ordered(devices: Devices) -> None:
    site = factories.make_site(organization=factories.make_organization(), battery=None, reserve_soc=0.5)
    peer = battery()
    with devices.connected(peer, credential(site)):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        made = order(site, schedule=plan(battery=[2.5]))
        eventually(lambda: told(peer) == (ON, 0.5))
        second = order(site, schedule=plan(battery=[-3.0]))
        eventually(lambda: state(second)[0] == "applied")
        eventually(lambda: told(peer) in {(ON, 0.0), (OFF, 1.0)})
        assert state(made)[0] == "expired"


def test_what_was_ordered_still_holds_after_all_connections_ended(site: Site, devices: Devices) -> None:
    made = credential(site)
    peer = battery()
    with devices.connected(peer, made):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        ordered = order(site, schedule=plan(battery=[2.5]))
        eventually(lambda: state(ordered)[0] == "applied")
    eventually(lambda: not hub_of(site).is_connected)
    again = battery()
    with devices.connected(again, made):
        eventually(lambda: told(again) == (ON, 0.5))
        eventually(lambda: state(ordered)[0] == "applied")


def test_an_inverter_is_limited_by_an_envelope(site: Site, devices: Devices) -> None:
    peer = Peer("PEBC", described(PEBC, "PEBC.PowerConstraints"), role=RoleType.ENERGY_PRODUCER, name="roof")
    with devices.connected(peer, credential(site)):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        made = order(site, schedule=plan(pv=[-2.0]))
        eventually(lambda: state(made)[0] == "applied")
        eventually(lambda: peer.orders and _lower(peer) == -2000.0)


def test_limits_of_the_grid_connection_are_kept(site: Site, devices: Devices) -> None:
    peer = battery()
    with (
        devices.connected(peer, credential(site)),
        devices.connected(meter(2000.0), credential(site, role="grid")),
    ):
        eventually(lambda: Resource.objects.filter(site=site, key="battery").exists())
        order(site, schedule=plan(battery=[5.0]))
        eventually(lambda: told(peer) == (ON, 1.0))
        now_ms = milliseconds(clock.now()) - 1000
        limits = CapacityLimits(starts_at=now_ms, interval_s=1800, import_kw=[3.0])
        limited = order(site, subject="limits", limits=limits)
        # Of 3 kW the household needs half a kilowatt.
        eventually(lambda: told(peer) == (ON, 0.5))
        eventually(lambda: state(limited)[0] == "applied")


def _lower(peer: Peer) -> float:
    [envelope] = last(peer.orders)["power_envelopes"]
    [element] = envelope["power_envelope_elements"]
    return float(element["lower_limit"])


def test_what_the_cloud_cannot_do_in_a_hubs_place_is_rejected(site: Site, devices: Devices) -> None:
    droop = Droop(nominal_hz=50, dead_band_hz=0.02, slope_kw_per_hz=10, most_kw=2, recovery_kw_per_s=0.1)
    payload = DevicePayload(
        kind="settings", starts_at=milliseconds(clock.now()), interval_s=900, values=[["x"]]
    )
    with devices.connected(battery(), credential(site)):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        answered = {
            "a home without a hub does not answer the grid's frequency": order(
                site, subject="a", droop=droop
            ),
            "the hub's agent is too old for device payloads": order(site, subject="b", device=payload),
            "unknown or uncontrollable resource ev": order(site, subject="c", schedule=plan(ev=[1.0])),
        }
        for reason, made in answered.items():
            eventually(lambda made=made, reason=reason: state(made) == ("rejected", reason))


# --- who may come in


def knock(link: Link, token: str | None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with pytest.raises(InvalidStatus) as caught, opened(link, headers):
        pass
    return caught.value.response.status_code


def opened(link: Link, headers: dict[str, str]) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{link.port}{PATH}", additional_headers=headers, proxy=None)


def entered(link: Link, token: str) -> ClientConnection:
    return opened(link, {"Authorization": f"Bearer {token}"})


def close_code(socket: ClientConnection) -> int:
    try:
        while True:
            socket.recv(PATIENCE_S)
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return closed.rcvd.code


def test_who_has_no_good_token_is_turned_away(link: Link, site: Site) -> None:
    good = credential(site).token
    device = factories.make_hub(site=factories.make_site(organization=factories.make_organization()))
    wrong = [
        None,
        "wrong",
        good[:-1],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "x",
        device.token(),
    ]
    assert [knock(link, token) for token in wrong] == [401] * 6
    assert hub_of(site).connected_at is None


def test_a_token_of_resource_managers_opens_no_other_door(link: Link, site: Site) -> None:
    assert link.request("POST", b"[]", token=credential(site).token).status == 401


def test_revoking_a_credential_closes_its_connection_and_no_other(link: Link, site: Site) -> None:
    gone, stays = credential(site), credential(site, name="other")
    with entered(link, gone.token) as first, entered(link, stays.token) as second:
        assert '"Handshake"' in str(first.recv(PATIENCE_S))
        assert '"Handshake"' in str(second.recv(PATIENCE_S))
        s2_credential_revoke(site=site, credential_id=gone.credential.pk, actor="test", now=clock.now())
        assert close_code(first) == 4403
        assert knock(link, gone.token) == 401
        second.send("{")
        assert "INVALID" in str(second.recv(PATIENCE_S))


def test_revoking_the_virtual_hub_closes_all(link: Link, site: Site) -> None:
    made = [credential(site), credential(site, name="other")]
    with entered(link, made[0].token) as first, entered(link, made[1].token) as second:
        first.recv(PATIENCE_S), second.recv(PATIENCE_S)
        hub_revoke(organization=site.organization, hub_id=str(hub_of(site).pk), actor="test", now=clock.now())
        assert [close_code(first), close_code(second)] == [4403, 4403]
    assert [knock(link, one.token) for one in made] == [401, 401]


def test_the_later_connection_of_a_credential_is_the_one_that_counts(link: Link, site: Site) -> None:
    made = credential(site)
    with entered(link, made.token) as first:
        first.recv(PATIENCE_S)
        with entered(link, made.token) as second:
            assert close_code(first) == 4409
            assert '"Handshake"' in str(second.recv(PATIENCE_S))


@pytest.mark.parametrize(
    "frame", ["{", "[]", b"\x00\xff", '{"message_type": "Handshake"}', '{"message_id": 1}']
)
def test_garbage_is_answered_with_a_reception_status(link: Link, site: Site, frame: str | bytes) -> None:
    with entered(link, credential(site).token) as socket:
        socket.recv(PATIENCE_S)
        socket.send(frame)
        answer = str(socket.recv(PATIENCE_S))
        assert '"ReceptionStatus"' in answer and "INVALID" in answer


def test_endless_garbage_ends_in_a_clean_close(link: Link, site: Site) -> None:
    with entered(link, credential(site).token) as socket:
        for _ in range(50):
            socket.send("{")
        assert close_code(socket) == 1000


def test_a_frame_beyond_all_measure_closes_the_connection(link: Link, site: Site) -> None:
    with entered(link, credential(site).token) as socket:
        socket.send("x" * 1_010_000)
        assert close_code(socket) == 1009


def test_who_talks_without_end_is_closed(link: Link, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s2_connection, "BURST", 10.0)
    with entered(link, credential(site).token) as socket:
        for _ in range(40):
            socket.send('{"message_type": "ReceptionStatus"}')
        assert close_code(socket) == 4429


def test_who_says_nothing_of_itself_is_left(link: Link, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s2_connection, "DETAILS_WITHIN_S", 0.2)
    with entered(link, credential(site).token) as socket:
        assert close_code(socket) == 4408


def test_homes_do_not_see_each_other(devices: Devices, site: Site) -> None:
    other = factories.make_site(organization=factories.make_organization(), battery=None)
    first, second = battery(), battery()
    with devices.connected(first, credential(site)), devices.connected(second, credential(other)):
        eventually(lambda: Resource.objects.filter(site__in=[site, other]).count() == 2)
        made = order(site, schedule=plan(battery=[2.5]))
        eventually(lambda: told(first) == (ON, 0.5))
        eventually(lambda: state(made)[0] == "applied")
        assert told(second) in {None, (ON, 0.0), (OFF, 1.0), (OFF, 0.0)}
