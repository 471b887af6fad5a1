"""Every path of this proposal, and how a request becomes an answer."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from vpp.protocols.ores import checks, devices, house, messages
from vpp.protocols.ores.facts import Home
from vpp.protocols.ores.problems import OresError, Problem, problem

Right = Literal["read", "control"]
MAX_BODY = 16_384
# What msgspec was seen to raise on hostile input, beside its own errors.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: what it takes (a query, or a body where the method has one), what it gives, who may."""

    takes: type[msgspec.Struct]
    gives: type[msgspec.Struct]
    handle: Callable[[Home, Any], msgspec.Struct]
    right: Right = "read"
    status: int = 200
    is_read: bool = False

    @property
    def has_body(self) -> bool:
        """Whether what it takes comes in the body: all that is not only read, though it take the right to control."""
        return self.right == "control" and not self.is_read


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, after whoever asked was found out to have `rights`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    rights: Collection[Right] = frozenset[Right]({"read"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    content: msgspec.Struct
    allow: str = ""

    @property
    def content_type(self) -> str:
        """Problems have a media type of their own."""
        return "application/problem+json" if isinstance(self.content, Problem) else "application/json"

    def body(self) -> bytes:
        """The content as JSON."""
        return msgspec.json.encode(self.content)


M = messages
ROUTES: dict[str, dict[str, Route]] = {
    "/microinverter/status": {
        "GET": Route(M.DeviceQuery, M.MicroinverterStatus, devices.microinverter_status)
    },
    "/microinverter/energy": {
        "GET": Route(M.PeriodQuery, M.MicroinverterEnergy, devices.microinverter_energy)
    },
    "/microinverter/control": {
        "GET": Route(M.DeviceQuery, M.Controls, devices.microinverter_controls),
        "POST": Route(M.MicroinverterControl, M.Control, devices.microinverter_control, "control", 202),
    },
    "/energystorage/status": {"GET": Route(M.DeviceQuery, M.StorageStatus, devices.storage_status)},
    "/energystorage/storage": {"GET": Route(M.PeriodQuery, M.StorageHistory, devices.storage_history)},
    "/energystorage/control": {
        "GET": Route(M.DeviceQuery, M.Controls, devices.storage_controls),
        "POST": Route(M.StorageControl, M.Control, devices.storage_control, "control", 202),
    },
    "/device/discovery": {"GET": Route(M.Query, M.Discovery, house.discovery)},
    "/device/firmware/update": {"GET": Route(M.Query, M.FirmwareStatus, house.firmware)},
    "/device/safety/fault-detection": {"GET": Route(M.Query, M.Faults, house.faults)},
    "/device/data/logging": {"GET": Route(M.LoggingQuery, M.Logging, house.logging)},
    "/device/diagnostics/remote": {
        "GET": Route(
            checks.DiagnosticsQuery, checks.Diagnostics, checks.diagnostics, "control", is_read=True
        ),
        "POST": Route(checks.DiagnosticRequest, checks.Diagnostic, checks.diagnostic_ask, "control", 202),
    },
    "/hub/configure": {
        "GET": Route(M.Query, M.Configuration, house.configuration),
        "PATCH": Route(M.ConfigurationChange, M.Configuration, house.configure, "control", 202),
    },
    "/app/monitor": {"GET": Route(M.Query, M.Monitor, house.monitor)},
    "/app/notify": {"GET": Route(M.NotifyQuery, M.Notices, house.notices)},
    "/app/settings": {
        "GET": Route(M.Query, M.Settings, house.settings),
        "PATCH": Route(M.SettingsChange, M.Settings, house.settings_change, "control", 202),
    },
}
# What can also be asked for as a stream of server-sent events, by `Accept: text/event-stream`.
STREAMS = ("/app/monitor", "/app/notify")


def answer(home: Home, request: Request) -> Answer:
    """Answer a request about one home; whatever is wrong with it is a problem, never an error."""
    methods = ROUTES.get(request.path)
    if methods is None:
        return refusal(OresError(404, "not_found", "there is no such path"))
    route = methods.get("GET" if request.method == "HEAD" else request.method)
    if route is None:
        why = problem(405, "method_not_allowed", detail=f"{request.method} is not offered here")
        return Answer(405, why, allow=", ".join(methods))
    if route.right not in request.rights:
        return refusal(OresError(403, "not_allowed", "only an owner of this home decides this"))
    try:
        return Answer(route.status, route.handle(home, _taken(route, request)))
    except OresError as error:
        return refusal(error)


def refusal(error: OresError) -> Answer:
    """The answer that says why not."""
    return Answer(error.status, problem(error.status, error.code, detail=error.detail))


def _taken(route: Route, request: Request) -> Any:
    if len(request.body) > MAX_BODY:
        raise OresError(413, "body_too_large", f"a body has at most {MAX_BODY} bytes")
    try:
        if route.has_body:
            _refuse_query(request.query)
            return msgspec.json.decode(request.body, type=route.takes)
        return msgspec.convert(dict(request.query), route.takes, strict=False)
    except _UNREADABLE as error:
        raise OresError(400, "invalid", str(error)[:300] or "the request cannot be read") from error


def _refuse_query(query: Mapping[str, str]) -> None:
    if query:
        raise OresError(400, "invalid", f"there is no parameter {sorted(query)[0]!r} here")
