"""What the owner wants: from either door to the battery, the later word counts, and the cloud learns what became of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.hubs.models import Instruction
from apps.sites.models import PreferenceRevision, Site
from tests.apps.ores_api.conftest import Place
from tests.apps.ores_api.doors import until

pytestmark = pytest.mark.django_db
PATH = "/energystorage/control"


@pytest.fixture(autouse=True)
def _released(place: Place) -> Iterator[None]:
    """Leave the battery to itself."""
    yield
    for door in place.doors.values():
        assert door.ask("POST", PATH, {"device_id": "battery", "action": "release"}).status == 202
    until(lambda: place.hub.decided().by != "override")


def order(action: str, power_kw: float | None = None, **more: Any) -> dict[str, Any]:
    return {"device_id": "battery", "action": action, "power_kw": power_kw, "duration_s": 86_400, **more}


def held(place: Place, name: str) -> list[tuple[str, float | None, str]]:
    controls = place.doors[name].ask("GET", f"{PATH}?device_id=battery").json["controls"]
    return [(one["action"], one["power_kw"], one["state"]) for one in controls]


def follows(place: Place, reason: str) -> bool:
    battery = place.hub.decided()
    return bool(battery.by == "override" and battery.reason.startswith(reason))


def test_in_the_house_the_next_cycle_follows(place: Place) -> None:
    made = place.doors["hub"].ask("POST", PATH, order("hold", note="nap"))
    assert (made.status, made.json["state"], made.json["action"], made.json["power_kw"]) == (
        202, "acknowledged", "hold", 0.0,
    )  # fmt: skip
    until(lambda: follows(place, "nap"))
    assert place.hub.decided().pinned
    until(lambda: held(place, "hub") == [("hold", 0.0, "applied")])
    status = place.doors["hub"].ask("GET", "/energystorage/status").json["devices"][0]
    assert (status["reason"].partition(";")[0], status["control"]["action"]) == ("nap", "hold")


def test_from_the_cloud_the_hub_follows_and_says_so(place: Place) -> None:
    made = place.doors["cloud"].ask("POST", PATH, order("charge", 0.5, note="for tonight"))
    assert (made.status, made.json["state"], made.json["power_kw"]) == (202, "queued", 0.5)
    until(lambda: follows(place, "for tonight"))
    until(lambda: held(place, "cloud") == [("charge", 0.5, "applied")])
    assert held(place, "hub") == [("charge", 0.5, "applied")]
    instruction = Instruction.objects.order_by("-pk").first()
    assert instruction is not None
    assert (instruction.priority, (instruction.device or {})["kind"]) == (0, "ORES_CONTROL:battery")
    assert AuditEntry.objects.filter(action="ores_control", detail__asked="charge").count() == 1
    texts = [one["text"] for one in place.doors["cloud"].ask("GET", "/app/notify").json["notices"]]
    assert "for tonight: applied" in texts


def test_the_later_word_counts_wherever_it_was_said(place: Place) -> None:
    place.doors["cloud"].ask("POST", PATH, order("charge", 0.25, note="cloud"))
    until(lambda: follows(place, "cloud"))
    place.doors["hub"].ask("POST", PATH, order("discharge", 0.125, note="house"))
    until(lambda: follows(place, "house"))
    place.doors["cloud"].ask("POST", PATH, order("hold", note="cloud again"))
    until(lambda: follows(place, "cloud again"))
    place.doors["hub"].ask("POST", PATH, order("release"))
    until(lambda: place.hub.decided().by != "override")
    assert held(place, "hub") == []


def test_a_limit_on_the_sun_is_kept(place: Place) -> None:
    sent = {"device_id": "pv", "action": "limit", "power_kw": 0.5, "duration_s": 86_400}
    assert place.doors["hub"].ask("POST", "/microinverter/control", sent).status == 202
    until(lambda: place.hub.decided("pv").low == -0.5)
    place.doors["cloud"].ask("POST", "/microinverter/control", {"device_id": "pv", "action": "release"})
    until(lambda: place.doors["hub"].ask("GET", "/microinverter/control").json["controls"] == [])
    until(lambda: place.hub.decided("pv").low < -0.5)


def test_settings_from_either_door_hold_on_the_hub(place: Place) -> None:
    cloud, hub = place.doors["cloud"], place.doors["hub"]
    assert hub.ask("PATCH", "/app/settings", {"reserve_soc": 0.3}).json["reserve_soc"] == 0.3
    sent = cloud.ask("PATCH", "/app/settings", {"mode": "backup"})
    assert (sent.status, sent.json["mode"]) == (202, "backup")
    assert sent.json["state"] in {"queued", "sent", "acknowledged", "applied"}  # hubs are quick
    until(lambda: hub.ask("GET", "/app/settings").json["mode"] == "backup")
    assert hub.ask("GET", "/app/settings").json["reserve_soc"] == 0.3
    until(lambda: place.hub.decided().by in {"home_mode", "grid_limit", "care", "safety"})
    until(lambda: cloud.ask("GET", "/app/settings").json["state"] == "applied")
    assert hub.ask("PATCH", "/app/settings", {"mode": "self_consumption"}).json["mode"] == "self_consumption"
    # What was said in the house is known in the cloud, by whom, and counts there too.
    until(lambda: cloud.ask("GET", "/app/settings").json["mode"] == "self_consumption")
    newest = PreferenceRevision.objects.order_by("-pk")[0]
    assert (newest.source, newest.set_by) == ("hub", "somebody at home")
    # A hub that was kept busy tells both of its owner's words at once.
    assert newest.changed in (["mode"], ["mode", "reserve_soc"])
    assert Site.objects.get(pk=place.site.pk).mode == "self_consumption"
    cloud.ask("PATCH", "/hub/configure", {"import_limit_kw": 8.0})
    until(lambda: hub.ask("GET", "/hub/configure").json["import_limit_kw"] == 8.0)
    assert hub.ask("GET", "/app/settings").json["mode"] == "self_consumption"
    assert place.hub.agent.config.grid.import_kw == 8.0


def test_what_the_hub_cannot_follow_comes_back_as_rejected(place: Place) -> None:
    refused = place.doors["hub"].ask("PATCH", "/app/settings", {"mode": "time_of_use"})
    assert (refused.status, refused.json["code"]) == (400, "setting_refused")
    cloud = place.doors["cloud"]
    assert cloud.ask("PATCH", "/app/settings", {"mode": "time_of_use"}).status == 202
    until(lambda: cloud.ask("GET", "/app/settings").json["state"] == "rejected")
    at_home = place.doors["hub"].ask("GET", "/app/settings").json["mode"]
    until(lambda: cloud.ask("GET", "/app/settings").json["mode"] == at_home)
    said = cloud.ask("GET", "/app/settings").json
    newest = PreferenceRevision.objects.order_by("-pk")[0]
    assert newest.set_by.startswith("refused: there is no tariff to follow")
    assert Site.objects.get(pk=place.site.pk).mode == said["mode"]
    assert said["reason"].startswith("there is no tariff to follow")
    assert cloud.ask("PATCH", "/app/settings", {"mode": "self_consumption"}).status == 202
    until(lambda: cloud.ask("GET", "/app/settings").json["state"] == "applied")
