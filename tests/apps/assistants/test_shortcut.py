"""A shortcut's question and the sentence it gets."""

from typing import Any

import pytest

from apps.sites.models import SiteMember
from tests import factories
from tests.apps.assistants.world import World, written
from tests.apps.ores_api.doors import personal_token

MINUTE_MS = 60_000


def ask(token: str, *, status: int = 200, **sent: Any) -> Any:
    answer = factories.Api(token).post("/assistants/shortcut", sent)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_status_is_one_sentence(world: World) -> None:
    assert ask(world.token, ask="status") == {
        "say": "Rose Street: the battery is at 62 percent and charging, the sun gives 3.5 kilowatts, "
        "the mode is self-consumption."
    }


def test_a_silent_home_says_so(world: World) -> None:
    factories.set_latest(sites=[world.site], at=factories.NOW - 2 * factories.QUARTER, battery_soc=0.5)
    assert ask(world.token, ask="status") == {"say": "Rose Street has not been heard of lately."}


def test_charge_and_stop_are_the_owners_wishes(world: World) -> None:
    said = ask(world.token, ask="charge", minutes=90, kw=2.5)
    assert said == {"say": "The battery of Rose Street is told to charge with 2.5 kilowatts for 90 minutes."}
    assert ask(world.token, ask="stop") == {"say": "The battery of Rose Street goes its own way again."}
    first, second = world.wishes()
    assert (first.action, first.kw, first.ends_at - first.starts_at) == ("charge", 2.5, 90 * MINUTE_MS)
    assert (second.action, second.kw) == ("release", None)


def test_the_mode_is_told_and_set(world: World) -> None:
    assert ask(world.token, ask="mode") == {"say": "The mode of Rose Street is self-consumption."}
    assert written() == (0, 0, 0)
    assert ask(world.token, ask="mode", mode="backup") == {"say": "The mode of Rose Street is backup."}
    world.site.refresh_from_db()
    assert world.site.mode == "backup"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, "ask_invalid"),
        ({"ask": "dance"}, "ask_invalid"),
        ({"ask": "mode", "mode": "party"}, "ask_invalid"),
        ({"ask": "charge", "minutes": 0}, "ask_invalid"),
        ({"ask": "charge", "minutes": 1441}, "ask_invalid"),
        ({"ask": "charge", "kw": -1}, "ask_invalid"),
        ({"ask": "charge", "kw": 4.1}, "value_refused"),
        ({"ask": "status", "more": 1}, "ask_invalid"),
        ({"ask": "status", "site_id": 0}, "ask_invalid"),
    ],
)
def test_what_cannot_be_is_a_problem(world: World, sent: dict[str, Any], code: str) -> None:
    answer = ask(world.token, status=400, **sent)
    assert (answer["code"], written()) == (code, (0, 0, 0))


def test_of_several_homes_one_is_named(world: World) -> None:
    other = factories.make_site(organization=world.site.organization, name="Elm Street", battery=None)
    SiteMember.objects.create(site=other, user=world.owner)
    token = personal_token(world.owner)
    assert ask(token, status=400, ask="status")["code"] == "site_required"
    assert ask(token, ask="mode", site_id=other.pk) == {"say": "The mode of Elm Street is self-consumption."}
    assert ask(token, status=400, ask="charge", site_id=other.pk)["code"] == "no_battery"
