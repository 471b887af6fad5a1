"""The schemas written here refuse what the makers' published ones refuse: real answers, broken in one place."""

import copy
from typing import Any, Final

import pytest

from tests.apps.assistants.world import World, alexa, check, faults, google

Way = tuple[str | int, ...]

GONE: Final = object()
THINGS: Way = ("event", "payload", "endpoints")
HOME: Way = (*THINGS, 0)
MODE: Way = (*HOME, "capabilities", 2)
CHARGE: Way = (*THINGS, 1, "capabilities", 2)
CHARGING: Way = (*THINGS, 1, "capabilities", 4)
ROWS: Way = ("context", "properties")
OTHER_NAME: Final = [{"name": "powerState"}]


def broken(answer: Any, way: Way, value: object) -> Any:
    """Return the answer with another value at one place, or with nothing there."""
    made = copy.deepcopy(answer)
    held = made
    for one in way[:-1]:
        held = held[one]
    if value is GONE:
        del held[way[-1]]
    else:
        held[way[-1]] = value
    return made


def asked(world: World, part: str) -> Any:
    """An answer of each kind that Alexa gets, as it is right."""
    pk = world.site.pk
    if part == "discovery":
        return alexa(world.token, "Discovery.Discover")
    if part == "state":
        return alexa(world.token, "ReportState", f"battery-{pk}")
    if part == "response":
        key = f"home-{pk}"
        return alexa(world.token, "ModeController.SetMode", key, instance="Home.Mode", mode="Mode.backup")
    if part == "granted":
        return alexa(world.token, "Authorization.AcceptGrant", grant={"code": "x"})
    if part == "grant_refused":
        return alexa("nobody's", "Authorization.AcceptGrant", status=401, grant={"code": "x"})
    return alexa(world.token, "ReportState", "cellar-1", status=404)


@pytest.mark.parametrize(
    ("part", "way", "value"),
    [
        ("discovery", ("event", "endpoint"), {"endpointId": "home-1"}),
        ("discovery", (*HOME, "displayCategories"), ["OTHER", "OTHER"]),
        ("discovery", (*HOME, "displayCategories"), ["HOUSE"]),
        ("discovery", (*HOME, "cookie"), {"site": 1}),
        ("discovery", (*HOME, "capabilities", 1, "properties", "supported"), OTHER_NAME),
        ("discovery", (*MODE, "version"), "4"),
        ("discovery", (*MODE, "instance"), GONE),
        ("discovery", (*MODE, "properties", "supported"), OTHER_NAME),
        ("discovery", (*MODE, "configuration", "ordered"), GONE),
        ("discovery", (*MODE, "configuration", "unitOfMeasure"), "Alexa.Unit.Percent"),
        ("discovery", (*CHARGE, "properties", "supported"), OTHER_NAME),
        ("discovery", (*CHARGE, "configuration", "ordered"), True),
        ("discovery", (*CHARGING, "properties", "supported"), OTHER_NAME),
        ("state", (*ROWS, 0, "timeOfSample"), "2026-13-01T00:00:00Z"),
        ("state", (*ROWS, 0, "timeOfSample"), "2026-11-01T24:00:00Z"),
        ("state", (*ROWS, 0, "timeOfSample"), "2026-11-01T00:00:00.1234Z"),
        ("state", (*ROWS, 0, "uncertaintyInMilliseconds"), -1),
        ("state", (*ROWS, 0, "namespace"), "Alexa.Weather"),
        ("state", (*ROWS, 0, "value"), {"value": "GONE"}),
        ("state", (*ROWS, 1, "value"), "62"),
        ("state", (*ROWS, 1, "instance"), GONE),
        ("state", (*ROWS, 3, "value"), "on"),
        ("state", (*ROWS, 3, "instance"), GONE),
        ("state", ("event", "endpoint", "endpointId"), "the battery"),
        ("state", ("event", "endpoint", "endpointId"), "b" * 257),
        ("state", ("event", "header", "correlationToken"), ""),
        ("state", ("event", "header", "messageId"), "a_b"),
        ("state", ("event", "payload"), {"well": "measured"}),
        ("response", (*ROWS, 1, "value"), 5),
        ("response", (*ROWS, 1, "name"), "modes"),
        ("response", (*ROWS, 1, "instance"), GONE),
        ("response", ("event", "endpoint", "endpointId"), GONE),
        ("granted", ("event", "payload"), {"well": "done"}),
        ("granted", ("event", "header", "name"), "AcceptGrant"),
        ("grant_refused", ("event", "payload", "type"), "INVALID_AUTHORIZATION_CREDENTIAL"),
        ("grant_refused", ("event", "payload", "message"), GONE),
        ("refused", ("event", "payload", "type"), "NOT_SUPPORTED_IN_CURRENT_MODE"),
        ("refused", ("event", "payload", "type"), "PARTNER_APPLICATION_REDIRECTION"),
        ("refused", ("event", "payload", "message"), GONE),
        ("refused", ("context",), {"properties": []}),
    ],
)
def test_what_alexas_file_refuses_is_refused_here(world: World, part: str, way: Way, value: object) -> None:
    right = check(asked(world, part), "alexa", part)
    assert faults(broken(right, way, value), "alexa", part) != []


@pytest.mark.parametrize(("part", "way"), [("discovery", THINGS), ("discovery", MODE[:-1]), ("state", ROWS)])
def test_nothing_is_told_twice_in_one_answer(world: World, part: str, way: Way) -> None:
    right = check(asked(world, part), "alexa", part)
    rows = right
    for one in way:
        rows = rows[one]
    [found] = faults(broken(right, way, [*rows, rows[0]]), "alexa", part)
    assert "non-unique" in found


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("requestId",), "r-1"),
        (("payload", "devices", "cellar-1", "online"), GONE),
        (("payload", "devices", "cellar-1", "status"), GONE),
        (("payload", "devices", "cellar-1", "status"), "UNKNOWN"),
    ],
)
def test_what_googles_file_refuses_is_refused_here(world: World, way: Way, value: object) -> None:
    right = check(google(world.token, "QUERY", devices=[{"id": "cellar-1"}]), "google", "query")
    assert faults(broken(right, way, value), "google", "query") != []


def test_a_battery_that_is_told_of_has_a_capacity(world: World) -> None:
    key = f"battery-{world.site.pk}"
    right = check(google(world.token, "QUERY", devices=[{"id": key}]), "google", "query")
    made = broken(right, ("payload", "devices", key, "descriptiveCapacityRemaining"), GONE)
    assert len(faults(made, "google", "query")) == 2
