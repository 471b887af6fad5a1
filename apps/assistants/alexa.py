"""Alexa's Smart Home directives, version 3 (https://developer.amazon.com/docs/alexa/device-apis)."""

import math
import re
import uuid
from typing import Annotated, Any, Final

import msgspec
from rest_framework import exceptions

from apps.assistants import errors
from apps.assistants.alexa_things import CHARGING, MODE, RESERVE, endpoint, properties
from apps.assistants.alexa_tokens import tokens_for_code
from apps.assistants.caller import Caller
from apps.assistants.links import link_described, link_made
from apps.assistants.makers import is_told
from apps.assistants.models import Maker
from apps.assistants.selectors import Thing, homes_of, thing_of, things_of
from apps.assistants.services import charge_start, charge_stop, mode_set, reserve_set
from apps.hubs.errors import SiteHasNoHubError

CODES: Final[dict[type[Exception], str]] = {
    errors.ControlNotGrantedError: "INSUFFICIENT_PERMISSIONS",
    errors.ThingUnknownError: "NO_SUCH_ENDPOINT",
    errors.AskUnknownError: "INVALID_DIRECTIVE",
    errors.NoBatteryError: "INVALID_DIRECTIVE",
    errors.ValueRefusedError: "INVALID_VALUE",
    SiteHasNoHubError: "ENDPOINT_UNREACHABLE",
    exceptions.Throttled: "RATE_LIMIT_EXCEEDED",
    exceptions.NotAuthenticated: "INVALID_AUTHORIZATION_CREDENTIAL",
    exceptions.AuthenticationFailed: "INVALID_AUTHORIZATION_CREDENTIAL",
    exceptions.PermissionDenied: "INVALID_AUTHORIZATION_CREDENTIAL",
}
LONGEST_CODE: Final = 2048
KEY: Final = re.compile(r"[\w=#;:?@&-]{1,256}", re.ASCII)
Word = Annotated[str, msgspec.Meta(max_length=128)]


class Header(msgspec.Struct):
    namespace: Word
    name: Word
    messageId: Word
    payloadVersion: Word = "3"
    instance: Word = ""
    correlationToken: Annotated[str, msgspec.Meta(max_length=8192)] | None = None


class Endpoint(msgspec.Struct):
    endpointId: Annotated[str, msgspec.Meta(max_length=256)] = ""


class Directive(msgspec.Struct):
    header: Header
    payload: dict[str, Any]
    endpoint: Endpoint = msgspec.field(default_factory=Endpoint)


class Asked(msgspec.Struct):
    directive: Directive


def token_of(body: object) -> str | None:
    """Return the token of a directive, wherever its kind has it."""
    held = _at(body, "directive")
    for way in (("endpoint", "scope"), ("payload", "scope"), ("payload", "grantee")):
        found = _at(held, *way)
        text = _at(found, "token")
        if isinstance(text, str) and _at(found, "type") == "BearerToken":
            return text
    return None


def answer(caller: Caller, body: object) -> dict[str, Any]:
    """Answer one directive; AskInvalidError for what is none."""
    try:
        asked = msgspec.convert(body, Asked).directive
    except msgspec.ValidationError as error:
        raise errors.AskInvalidError(str(error)) from error
    what = (asked.header.namespace, asked.header.name)
    homes = homes_of(user=caller.user, granted=caller.granted, now=caller.now)
    if what == ("Alexa.Authorization", "AcceptGrant"):
        return _accept(caller, asked, things=things_of(homes))
    if what == ("Alexa.Discovery", "Discover"):
        return _discover(caller, things=things_of(homes))
    thing = thing_of(homes, asked.endpoint.endpointId)
    name = "StateReport"
    if what != ("Alexa", "ReportState"):
        name = "Response"
        _do(caller, thing, asked=asked)
        homes = homes_of(user=caller.user, granted=caller.granted, now=caller.now)
        thing = thing_of(homes, thing.key)
    made = _event("Alexa", name, asked=asked)
    return made | {"context": {"properties": properties(thing, now=caller.now)}}


