"""The page that asks what the fleet can give."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.flexibility.snapshots import portfolio_refresh
from apps.sites.models import Resource
from tests.apps.portal.world import World, words
from tests.factories import set_latest

As = Callable[[User | None], Client]


@pytest.fixture
def path(world: World, now: datetime) -> str:
    """The page of homes with 10 kWh, half full, 4 kW each."""
    for site in world.sites:
        parameters = {"capacity_kwh": 10, "charge_kw": 4, "discharge_kw": 4}
        Resource.objects.create(site=site, key="battery", kind="battery", parameters=parameters)
    set_latest(sites=world.sites[:-1], at=now, grid_kw=1.0, load_kw=1.0, pv_kw=0.0, battery_soc=0.5)
    portfolio_refresh(organization=world.organization, now=now)
    return f"/console/{world.organization.pk}/flexibility/"


def text(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return words(response.content.decode())


def test_operator_sees_power_cost_confidence_and_who_is_left_out(world: World, as_: As, path: str) -> None:
    shown = text(as_(world.operator), path)
    # Two homes with 3.8 kWh each for two hours, trusted to 95.05 %.
    assert "3.61 kW" in shown
    assert "2 of 3" in shown
    assert "1 home: never sent a measurement" in shown
    assert "batteries begin the window with the charge they have now" in shown


def test_wish_beyond_the_fleet_names_what_is_missing(world: World, as_: As, path: str) -> None:
    shown = text(as_(world.viewer), path, kw="50", program=str(world.program.pk))
    assert "cannot be expected" in shown
    assert "kWh stay undelivered" in shown


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"kw": "much"}, "A field is not a time or a number."),
        ({"from": "soon"}, "A field is not a time or a number."),
        ({"program": "999999"}, "no such program"),
        ({"from": "2020-01-01T10:00", "to": "2020-01-01T12:00"}, "the window must not be over"),
    ],
)
def test_bad_question_is_one_sentence(
    world: World, as_: As, path: str, query: dict[str, str], message: str
) -> None:
    assert message in text(as_(world.operator), path, **query)


@pytest.mark.parametrize("who", ["owner", "member", "stranger"])
def test_others_find_nothing(world: World, as_: As, path: str, who: str) -> None:
    assert as_(getattr(world, who)).get(path).status_code == 404


def test_anonymous_is_sent_to_sign_in(as_: As, path: str) -> None:
    assert as_(None).get(path).status_code == 302
