"""Telling Alexa's event gateway: ChangeReport for states, AddOrUpdateReport and DeleteReport for devices."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from apps.assistants.alexa_things import endpoint, properties
from apps.assistants.alexa_tokens import token_of
from apps.assistants.calls import post_json, text_of
from apps.assistants.errors import LinkEndedError, NotTakenError
from apps.assistants.models import AssistantLink
from apps.assistants.noticing import MEASURED, Facts, changed_names, facts_of
from apps.assistants.selectors import Thing

# Which fact a property tells, by its instance or, where it has none, its name.
FACTS: Final = {
    "connectivity": "online",
    "Home.Mode": "mode",
    "Battery.Charge": "soc_pct",
    "Battery.Reserve": "reserve_pct",
    "Battery.Charging": "charge_asked",
    "Sun.Power": "production_kw",
}
MOST_ENDPOINTS: Final = 100


def change_tell(link: AssistantLink, *, thing: Thing, told: Facts, now: datetime) -> None:
    """Tell what of a thing is not as it was told; nothing is sent where Alexa would see no difference."""
    changed = changed_names(told, facts_of(thing))
    rows = properties(thing, now=now)
    news = [row for row in rows if FACTS[row.get("instance", row["name"])] in changed]
    if not news:
        return
    rest = [row for row in rows if row not in news]
    cause = "PERIODIC_POLL" if changed <= MEASURED | {"online"} else "APP_INTERACTION"

    def event(scope: dict[str, str]) -> dict[str, Any]:
        made = _event(
            "Alexa", "ChangeReport", payload={"change": {"cause": {"type": cause}, "properties": news}}
        )
        made["event"]["endpoint"] = {"scope": scope, "endpointId": thing.key}
        return made | {"context": {"properties": rest}}

    _send(link, event)


def devices_tell(link: AssistantLink, *, things: list[Thing], gone: list[str]) -> None:
    """Tell which devices are new or others than before, and which are gone."""
    for start in range(0, len(things), MOST_ENDPOINTS):
        _send_endpoints(
            link,
            name="AddOrUpdateReport",
            endpoints=[endpoint(one) for one in things[start : start + MOST_ENDPOINTS]],
        )
    if gone:
        _send_endpoints(link, name="DeleteReport", endpoints=[{"endpointId": key} for key in gone])


def _send_endpoints(link: AssistantLink, *, name: str, endpoints: list[dict[str, Any]]) -> None:
    _send(
        link, lambda scope: _event("Alexa.Discovery", name, payload={"endpoints": endpoints, "scope": scope})
    )


def _event(namespace: str, name: str, *, payload: dict[str, Any]) -> dict[str, Any]:
    header = {"namespace": namespace, "name": name, "messageId": str(uuid.uuid4()), "payloadVersion": "3"}
    return {"event": {"header": header, "payload": payload}}


def _send(link: AssistantLink, event: Callable[[dict[str, str]], dict[str, Any]]) -> None:
    """Send an event made with the link's token; with a new one where that is not good any more."""
    status, answer = 401, dict[str, Any]()
    for anew in (False, True):
        token = token_of(link, anew=anew)
        status, answer = post_json(
            settings.ALEXA_EVENT_URL, event({"type": "BearerToken", "token": token}), token=token
        )
        if status != 401:
            break
    if 200 <= status < 300:
        return
    payload = answer.get("payload")
    said = text_of(payload, "code") if isinstance(payload, dict) else ""
    if status in {403, 404}:
        raise LinkEndedError(f"Alexa takes nothing for this person any more: {status} {said}".strip())
    raise NotTakenError(f"Alexa answered {status} {said}".strip())
