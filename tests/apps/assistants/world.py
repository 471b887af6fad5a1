"""A person with a home, what they connected, and answers held against the published formats."""

import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from apps.accounts.models import AuditEntry, User
from apps.hubs.models import Instruction
from apps.sites.models import PreferenceRevision, Site
from tests import factories
from tests.apps.ores_api.doors import personal_token
from tests.architecture.tree import ROOT
from tests.factories import NOW
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Wish

REQUEST = "6f1c9b1e-52a7-4c0e-9d53-0b8a4f7d2e11"


class World:
    """One home with battery and sun that charges with 2 kW at 62 % while the sun gives 3.5 kW."""

    def __init__(self, *, hub: bool = True) -> None:
        self.site: Site = factories.make_site(organization=factories.make_organization(), name="Rose Street")
        factories.resource(site=self.site, kind="pv", peak_kw=5.0)
        self.owner: User = factories.make_owner(site=self.site)
        factories.set_latest(sites=[self.site], at=NOW, battery_soc=0.62, battery_kw=2.0, pv_kw=-3.5)
        if hub:
            factories.make_hub(site=self.site)
        self.token = personal_token(self.owner)

    def wishes(self) -> list[Wish]:
        """What the hub was told of the owner's wishes, in order."""
        found = Instruction.objects.filter(subject__startswith="ores:control:").order_by("pk")
        return [orders.wish_of(one.device["values"][0]) for one in found if one.device]


def written() -> tuple[int, int, int]:
    """How much was written of what control would write."""
    acts = AuditEntry.objects.filter(action__in=["ores_control", "assistant_settings", "app_revoke"])
    return Instruction.objects.count(), PreferenceRevision.objects.count(), acts.count()


@cache
def _schemas(name: str) -> Any:
    return json.loads((ROOT / f"tests/data/assistants/{name}.json").read_text())


def faults(answer: Any, name: str, part: str) -> list[str]:
    """What its schema finds wrong with an answer."""
    schema = {"$ref": f"#/$defs/{part}", "$defs": _schemas(name)["$defs"]}
    return [f"{one.json_path}: {one.message}" for one in Draft202012Validator(schema).iter_errors(answer)]


def check(answer: Any, name: str, part: str) -> Any:
    """Hold an answer against its schema; return it."""
    assert faults(answer, name, part) == [], answer
    return answer


def google(token: str, intent: str, *, status: int = 200, **payload: Any) -> Any:
    """Ask as Google does."""
    asked: dict[str, Any] = {"intent": f"action.devices.{intent}"} | ({"payload": payload} if payload else {})
    sent = {"requestId": REQUEST, "inputs": [asked]}
    answer = factories.Api(token).post("/assistants/google", sent)
    assert answer.status_code == status, answer.content
    return answer.json()


def execute(token: str, key: str, command: str, **params: Any) -> Any:
    """Ask Google's EXECUTE for one command; return what became of it."""
    asked = {"command": f"action.devices.commands.{command}", "params": params}
    made = google(token, "EXECUTE", commands=[{"devices": [{"id": key}], "execution": [asked]}])
    [one] = check(made, "google", "execute")["payload"]["commands"]
    assert one.pop("ids") == [key]
    return one


def alexa(
    token: str, what: str, key: str = "", *, instance: str = "", status: int = 200, **payload: Any
) -> Any:
    """Send a directive: `what` is Namespace.Name without the first "Alexa."."""
    namespace, _, name = ("Alexa." + what).rpartition(".")
    scope = {"type": "BearerToken", "token": token}
    header = {"namespace": namespace, "name": name, "messageId": "m-1", "payloadVersion": "3"}
    directive: dict[str, Any] = {"header": header, "payload": payload}
    if instance:
        header["instance"] = instance
    if key:
        header["correlationToken"] = "c-1"
        directive["endpoint"] = {"scope": scope, "endpointId": key, "cookie": {}}
    else:
        payload["grantee" if name == "AcceptGrant" else "scope"] = scope
    answer = factories.Api("").post("/assistants/alexa", {"directive": directive})
    assert answer.status_code == status, answer.content
    return answer.json()


def states(report: Any) -> dict[str, Any]:
    """Values of a report of Alexa's by instance, or by name."""
    rows = report["context"]["properties"]
    (sampled,) = {one["timeOfSample"] for one in rows}
    assert timedelta(0) <= datetime.fromisoformat(sampled) - NOW.replace(microsecond=0) < timedelta(minutes=5)
    return {one.get("instance", one["name"]): one["value"] for one in rows}
