"""A home's pages in German: whole, with the reader's decimal sign, and nothing left of English."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from apps.alerts.models import NotificationKind
from apps.alerts.notifications import household_tell
from apps.common.charts import Series, chart
from apps.dispatch.services import signal_plan
from apps.hubs.instructions import instruction_statuses_apply
from apps.hubs.models import Hub, Instruction
from apps.sites.models import PreferenceRevision
from tests import factories
from tests.apps.dispatch.test_signal_kinds import receive
from tests.apps.portal.world import World, add_hub, add_snapshot
from vpp.protocols.link.messages import InstructionStatus

PAGES = (
    "/sites/{}/", "/sites/{}/energy/", "/sites/{}/events/", "/sites/{}/devices/", "/sites/{}/preferences/",
    "/sites/{}/market/", "/sites/{}/earnings/", "/sites/{}/insights/", "/sites/{}/people/", "/notifications/",
)  # fmt: skip
ENGLISH = re.compile(
    r"\b(Today|Nothing|Your|Imported|Earnings|Statement|Opt out|Devices|Market|Now"
    r"|the|and|of|with|producing|homes|home|at|batteries|is|are)\b"
)


def _english(page: str, name: str) -> list[str]:
    """Return the English words of a page that is not in English, but for the home's name."""
    text = re.sub(r"<(script|style|title)\b.*?</\1>|<[^>]*>", " ", page, flags=re.S)
    return ENGLISH.findall(text.replace(name, ""))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_german_throughout(client: Client, world: World, now: datetime, path: str) -> None:
    client.force_login(world.owner)
    site = world.sites[0]
    page = client.get(path.format(site.pk), headers={"accept-language": "de"}).content.decode()
    assert '<html lang="de"' in page
    assert "%(" not in page
    assert _english(page, site.name) == []


def test_numbers_have_the_readers_decimal_sign(client: Client, world: World, now: datetime) -> None:
    client.force_login(world.owner)
    site = world.sites[0]
    add_snapshot(site, at=now, grid_kw=-1.2, load_kw=0.8, pv_kw=-3.0, battery_kw=1.0, battery_soc=0.62)
    page = client.get(f"/sites/{site.pk}/", headers={"accept-language": "de"}).content.decode()
    assert '<text class="value" y="10">1,20</text>' in page
    assert "Das Zuhause verbraucht 0,80 kW; " in page


def test_a_refused_form_says_why_in_german(client: Client, world: World, now: datetime) -> None:
    client.force_login(world.owner)
    sent = {"comfort_low_c": "25", "comfort_high_c": "19"}
    path = f"/sites/{world.sites[0].pk}/preferences/"
    page = client.post(path, sent, follow=True, headers={"accept-language": "de"}).content.decode()
    assert "Es wurde nichts geändert: die niedrigste Temperatur liegt über der höchsten." in page
    assert PreferenceRevision.objects.count() == 0
    assert _english(page, world.sites[0].name) == []


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "the export limit is at most 11.5 kW, as installed",
            "Ihr Hub hat abgelehnt: die Einspeisegrenze beträgt höchstens 11,5 kW, wie installiert.",
        ),
        ("fuse <2> blown", 'Ihr Hub hat abgelehnt: <span lang="en">fuse &lt;2&gt; blown</span>.'),
    ],
)
def test_what_a_hub_refuses_is_german_or_marked(
    client: Client, world: World, now: datetime, reason: str, said: str
) -> None:
    hub = add_hub(world.sites[0], now=now - timedelta(minutes=5))
    Hub.objects.filter(pk=hub.pk).update(features=["device"])
    client.force_login(world.owner)
    path = f"/sites/{world.sites[0].pk}/preferences/"
    client.post(path, {"mode": "backup"})
    told = Instruction.objects.get(hub=hub)
    report = InstructionStatus(0, str(told.instruction_id), told.revision, "rejected", 0, reason)
    assert instruction_statuses_apply(reports=[(str(hub.pk), report)], now=now) == set()
    assert said in client.get(path, headers={"accept-language": "de"}).content.decode()


@pytest.mark.django_db
def test_a_page_on_why_is_german_throughout(client: Client, now: datetime) -> None:
    fleet = factories.make_fleet(homes=2, now=now)
    signal = receive(fleet, "price", [0.6] * 4 + [0.05] * 12, now=now)
    assert signal_plan(signal_id=signal.pk, reason="the event is near", now=now) is not None
    site = fleet.sites[0]
    client.force_login(factories.make_owner(site=site))
    page = client.get(f"/sites/{site.pk}/why/?at=18:50", headers={"accept-language": "de"}).content.decode()
    assert page.count("das Ereignis steht bevor") == 1
    assert "Gemeinsam geplant nach: Preis." in page
    assert re.search(r"2 Batterien nehmen \d+,\d kWh auf und geben \d+,\d kWh ab; ", page)
    assert '<span lang="en">' not in page
    assert _english(page, site.name) == []


def test_the_days_of_the_week_are_days_and_dates_have_their_point(
    client: Client, world: World, now: datetime
) -> None:
    """Sunday is no sun, although both are one word in English."""
    with translation.override("de"):
        assert date_format(datetime(2026, 6, 21, tzinfo=UTC), "D j M") == "So 21. Jun"
    client.force_login(world.owner)
    path = f"/sites/{world.sites[0].pk}/"
    said = {
        code: client.get(path, headers={"accept-language": code}).content.decode() for code in ("de", "es")
    }
    assert "Mittwoch, 17. Juni" in said["de"]
    assert "miércoles, 17 de junio" in said["es"]


def test_a_chart_has_the_readers_decimal_sign() -> None:
    at = datetime(2026, 6, 17, tzinfo=UTC)
    with translation.override("de"):
        drawn = chart(
            title="",
            period=(at, at + timedelta(hours=1)),
            series=[Series("", "", [(at, 1.2)])],
            zone=ZoneInfo("UTC"),
        )
    assert [tick.label for tick in drawn.y_ticks] == ["0 kW", "0,5 kW", "1 kW", "1,5 kW"]


def test_a_fault_in_a_message_is_said_in_german(client: Client, world: World, now: datetime) -> None:
    facts = {"device": "Wärmepumpe", "trouble": "no answer within 10 s"}
    household_tell(
        site_id=world.sites[0].pk, kind=NotificationKind.DEVICE_FAULT, key="1", facts=facts, now=now
    )
    client.force_login(world.owner)
    page = client.get("/notifications/", headers={"accept-language": "de"}).content.decode()
    assert "keine Antwort innerhalb von 10 s" in page
