"""The same requests at the hub's own door and at the cloud's: the same answers, as described."""

import json
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.apps.ores_api.conftest import Place
from tests.apps.ores_api.doors import Reply
from vpp.protocols.ores.description import description
from vpp.protocols.ores.routes import MAX_BODY, ROUTES

# What the module's home needs is committed by its fixture; the tests themselves only ask.
pytestmark = pytest.mark.django_db
DESCRIPTION = description()
DOORS = ("hub", "cloud")
READS = [(path, "") for path, methods in ROUTES.items() if "GET" in methods]
MORE_READS = [
    ("/microinverter/status", "device_id=pv"),
    ("/energystorage/status", "device_id=battery"),
    (
        "/microinverter/energy",
        "starts_at=2026-04-23T10:00:00Z&ends_at=2026-04-23T11:00:00Z&resolution_s=3600",
    ),
    ("/energystorage/storage", "starts_at=2026-04-23T12:00:00%2B02:00&ends_at=2026-04-23T13:00:00%2B02:00"),
    ("/device/data/logging", "limit=3&starts_at=2026-04-23T09:00:00Z&ends_at=2026-04-23T11:00:00Z"),
    ("/app/notify", "limit=5&severity=warning"),
]
REFUSED = [
    ("GET", "/microinverter/status?device_id=roof", None, 404, "device_unknown"),
    ("GET", "/energystorage/status?device_id=pv", None, 404, "device_unknown"),
    ("GET", "/microinverter/energy?resolution_s=7", None, 400, "invalid"),
    ("GET", "/microinverter/energy?starts_at=2026-04-23T10:00:00", None, 400, "invalid"),
    ("GET", "/microinverter/energy?starts_at=2026-01-01T00:00:00Z", None, 400, "period_too_long"),
    ("GET", "/device/data/logging?starts_at=1970-01-01T00:00:00Z", None, 400, "period_invalid"),
    (
        "GET", "/energystorage/storage?starts_at=2026-04-02T00:00:00Z&ends_at=2026-04-01T00:00:00Z", None, 400,
        "period_invalid",
    ),
    ("GET", "/app/monitor?wish=1", None, 400, "invalid"),
    ("GET", "/app/notify?limit=0", None, 400, "invalid"),
    ("POST", "/energystorage/control", {"device_id": "battery", "action": "charge"}, 400, "power_required"),
    ("POST", "/energystorage/control", {"device_id": "battery", "action": "explode"}, 400, "invalid"),
    ("POST", "/energystorage/control", {"device_id": "car", "action": "hold"}, 404, "device_unknown"),
    ("POST", "/energystorage/control", {"device_id": "battery", "action": "charge", "power_kw": -1}, 400, "invalid"),
    ("POST", "/microinverter/control", {"device_id": "battery", "action": "release"}, 404, "device_unknown"),
    ("POST", "/microinverter/control?device_id=pv", {"device_id": "pv", "action": "release"}, 400, "invalid"),
    ("POST", "/microinverter/control", b"{", 400, "invalid"),
    ("POST", "/microinverter/control", b"[" * 10_000, 400, "invalid"),
    ("POST", "/microinverter/control", b'{"device_id": "\xff"}', 400, "invalid"),
    ("POST", "/microinverter/control", b" " * (MAX_BODY + 1), 413, "body_too_large"),
    ("PATCH", "/app/settings", {"reserve_soc": 1.5}, 400, "invalid"),
    ("PATCH", "/app/settings", b'{"reserve_soc": NaN}', 400, "invalid"),
    ("PATCH", "/hub/configure", {"import_limit_kw": 17.5}, 400, "setting_refused"),
    ("POST", "/device/diagnostics/remote", {"name": "shell"}, 400, "invalid"),
    ("POST", "/device/diagnostics/remote", {"name": "disk", "path": "/"}, 400, "invalid"),
    ("GET", "/device/diagnostics/remote?limit=51", None, 400, "invalid"),
    ("DELETE", "/app/settings", None, 405, "method_not_allowed"),
    ("POST", "/app/monitor", {}, 405, "method_not_allowed"),
]  # fmt: skip


def check(reply: Reply, method: str, target: str) -> None:
    """Hold an answer against the description."""
    path = target.partition("?")[0]
    answers = DESCRIPTION["paths"][path][method.lower()]["responses"]
    content = answers[str(reply.status)]["content"][reply.headers["content-type"]]
    schema = {**content["schema"], "components": DESCRIPTION["components"]}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(reply.json)] == []


