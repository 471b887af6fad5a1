"""Google Home's fulfillment: SYNC, QUERY, EXECUTE, DISCONNECT (https://developers.home.google.com/cloud-to-cloud)."""

from typing import Annotated, Any, Final

import msgspec
from django.db import transaction

from apps.assistants import errors
from apps.assistants.caller import Caller
from apps.assistants.google_things import described, state
from apps.assistants.links import link_made, links_ended
from apps.assistants.models import Maker
from apps.assistants.selectors import HomeNow, Thing, homes_of, thing_of, things_of
from apps.assistants.services import charge_start, charge_stop, mode_set, reserve_set
from apps.common.errors import DomainError
from apps.hubs.errors import SiteHasNoHubError
from apps.sites.app_grants import AppUnknownError, app_revoke

INTENT: Final = "action.devices."
COMMAND: Final = "action.devices.commands."
CODES: Final[dict[type[DomainError], str]] = {
    errors.ControlNotGrantedError: "authFailure",
    errors.ThingUnknownError: "deviceNotFound",
    errors.AskInvalidError: "protocolError",
    errors.AskUnknownError: "functionNotSupported",
    errors.NoBatteryError: "functionNotSupported",
    errors.ValueRefusedError: "valueOutOfRange",
    SiteHasNoHubError: "deviceOffline",
}
Key = Annotated[str, msgspec.Meta(max_length=80)]


class Device(msgspec.Struct):
    id: Key


class Execution(msgspec.Struct):
    command: Key
    params: dict[str, Any] = {}


class Command(msgspec.Struct):
    devices: Annotated[list[Device], msgspec.Meta(min_length=1, max_length=100)]
    execution: Annotated[list[Execution], msgspec.Meta(min_length=1, max_length=10)]


class Payload(msgspec.Struct):
    devices: Annotated[list[Device], msgspec.Meta(max_length=100)] = []
    commands: Annotated[list[Command], msgspec.Meta(max_length=20)] = []


class Input(msgspec.Struct):
    intent: Key
    payload: Payload = msgspec.field(default_factory=Payload)


class Asked(msgspec.Struct):
    requestId: Key
    inputs: Annotated[list[Input], msgspec.Meta(min_length=1, max_length=1)]


def answer(caller: Caller, body: object) -> dict[str, Any]:
    """Answer one request; AskInvalidError for what is none."""
    try:
        asked = msgspec.convert(body, Asked)
    except msgspec.ValidationError as error:
        raise errors.AskInvalidError(str(error)) from error
    first = asked.inputs[0]
    if first.intent == INTENT + "DISCONNECT":
        return _disconnect(caller)
    homes = homes_of(user=caller.user, granted=caller.granted, now=caller.now)
    if first.intent == INTENT + "SYNC":
        return _sync(caller, asked.requestId, things=things_of(homes))
    if first.intent == INTENT + "QUERY":
        return _answer(
            asked.requestId, devices={one.id: _queried(homes, one.id) for one in first.payload.devices}
        )
    if first.intent == INTENT + "EXECUTE":
        made = [
            _executed(caller, homes, key=device.id, command=one)
            for one in first.payload.commands
            for device in one.devices
        ]
        return _answer(asked.requestId, commands=made)
    return refusal(body, "notSupported")


def refusal(body: object, code: str) -> dict[str, Any]:
    """Return the answer to a request that is refused as a whole."""
    named = body.get("requestId") if isinstance(body, dict) else None
    return _answer(named if isinstance(named, str) else "", errorCode=code)


def _answer(request_id: str, **payload: Any) -> dict[str, Any]:
    return {"requestId": request_id, "payload": payload}


def _sync(caller: Caller, request_id: str, *, things: list[Thing]) -> dict[str, Any]:
    link_made(caller, Maker.GOOGLE, things=things)
    devices = [described(one) for one in things]
    return _answer(request_id, agentUserId=str(caller.user.pk), devices=devices)


def _disconnect(caller: Caller) -> dict[str, Any]:
    links_ended(caller=caller, maker=Maker.GOOGLE)
    try:
        app_revoke(user=caller.user, client_pk=caller.granted.client_pk, now=caller.now)
    except AppUnknownError:
        return {}  # it is as asked already
    return {}


def _queried(homes: list[HomeNow], key: str) -> dict[str, Any]:
    try:
        return state(thing_of(homes, key))
    except errors.ThingUnknownError:
        return {"status": "ERROR", "errorCode": "deviceNotFound", "online": False}


def _executed(caller: Caller, homes: list[HomeNow], *, key: str, command: Command) -> dict[str, Any]:
    """Do all that is asked of a device, or nothing."""
    try:
        with transaction.atomic():
            thing = thing_of(homes, key)
            waits = [_execute(caller, thing, asked=one) for one in command.execution]
    except DomainError as error:
        return {"ids": [key], "status": "ERROR", "errorCode": CODES.get(type(error), "hardError")}
    if any(waits):
        return {"ids": [key], "status": "PENDING"}
    return {"ids": [key], "status": "SUCCESS", "states": _states(thing)}


def _states(thing: Thing) -> dict[str, Any]:
    return {name: value for name, value in state(thing).items() if name != "status"}


def _execute(caller: Caller, thing: Thing, *, asked: Execution) -> bool:
    """Do one thing; return whether the hub has yet to do it."""
    what = (thing.kind, asked.command.removeprefix(COMMAND))
    if what == ("battery", "Charge"):
        return _charge(caller, thing.home, wanted=asked.params.get("charge"))
    if what == ("home", "SetModes"):
        return _modes(caller, thing.home, wanted=asked.params.get("updateModeSettings"))
    raise errors.AskUnknownError("this thing does not do that")


def _charge(caller: Caller, home: HomeNow, *, wanted: object) -> bool:
    if not isinstance(wanted, bool):
        raise errors.AskInvalidError("charge is true or false")
    if wanted:
        charge_start(home=home, actor=caller.actor, now=caller.now)
    else:
        charge_stop(home=home, actor=caller.actor, now=caller.now)
    return True


def _modes(caller: Caller, home: HomeNow, *, wanted: object) -> bool:
    if not isinstance(wanted, dict) or not wanted or not wanted.keys() <= {"mode", "reserve"}:
        raise errors.AskInvalidError("updateModeSettings names mode, reserve or both")
    if "mode" in wanted:
        mode_set(home=home, mode=str(wanted["mode"]), actor=caller.actor, now=caller.now)
    if "reserve" in wanted:
        reserve_set(home=home, percent=_percent(wanted["reserve"]), actor=caller.actor, now=caller.now)
    return False


def _percent(text: object) -> float:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 3:
        raise errors.ValueRefusedError("a reserve is a number of percent")
    return float(text)


def code_of(error: Exception) -> str:
    """Return Google's code of a failure of the whole request."""
    status = getattr(error, "status_code", getattr(error, "status", 400))
    if status in {401, 403}:
        return "authFailure"
    return "transientError" if status == 429 else "protocolError"
