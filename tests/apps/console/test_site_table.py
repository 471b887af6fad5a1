"""The table of sites: filter, order, pages in both directions, totals, download; and the map's cells."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.common.errors import DomainError
from apps.common.keyset import keyset_page
from apps.console.fleet_map import Window, clusters, extent
from apps.console.site_filter import SiteFilter, sites_filtered
from apps.console.templatetags.console import rated
from apps.hubs.models import Hub
from apps.programs.models import Enrollment
from apps.sites.models import Resource, Site
from apps.sites.services import SiteInvalidError, grid_area_create, site_create
from apps.sites.shapes import shape_of
from tests.apps.portal.world import World, add_hub, add_snapshot, words

As = Callable[[User | None], Client]


def names(world: World, **fields: str) -> list[str]:
    found = sites_filtered(organization=world.organization, chosen=SiteFilter.read(fields))
    return list(found.order_by("name").values_list("name", flat=True))


def test_each_field_of_the_filter_lets_its_own_through(world: World, now: datetime) -> None:
    first, second, third = world.sites
    add_hub(first, now=now)
    add_hub(second, now=now, connected=False)
    Hub.objects.filter(site=second).update(agent_version="0.2.0")
    Resource.objects.filter(site=second).delete()
    Resource.objects.create(site=second, key="ev", kind="ev_charger")
    Enrollment.objects.filter(site=third).update(ends_at=now)
    area = grid_area_create(organization=world.organization, name="Feeder")
    below = grid_area_create(organization=world.organization, name="Street")
    below.parent = area
    below.save()
    Site.objects.filter(pk=third.pk).update(grid_area=below)
    every = ["Rose Street 1", "Rose Street 3", "Rose Street 5"]
    assert names(world) == every
    assert names(world, name="rose STR") == every
    assert names(world, name="str 3") == ["Rose Street 3"]
    assert names(world, name="%_'!&") == []
    assert names(world, area=str(area.pk)) == ["Rose Street 5"]
    assert names(world, program=str(world.program.pk)) == every[:2]
    assert names(world, hub="online") == ["Rose Street 1"]
    assert names(world, hub="offline") == ["Rose Street 3"]
    assert names(world, hub="none") == ["Rose Street 5"]
    assert names(world, hub="any", firmware="0.2.0") == ["Rose Street 3"]
    assert names(world, kinds="battery,pv") == ["Rose Street 1"]
    assert names(world, ev_charger="1") == ["Rose Street 3"]
    for wrong in ({"area": "x"}, {"area": "99999"}, {"program": "²"}, {"hub": "no such"}, {"name": "tulip"}):
        assert names(world, **wrong) == []


@pytest.mark.parametrize("order", ["name", "pk", "import_limit_kw"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_cover_everything_once_in_both_directions(
    world: World, now: datetime, order: str, descending: bool
) -> None:
    for number in range(8):
        site_create(
            organization=world.organization, name=f"Home {number % 4}{number}", now=now, import_limit_kw=10.0 + number % 3
        )  # fmt: skip
    rows = Site.objects.filter(organization=world.organization)
    sign = "-" if descending else ""
    wanted = [one.pk for one in rows.order_by(f"{sign}{order}", f"{sign}pk")]
    seen: list[list[int]] = []
    cursor, page = "", keyset_page(rows, order=order, cursor="", size=4, descending=descending)
    assert page.previous == ""
    while True:
        page = keyset_page(rows, order=order, cursor=cursor, size=4, descending=descending)
        seen.append([one.pk for one in page.rows])
        cursor = page.next
        if not cursor:
            break
    assert seen == [wanted[:4], wanted[4:8], wanted[8:]]
    back = keyset_page(rows, order=order, cursor=page.previous, size=4, descending=descending)
    assert [one.pk for one in back.rows] == wanted[4:8]
    first = keyset_page(rows, order=order, cursor=back.previous, size=4, descending=descending)
    assert ([one.pk for one in first.rows], first.previous) == (wanted[:4], "")


@pytest.mark.parametrize(
    "cursor", ["x", "é", "W10", "WzEsMiwzXQ", "bnVsbA", "W3RydWUsW10sMV0", "W2ZhbHNlLDEsMWU5OV0"]
)
def test_a_cursor_that_cannot_be_is_refused(db: None, cursor: str) -> None:
    with pytest.raises(DomainError) as refused:
        keyset_page(Site.objects.all(), order="name", cursor=cursor, size=4)
    assert refused.value.code == "cursor_invalid"


def test_the_page_shows_rows_totals_and_links(world: World, as_: As, now: datetime) -> None:
    add_hub(world.sites[0], now=now)
    lately = now - timedelta(minutes=1)
    add_snapshot(world.sites[0], lately, grid_kw=1.5, pv_kw=-2.0, battery_kw=1.0, battery_soc=0.4)
    add_snapshot(world.sites[1], now - timedelta(hours=2), grid_kw=9.0)
    client = as_(world.viewer)
    html = client.get(f"/console/{world.organization.pk}/sites/").content.decode()
    said = words(html)
    assert "3 sites Download as CSV" in said
    assert (
        "Rose Street 1 Evening relief online a minute ago import 1.50 kW 2.00 kW charges 1.00 kW 40 % 17.0 kW"
        in said
    )
    assert (
        "1 reported lately import 1.50 kW export 0.00 kW 2.00 kW gives 0.00 kW charges 1.00 kW 40 %" in said
    )
    part = client.get(
        f"/console/{world.organization.pk}/sites/?name=street+3",
        headers={"HX-Request": "true", "HX-Target": "sites-table"},
    ).content.decode()
    assert "<main" not in part
    assert "1 site of this filter" in words(part)
    assert client.get(f"/console/{world.organization.pk}/sites/?at=nonsense").status_code == 400


def test_the_download_streams_every_site_and_runs_no_formula(world: World, as_: As, now: datetime) -> None:
    site_create(organization=world.organization, name="=1+2", now=now)
    add_snapshot(world.sites[0], now, grid_kw=-0.5, battery_soc=0.5)
    answer = as_(world.viewer).get(f"/console/{world.organization.pk}/sites/csv?name=street")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 4
    assert lines[1].startswith(f"{world.sites[0].pk},Rose Street 1,,none,,2026-06-17T16:50:20+00:00,0.0,0.5,")
    answer = as_(world.viewer).get(f"/console/{world.organization.pk}/sites/csv")
    assert b",'=1+2," in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    entry = AuditEntry.objects.filter(action="sites_download").order_by("pk").first()
    assert entry is not None
    assert (entry.actor, entry.detail) == (world.viewer.email, {"filter": "name=street"})


def test_the_map_draws_sites_together_and_says_what_stands_where(world: World, now: datetime) -> None:
    for site, longitude in zip(world.sites, (9.0, 9.0001, 12.0), strict=True):
        Site.objects.filter(pk=site.pk).update(latitude_deg=51.0, longitude_deg=longitude)
    add_hub(world.sites[0], now=now)
    Resource.objects.filter(kind="battery").update(parameters={"discharge_kw": 4.5})
    organization, chosen = world.organization, SiteFilter()
    whole = Window(-180, -80, 180, 80, zoom=5)
    found = clusters(organization=organization, chosen=chosen, window=whole)
    assert found["sites"] == 3
    assert [(one["sites"], one["online"], one["kw"], one.get("site")) for one in found["cells"]] == [
        (2, 1, 4.5, None),
        (1, 0, 0.0, world.sites[2].pk),
    ]
    near = Window(8.9, 50.9, 9.1, 51.1, zoom=19)
    assert [
        one["sites"] for one in clusters(organization=organization, chosen=chosen, window=near)["cells"]
    ] == [1, 1]
    seen = extent(organization=organization, chosen=chosen)
    assert (seen.west, seen.east, seen.placed, seen.unplaced) == (9.0, 12.0, 3, 0)
    assert extent(organization=organization, chosen=SiteFilter(hub="offline")).placed == 0


@pytest.mark.parametrize(
    "sent",
    [{}, {"west": "x"}, {"zoom": "99"}, {"west": "nan"}, {"zoom": "1.5"}],
    ids=["none", "word", "deep", "nan", "half"],
)
def test_a_window_that_cannot_be_is_refused(world: World, as_: As, sent: dict[str, str]) -> None:
    whole = {"west": "-1", "south": "-1", "east": "1", "north": "1", "zoom": "3", **sent}
    answer = as_(world.viewer).get(f"/console/{world.organization.pk}/map/cells", whole if sent else {})
    assert (answer.status_code, answer.json()["code"]) == (400, "window_invalid")


SQUARE = '{"type": "Polygon", "coordinates": [[[9, 51], [9.1, 51], [9.1, 51.1], [9, 51]]]}'


def test_an_outline_is_taken_in_any_usual_wrapping() -> None:
    plain = shape_of(SQUARE)
    assert plain["coordinates"][0][0] == [9.0, 51.0]
    feature = '{"type": "Feature", "properties": {}, "geometry": ' + SQUARE + "}"
    assert shape_of(feature) == plain
    assert shape_of('{"type": "FeatureCollection", "features": [' + feature + "]}") == plain


@pytest.mark.parametrize(
    "text",
    [
        "no json", "[]", "null", '{"type": "Point", "coordinates": [9, 51]}', SQUARE.replace("[9, 51]]]", "[9, 52]]]"),
        SQUARE.replace("51.1", "91"), SQUARE.replace("51.1", '"x"'), SQUARE.replace("51.1", "NaN"), '{"type": "Polygon"}',
        '{"type": "Polygon", "coordinates": []}', '{"type": "Polygon", "coordinates": [[[9, 51]]]}',
        '{"type": "FeatureCollection", "features": []}', '{"type": "Feature", "geometry": null}', " " * 1_000_001,
    ],
)  # fmt: skip
def test_an_outline_that_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(SiteInvalidError):
        shape_of(text)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"charge_kw": 2.5, "reserve_soc": 0.1, "capacity_kwh": 5.0}, "charge 2.5 kW, reserve 10 %, capacity 5 kWh"),
        ({"model": "X", "has_meter": True, "curve": [1, 2], "comfort_low_c": 19}, "model X, has meter True, comfort low 19 °C"),
        ({"kw": "?"}, "kw ?"),
    ],
)  # fmt: skip
def test_what_a_resource_is_rated_at_is_said_with_units(parameters: dict[str, object], words: str) -> None:
    assert rated(parameters) == words
