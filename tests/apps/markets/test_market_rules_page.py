"""The console's form of a market's rules: who may, what is kept, what is refused."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.console.market_rules import fields
from apps.markets.models import Market
from apps.markets.operators import SUITABLE
from tests import factories
from tests.apps.markets.test_market_pages import signed_in, text_of
from tests.apps.markets.world import Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


def url(street: Street, rest: str) -> str:
    return f"/console/{street.fleet.organization.pk}/markets/{rest}"


def form(street: Street, *, new: bool = False, **changes: Any) -> dict[str, str]:
    """What a browser sends back of the form as it is shown."""
    shown = fields(organization=street.fleet.organization, market=None if new else street.market, sent=None)
    return {one.name: one.value for one in shown} | changes


def test_what_is_sent_back_unchanged_changes_nothing() -> None:
    street = make_street(homes=1, history=False)
    client = signed_in(factories.make_operator(organization=street.fleet.organization))
    before = Market.objects.values().get()
    assert client.post(url(street, f"{street.market.pk}/rules/"), form(street)).status_code == 302
    assert Market.objects.values().get() == before


@pytest.mark.parametrize("mechanism", SUITABLE)
def test_every_mechanism_can_be_chosen(mechanism: str) -> None:
    street = make_street(homes=1, history=False)
    client = signed_in(factories.make_operator(organization=street.fleet.organization))
    sent = form(street, mechanism=mechanism)
    assert client.post(url(street, f"{street.market.pk}/rules/"), sent).status_code == 302
    assert Market.objects.get().mechanism == mechanism
    assert "promises" in text_of(client, url(street, f"{street.market.pk}/"))


def test_rules_are_typed_in_units_of_people() -> None:
    street = make_street(homes=1, history=False)
    client = signed_in(factories.make_operator(organization=street.fleet.organization))
    sent = form(
        street, lifeline_wh="0.5", lifeline_price_micro="0,07", lifeline_levy_permille="12.5", gate_closure_s="30",
        most_price_micro="0.45", terms="be fair",
    )  # fmt: skip
    client.post(url(street, f"{street.market.pk}/rules/"), sent)
    held = Market.objects.get()
    assert (held.lifeline_wh, held.lifeline_price_micro, held.lifeline_levy_permille) == (500, 70_000, 125)
    assert (held.gate_closure_s, held.most_price_micro, held.terms_version) == (1800, 450_000, 2)
    assert AuditEntry.objects.filter(action="market_set").count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"lifeline_wh": "much"}, {"most_price_micro": "0.1234567"}, {"mechanism": "magic"}, {"session_intervals": "4"},
        {"nominal_v": "nan"}, {"mechanism": "pay_as_bid", "lifeline_wh": "1"}, {"sacrifice_permille": "101"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_shown_again(changes: dict[str, Any]) -> None:
    street = make_street(homes=1, history=False)
    client = signed_in(factories.make_operator(organization=street.fleet.organization))
    before = Market.objects.values().get()
    answer = client.post(url(street, f"{street.market.pk}/rules/"), form(street, **changes))
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.content.decode()
    assert Market.objects.values().get() == before


def test_an_operator_defines_a_market() -> None:
    street = make_street(homes=1, history=False)
    client = signed_in(factories.make_operator(organization=street.fleet.organization))
    assert "New market" in text_of(client, url(street, ""))
    sent = form(
        street, new=True, name="Evening", grid_area=str(street.area.pk), mechanism="blocks", session_intervals="24",
        interval_s="60",
    )  # fmt: skip
    assert client.post(url(street, "new/"), sent).status_code == 302
    made = Market.objects.get(name="Evening")
    assert (made.grid_area, made.session_intervals, made.interval_s) == (street.area, 24, 3600)
    assert client.post(url(street, "new/"), {**sent, "grid_area": ""}).status_code == 400


def test_others_may_not() -> None:
    street, other = make_street(homes=1, history=False), make_street(homes=1, history=False)
    viewer = signed_in(factories.make_operator(organization=street.fleet.organization, role="viewer"))
    stranger = signed_in(factories.make_operator(organization=other.fleet.organization))
    page, sent = url(street, f"{street.market.pk}/rules/"), form(street, name="Mine")
    assert (viewer.get(page).status_code, viewer.post(page, sent).status_code) == (200, 403)
    assert (stranger.get(page).status_code, stranger.post(page, sent).status_code) == (404, 404)
    foreign = form(street, new=True, name="Mine", grid_area=str(other.area.pk))
    operator = signed_in(factories.make_operator(organization=street.fleet.organization))
    assert operator.post(url(street, "new/"), foreign).status_code == 400
    assert not Market.objects.filter(name="Mine").exists()