def _accept(caller: Caller, asked: Directive, *, things: list[Thing]) -> dict[str, Any]:
    """Get the person's tokens for the event gateway, where changes are told at all."""
    if is_told(Maker.ALEXA):
        code = _at(asked.payload, "grant", "code")
        if not isinstance(code, str) or not 0 < len(code) <= LONGEST_CODE:
            raise errors.AskInvalidError("the grant has no code")
        link_made(caller, Maker.ALEXA, things=things, **tokens_for_code(code))
    return _event("Alexa.Authorization", "AcceptGrant.Response")


def _discover(caller: Caller, *, things: list[Thing]) -> dict[str, Any]:
    link_described(caller, Maker.ALEXA, things=things)
    return _event(
        "Alexa.Discovery", "Discover.Response", payload={"endpoints": [endpoint(one) for one in things]}
    )


def refusal(body: object, error: Exception) -> dict[str, Any]:
    """Return the ErrorResponse to a directive, as far as that could be read."""
    try:
        asked = msgspec.convert(body, Asked).directive
    except msgspec.ValidationError:
        asked = None
    said = str(getattr(error, "detail", error))
    if asked is not None and asked.header.namespace == "Alexa.Authorization":
        payload = {"type": "ACCEPT_GRANT_FAILED", "message": said}
        return _event("Alexa.Authorization", "ErrorResponse", payload=payload)
    payload = {"type": CODES.get(type(error), "INVALID_DIRECTIVE"), "message": said}
    return _event("Alexa", "ErrorResponse", payload=payload, asked=asked)


def _do(caller: Caller, thing: Thing, *, asked: Directive) -> None:
    header, home = asked.header, thing.home
    match (thing.kind, header.namespace, header.instance, header.name):
        case ("home", "Alexa.ModeController", instance, "SetMode") if instance == MODE:
            mode = str(asked.payload.get("mode", "")).removeprefix("Mode.")
            mode_set(home=home, mode=mode, actor=caller.actor, now=caller.now)
        case ("battery", "Alexa.RangeController", instance, name) if instance == RESERVE:
            percent = _percent(name, asked.payload, held=home.reserve_pct)
            reserve_set(home=home, percent=percent, actor=caller.actor, now=caller.now)
        case ("battery", "Alexa.ToggleController", instance, "TurnOn") if instance == CHARGING:
            charge_start(home=home, actor=caller.actor, now=caller.now)
        case ("battery", "Alexa.ToggleController", instance, "TurnOff") if instance == CHARGING:
            charge_stop(home=home, actor=caller.actor, now=caller.now)
        case _:
            raise errors.AskUnknownError("this endpoint does not do that")


def _percent(name: str, payload: dict[str, Any], *, held: int) -> float:
    """Return the percentage that a directive asks for; a step beyond the end ends there."""
    if name == "SetRangeValue":
        return _number(payload.get("rangeValue"))
    if name == "AdjustRangeValue":
        return min(100.0, max(0.0, held + _number(payload.get("rangeValueDelta"))))
    raise errors.AskUnknownError("this endpoint does not do that")


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise errors.ValueRefusedError("this is not a number")
    return float(value)


def _event(
    namespace: str, name: str, *, payload: dict[str, Any] | None = None, asked: Directive | None = None
) -> dict[str, Any]:
    header = {"namespace": namespace, "name": name, "messageId": str(uuid.uuid4()), "payloadVersion": "3"}
    event: dict[str, Any] = {"header": header, "payload": payload or {}}
    if asked is not None:
        # Only what Alexa takes back: an empty token or an id of other letters makes the whole answer invalid there.
        if asked.header.correlationToken:
            header["correlationToken"] = asked.header.correlationToken
        if KEY.fullmatch(asked.endpoint.endpointId):
            event["endpoint"] = {"endpointId": asked.endpoint.endpointId}
    return {"event": event}


def _at(held: object, *names: str) -> object:
    for name in names:
        held = held.get(name) if isinstance(held, dict) else None
    return held
