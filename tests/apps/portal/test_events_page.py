"""The list of a home's events, and being out of a time or of all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.programs.models import OptOut, OptOutPeriod
from tests.apps.portal.world import World, add_signal, settle, words

As = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}


def path(world: World, more: str = "") -> str:
    return f"/sites/{world.sites[0].pk}/events/{more}"


def test_running_coming_and_past_with_what_they_earned(world: World, as_: As, now: datetime) -> None:
    add_signal(world, starts_at=now - timedelta(minutes=20), name="Now", state="active")
    add_signal(world, starts_at=now + timedelta(hours=3), name="Soon")
    settle(add_signal(world, starts_at=now - timedelta(days=2), name="Before", state="settled"), world.sites)
    said = words(as_(world.owner).get(path(world)).content.decode())
    assert said.index("Running") < said.index("Now") < said.index("Coming") < said.index("Soon")
    assert said.index("Past") < said.index("Before")
    assert "1.75 € 3.50 kWh given" in said
    assert "In the last 30 days one event earned you 1.75 €" in said


def test_past_events_go_on_where_the_page_ended(world: World, as_: As, now: datetime) -> None:
    for back in range(45):
        add_signal(world, starts_at=now - timedelta(days=back + 1), name=f"E{back:02}.", state="settled")
    client, found, url = as_(world.owner), [], path(world)
    for _ in range(3):
        html = client.get(url, headers=HTMX if "?" in url else {}).content.decode()
        found += [one for one in (f"E{back:02}." for back in range(45)) if one in html]
        if "?after=" not in html:
            break
        url = path(world) + "?after=" + html.split("?after=")[1].split('"')[0]
    assert found == [f"E{back:02}." for back in range(45)]
    assert client.get(path(world) + "?after=rubbish").status_code == 200
    assert client.get(path(world) + "?after=99999999999999999999999.zz").status_code == 200


def test_owner_is_out_for_holidays_in_local_time_and_takes_it_back(
    world: World, as_: As, now: datetime
) -> None:
    client = as_(world.owner)
    sent = {"starts": "2026-07-01T00:00", "ends": "2026-07-08T12:30", "reason": "Italy"}
    response = client.post(path(world, "out"), sent, follow=True)
    assert "Your home is out of all events of that time." in words(response.content.decode())
    assert "Italy" in response.content.decode()
    period = OptOutPeriod.objects.get()
    assert (period.starts_at, period.ends_at, period.user) == (
        datetime(2026, 6, 30, 22, tzinfo=UTC),
        datetime(2026, 7, 8, 10, 30, tzinfo=UTC),
        world.owner,
    )
    client.post(path(world, f"out/{period.pk}/end"))
    period.refresh_from_db()
    assert period.ended_at == now


def test_owner_is_out_of_all_and_back(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now + timedelta(hours=1))
    client = as_(world.owner)
    page = words(client.post(path(world, "out"), {"what": "all"}, follow=True).content.decode())
    assert "Your home is out of all events." in page
    assert "Be out of all events" not in page
    assert OptOut.objects.filter(signal=signal).count() == 1
    client.post(path(world, f"out/{OptOutPeriod.objects.get().pk}/end"))
    assert OptOut.objects.count() == 0


def test_taking_part_after_all(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now + timedelta(hours=1))
    client = as_(world.owner)
    client.post(path(world, f"{signal.pk}/opt-out"))
    assert "Take part after all" in client.get(path(world, f"{signal.pk}/")).content.decode()
    response = client.post(path(world, f"{signal.pk}/opt-in"), follow=True)
    assert "Your home takes part again." in response.content.decode()
    assert OptOut.objects.count() == 0


@pytest.mark.parametrize(
    "sent", [{}, {"starts": "x", "ends": "y"}, {"starts": "0001-01-01T00:00", "ends": "2"}]
)
def test_nonsense_changes_nothing(world: World, as_: As, sent: dict[str, str]) -> None:
    response = as_(world.owner).post(path(world, "out"), sent, follow=True)
    assert "Nothing was changed" in response.content.decode()
    assert OptOutPeriod.objects.count() == 0


@pytest.mark.parametrize("who", ["member", "operator", "viewer", "stranger", None])
def test_nobody_else_changes_anything(world: World, as_: As, now: datetime, who: str | None) -> None:
    signal = add_signal(world, starts_at=now + timedelta(hours=1))
    as_(world.owner).post(path(world, f"{signal.pk}/opt-out"))
    as_(world.owner).post(path(world, "out"), {"what": "all"})
    held, noted = OptOutPeriod.objects.get(), AuditEntry.objects.count()
    client = as_(getattr(world, who) if who else None)
    status = 404 if who == "stranger" else 302
    for more in (f"{signal.pk}/opt-in", "out", f"out/{held.pk}/end"):
        assert client.post(path(world, more), {"what": "all"}).status_code == status
        assert client.get(path(world, more)).status_code == 405 or who is None or status == 404
    held.refresh_from_db()
    assert (held.ended_at, OptOutPeriod.objects.count(), OptOut.objects.count()) == (None, 1, 1)
    assert AuditEntry.objects.count() == noted
