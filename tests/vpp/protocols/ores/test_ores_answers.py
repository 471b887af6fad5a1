"""Answers about a home whose numbers are known, and what nobody should be able to send."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.protocols.link.checks import CHECKS
from vpp.protocols.link.messages import ResourceDescription
from vpp.protocols.ores import orders
from vpp.protocols.ores.checks import CheckName
from vpp.protocols.ores.description import description
from vpp.protocols.ores.facts import Checked, Facts, Held, HubFacts, Note, Preferences, Row, Wish
from vpp.protocols.ores.routes import ROUTES, Request, answer

QUARTER = 900_000
# 10:05 on a summer's day in Berlin, which began at 22:00 UTC.
NOW = round(datetime(2026, 6, 17, 8, 5, tzinfo=UTC).timestamp() * 1000)
MIDNIGHT = round(datetime(2026, 6, 16, 22, 0, tzinfo=UTC).timestamp() * 1000)
BATTERY = {"capacity_kwh": 10.0, "charge_kw": 4.0, "discharge_kw": 3.0}


class KnownHome:
    """A home in memory: 2 kW of sun, 0.5 kW into the battery, 1 kW used, the rest exported, all day."""

    def __init__(self, **latest: Any) -> None:
        self.latest = Row(
            at=NOW - 10_000, **{**self.row(0), "voltage_v": 231.0, "frequency_hz": 50.01, **latest}
        )
        self.hub: HubFacts | None = HubFacts(hub_id="h", agent_version="1.2.3", is_connected=True)
        self.is_on_grid: bool | None = True
        self.battery_c: float | None = 21.0
        self.held: list[Wish] = []
        self.checked: list[Checked] = []

    @staticmethod
    def row(index: int) -> dict[str, float]:
        soc = 0.2 + 0.01 * index
        return {"grid_kw": -0.5, "load_kw": 1.0, "pv_kw": -2.0, "battery_kw": 0.5, "battery_soc": soc}

    def facts(self) -> Facts:
        return Facts(
            site_id=7,
            time_zone="Europe/Berlin",
            now=NOW,
            hub=self.hub,
            resources=[
                ResourceDescription("pv", "pv", "Roof", {"peak_kw": 6.0}),
                ResourceDescription("battery", "battery", "Cellar", dict(BATTERY)),
            ],
            latest=self.latest,
            is_on_grid=self.is_on_grid,
            battery_c=self.battery_c,
        )

    def recorded(self, starts_at: int, ends_at: int, *, limit: int) -> list[Row]:
        first = starts_at - starts_at % 60_000 + 60_000
        return [Row(at=at, **self.row(0)) for at in range(first, min(ends_at, NOW) + 1, 60_000)][:limit]

    def quarters(self, starts_at: int, ends_at: int) -> list[Row]:
        first = starts_at - starts_at % QUARTER
        return [
            Row(at=at, **self.row((at - MIDNIGHT) // QUARTER))
            for at in range(max(first, MIDNIGHT), min(ends_at, NOW), QUARTER)
        ]

    def wishes(self) -> list[Wish]:
        return self.held

    def wish(self, wish: Wish) -> Wish:
        self.held = [] if wish.kw is None else [wish]
        return wish

    def checks(self, *, limit: int) -> list[Checked]:
        return self.checked[:limit]

    def check(self, name: str) -> Checked:
        self.checked.insert(
            0, Checked(check_id=f"c{len(self.checked)}", name=name, state="queued", asked_at=NOW)
        )
        return self.checked[0]

    def preferences(self) -> Held:
        return Held(preferences=Preferences(mode="backup", reserve_soc=0.25))

    def prefer(self, change: Preferences) -> Held:
        return Held(preferences=change)

    def notes(self, *, limit: int) -> list[Note]:
        return [Note(note_id="1", at=NOW - 60_000, kind="schedule", text="evening relief")][:limit]


def asked(target: str, home: KnownHome | None = None) -> Any:
    path, _, text = target.partition("?")
    query = dict(part.split("=") for part in text.split("&") if part)
    found = answer(home or KnownHome(), Request("GET", path, query))
    assert found.status == 200, found.content
    return json.loads(found.body())


def test_energy_of_a_period_by_hand() -> None:
    got = asked(
        "/microinverter/energy?starts_at=2026-06-16T21:30:00Z&ends_at=2026-06-17T09:00:00Z&resolution_s=3600"
    )
    # 21:00 UTC: before anything was measured; 22 to 07: 2 kWh an hour; 08:00: the running quarter is not over.
    values = [one["production_kwh"] for one in got["intervals"]]
    assert values == [None, *([2.0] * 10), None]
    assert (got["total_kwh"], got["now_kw"], got["starts_at"]) == (20.0, 2.0, "2026-06-16T21:00:00Z")
    assert got["intervals"][1] == {"starts_at": "2026-06-16T22:00:00Z", "production_kwh": 2.0, "mean_kw": 2.0}


def test_levels_of_a_period_by_hand() -> None:
    got = asked("/energystorage/storage?starts_at=2026-06-16T22:00:00Z&ends_at=2026-06-16T22:30:00Z")
    assert got["intervals"] == [
        {
            "starts_at": "2026-06-16T22:00:00Z",
            "soc": 0.2,
            "stored_kwh": 2.0,
            "charge_kwh": 0.125,
            "discharge_kwh": 0.0,
        },
        {
            "starts_at": "2026-06-16T22:15:00Z",
            "soc": 0.21,
            "stored_kwh": 2.1,
            "charge_kwh": 0.125,
            "discharge_kwh": 0.0,
        },
    ]
    assert (got["charge_kwh"], got["discharge_kwh"], got["now_soc"]) == (0.25, 0.0, 0.2)


def test_today_begins_at_the_homes_own_midnight() -> None:
    got = asked("/app/monitor")
    assert got["today"] == {  # 40 quarter-hours from 22:00 to 08:00 UTC
        "import_kwh": 0.0, "export_kwh": 5.0, "production_kwh": 20.0, "consumption_kwh": 10.0,
    }  # fmt: skip
    flow = got["flow"]
    assert (flow["import_kw"], flow["export_kw"], flow["production_kw"], flow["charge_kw"]) == (
        0.0,
        0.5,
        2.0,
        0.5,
    )


def test_status_says_what_is_known_and_nothing_else() -> None:
    got = asked("/energystorage/status")["devices"][0]
    assert (got["state"], got["soc"], got["soh"], got["temperature_c"]) == ("charging", 0.2, None, 21.0)
    assert (got["stored_kwh"], got["rated_charge_kw"], got["rated_discharge_kw"], got["reserve_soc"]) == (
        2.0,
        4.0,
        3.0,
        0.25,
    )
    home = KnownHome()
    home.latest.at = NOW - 400_000
    assert asked("/energystorage/status", home)["devices"][0]["state"] == "stale"
    assert asked("/microinverter/status", home)["devices"][0]["state"] == "stale"
    assert asked("/microinverter/energy", home)["now_kw"] is None
    nothing = KnownHome(pv_kw=None, battery_kw=None, battery_soc=None)
    assert asked("/microinverter/status", nothing)["devices"][0]["state"] == "unknown"
    assert asked("/energystorage/status", nothing)["devices"][0]["state"] == "unknown"


@pytest.mark.parametrize(
    ("latest", "changes", "codes"),
    [
        ({}, {}, []),
        ({"voltage_v": 265.0}, {}, ["voltage_out_of_range"]),
        ({"voltage_v": 206.0}, {}, ["voltage_out_of_range"]),
        ({"voltage_v": 120.0, "frequency_hz": 60.0}, {}, []),
        ({"frequency_hz": 49.4}, {}, ["frequency_out_of_range"]),
        ({"voltage_v": None, "frequency_hz": None}, {}, []),
        ({"voltage_v": 150.0}, {"is_on_grid": False}, ["off_grid"]),
        ({}, {"battery_c": 51.0}, ["battery_temperature"]),
        ({}, {"hub": None}, ["no_hub"]),
        ({}, {"hub": HubFacts(is_connected=False)}, ["hub_offline"]),
        ({}, {"hub": HubFacts(is_alone=True)}, []),
    ],
)
def test_faults_by_their_limits(latest: dict[str, Any], changes: dict[str, Any], codes: list[str]) -> None:
    home = KnownHome(**latest)
    for name, value in changes.items():
        setattr(home, name, value)
    got = asked("/device/safety/fault-detection", home)
    assert [one["code"] for one in got["faults"]] == codes
    assert got["is_safe"] is all(one["severity"] != "critical" for one in got["faults"])
    assert len(got["checked"]) == 8


def test_notices_by_severity_the_newest_first() -> None:
    home = KnownHome(frequency_hz=52.0)
    assert [one["kind"] for one in asked("/app/notify", home)["notices"]] == ["fault", "schedule"]
    assert [one["severity"] for one in asked("/app/notify?severity=warning", home)["notices"]] == ["critical"]


def test_wish_has_the_sign_of_its_direction() -> None:
    home = KnownHome()
    for action, kw in (("charge", 1.5), ("discharge", -1.5), ("hold", 0.0)):
        body = json.dumps(
            {"device_id": "battery", "action": action, "power_kw": 1.5, "duration_s": 60}
        ).encode()
        made = answer(home, Request("POST", "/energystorage/control", body=body, rights={"read", "control"}))
        assert (made.status, home.held[0].kw, home.held[0].ends_at - NOW) == (202, kw, 60_000)
    body = b'{"device_id": "pv", "action": "limit", "power_kw": 2}'
    answer(home, Request("POST", "/microinverter/control", body=body, rights={"read", "control"}))
    assert home.held[0].kw == -2.0
    refused = answer(home, Request("POST", "/microinverter/control", body=body))
    assert refused.status == 403


def test_checks_are_asked_for_by_the_links_names_and_listed() -> None:
    assert get_args(CheckName) == tuple(CHECKS)
    home, path = KnownHome(), "/device/diagnostics/remote"
    body = b'{"name": "disk"}'
    made = answer(home, Request("POST", path, body=body, rights={"read", "control"}))
    assert (made.status, json.loads(made.body())["state"]) == (202, "queued")
    listed = answer(home, Request("GET", path, {"limit": "5"}, rights={"read", "control"}))
    assert [one["name"] for one in json.loads(listed.body())["results"]] == ["disk"]
    assert [answer(home, Request(method, path, body=body)).status for method in ("GET", "POST")] == [403, 403]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([*ROUTES, "/nowhere"]),
    st.sampled_from(["GET", "POST", "PATCH", "HEAD", "BREW"]),
    st.dictionaries(st.sampled_from(["device_id", "starts_at", "ends_at", "limit", "x"]), st.text(max_size=30), max_size=3),
    st.one_of(
        st.binary(max_size=60),
        st.dictionaries(
            st.sampled_from(["device_id", "action", "power_kw", "duration_s", "note", "mode", "reserve_soc"]),
            st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.sampled_from(["battery", "pv", "hold", "limit"])),
        ).map(lambda body: json.dumps(body).encode()),
    ),
)  # fmt: skip
def test_whatever_is_sent_gets_an_answer(path: str, method: str, query: dict[str, str], body: bytes) -> None:
    found = answer(KnownHome(), Request(method, path, query, body, {"read", "control"}))
    assert found.status in {200, 202, 400, 404, 405}
    json.loads(found.body())


def test_payloads_bring_back_what_was_put_in() -> None:
    wish = Wish(
        control_id="c",
        device_id="battery",
        action="charge",
        kw=1.0,
        starts_at=NOW,
        ends_at=NOW + 90_000,
        note='"x"',
    )
    payload = orders.control_payload(wish)
    assert (payload.kind, payload.starts_at, payload.interval_s) == ("ORES_CONTROL:battery", NOW, 90)
    assert orders.wish_of(payload.values[0]) == wish
    change = orders.changed(orders.Change(), Preferences(reserve_soc=0.5), at=NOW)
    assert orders.change_of(orders.settings_payload(change, now=NOW).values[0]) == change
    assert (change.at, change.set_at) == (NOW, {"reserve_soc": NOW})


def test_description_names_every_operation_once() -> None:
    found = description()["paths"]
    assert {path: {method.upper() for method in methods} for path, methods in found.items()} == {
        path: set(methods) for path, methods in ROUTES.items()
    }
    names = [operation["operationId"] for methods in found.values() for operation in methods.values()]
    assert len(names) == len(set(names)) == 20