def shape(value: Any) -> Any:
    """Names of all fields, however deep; parameters of devices have names of their own."""
    if isinstance(value, dict):
        return {name: "*" if name == "parameters" else shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value and isinstance(value[0], dict) else "list"
    return "value"


@pytest.mark.parametrize(("path", "query"), [*READS, *MORE_READS])
def test_reads_have_one_shape_at_both_doors(place: Place, path: str, query: str) -> None:
    target = f"{path}?{query}"
    replies = {name: place.doors[name].ask("GET", target) for name in DOORS}
    for reply in replies.values():
        assert reply.status == 200, reply.body
        check(reply, "GET", target)
    if path not in {
        "/app/notify",
        "/app/monitor",
        "/device/safety/fault-detection",
    }:  # lists of what happened
        assert shape(replies["hub"].json) == shape(replies["cloud"].json)
    assert replies["hub"].json.keys() == replies["cloud"].json.keys()


@pytest.mark.parametrize(("method", "target", "body", "status", "code"), REFUSED)
def test_both_doors_refuse_alike(
    place: Place, method: str, target: str, body: Any, status: int, code: str
) -> None:
    for name in DOORS:
        reply = place.doors[name].ask(method, target, body)
        assert (name, reply.status, reply.json["code"]) == (name, status, code)
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json.keys() == {"type", "title", "status", "code", "detail"}


@pytest.mark.parametrize("path", list(ROUTES))
def test_nobody_without_a_token_and_no_other_media_type(place: Place, path: str) -> None:
    for name in DOORS:
        door = place.doors[name]
        for token in ("", "invented", "\xff"):
            reply = door.ask("GET", path, token=token)
            assert (name, reply.status) == (name, 401)
            assert reply.headers["www-authenticate"] == 'Bearer realm="ores"'
        method = next((one for one in ROUTES[path] if one != "GET"), None)
        if method:
            assert door.ask(method, path, b"a=b", kind="application/x-www-form-urlencoded").status == 415


def test_a_check_is_done_by_the_hub_whoever_asks(place: Place) -> None:
    path = "/device/diagnostics/remote"
    answers = {}
    for name in DOORS:
        made = place.doors[name].ask("POST", path, {"name": "disk"})
        assert made.status == 202, made.body
        check(made, "POST", path)
        answers[name] = awaited(place, name, made.json["diagnostic_id"])
    assert shape(answers["hub"]) == shape(answers["cloud"])
    for one in answers.values():
        assert (one["name"], one["state"], one["is_truncated"]) == ("disk", "answered", False)
        assert json.loads(one["answer"])["total_bytes"] > 0


def awaited(place: Place, name: str, diagnostic_id: str) -> Any:
    """What a check found, once its hub has answered."""
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at:
        reply = place.doors[name].ask("GET", "/device/diagnostics/remote")
        check(reply, "GET", "/device/diagnostics/remote")
        found = next(one for one in reply.json["results"] if one["diagnostic_id"] == diagnostic_id)
        if found["answered_at"] is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("the hub does not answer")


def test_the_same_quarter_of_an_hour_has_the_same_energy(place: Place) -> None:
    target = f"/energystorage/storage?starts_at={place.after(0)}&ends_at={place.after(15)}"
    hub, cloud = (place.doors[name].ask("GET", target).json for name in DOORS)
    assert len(hub["intervals"]) == len(cloud["intervals"]) == 1
    assert hub["intervals"][0] == pytest.approx(cloud["intervals"][0], abs=1e-3)
    target = f"/device/data/logging?starts_at={place.after(0)}&ends_at={place.after(5)}"
    hub, cloud = (place.doors[name].ask("GET", target).json for name in DOORS)
    assert (hub["rows"], hub["next_at"]) == (cloud["rows"], cloud["next_at"])
    assert (len(hub["rows"]), hub["next_at"]) == (5, None)


def test_pages_of_a_log_join_without_a_gap(place: Place) -> None:
    for name in DOORS:
        until_at = f"ends_at={place.after(10)}"
        target = f"/device/data/logging?starts_at={place.after(0)}&{until_at}"
        whole = place.doors[name].ask("GET", target).json["rows"]
        found, starts_at = [], place.after(0)
        while starts_at:
            page = (
                place.doors[name]
                .ask("GET", f"/device/data/logging?limit=4&starts_at={starts_at}&{until_at}")
                .json
            )
            found += page["rows"]
            starts_at = page["next_at"]
        assert (name, len(found)) == (name, 10)
        assert found == whole


def test_the_description_is_the_same_and_open(place: Place) -> None:
    served = [place.doors[name].ask("GET", "/ores/openapi.json", token="").body for name in DOORS]
    assert served[0] == served[1]
    assert json.loads(served[0])["paths"].keys() == ROUTES.keys()


@pytest.mark.parametrize("path", ["/app/monitor", "/app/notify"])
def test_streams_begin_with_the_present_answer_and_go_on(place: Place, path: str) -> None:
    for name in DOORS:
        door = place.doors[name]
        with door.stream(path) as events:
            event, first = next(events)
            assert (name, event) == (name, path.rpartition("/")[2])
            assert first.keys() == door.ask("GET", path).json.keys()
            _, second = next(events)
            assert second["at"] > first["at"]


def test_streams_are_refused_like_requests(place: Place) -> None:
    import http.client

    for name in DOORS:
        connection = http.client.HTTPConnection("127.0.0.1", place.doors[name].port, timeout=20)
        connection.request("GET", "/app/monitor", headers={"Accept": "text/event-stream"})
        response = connection.getresponse()
        assert (name, response.status, json.loads(response.read())["status"]) == (name, 401, 401)
        connection.close()
