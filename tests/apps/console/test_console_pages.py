"""Every new page of the console: who may look, who may act, and that nothing changes where they may not."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, Membership, User
from apps.hubs.models import Hub
from apps.programs.models import Enrollment, EnrollmentJob, OptOut, Program
from apps.settlement.models import ReviewRule, RunReview
from apps.sites.models import GridArea
from apps.sites.services import grid_area_create
from tests.apps.portal.world import World, add_hub, add_signal, build_world, settle

As = Callable[[User | None], Client]
READ = [
    "", "sites/", "sites/csv", "sites/{site}/", "map/", "map/outlines",
    "map/cells?west=-180&south=-80&east=180&north=80&zoom=2", "areas/", "areas/{area}/", "capacity/", "programs/",
    "programs/{program}/", "programs/{program}/enrollment/", "programs/{program}/enrollment/progress", "settlement/",
    "settlement/{run}/", "members/", "audit/", "audit/{entry}/", "audit/download.csv", "audit/download.jsonl",
]  # fmt: skip
ASK = ["sites/{site}/events/{signal}/opt-out", "members/{member}/"]
ACTS: list[tuple[str, dict[str, str]]] = [
    ("sites/{site}/", {"do": "leave", "program": "{program}"}),
    ("sites/{site}/events/{signal}/opt-out", {"reason": "they called"}),
    ("areas/", {"name": "Feeder 9"}),
    ("areas/{area}/", {"do": "limits", "name": "Other"}),
    ("programs/", {"name": "Another"}),
    ("programs/{program}/", {"do": "pause"}),
    ("programs/{program}/enrollment/", {"do": "leave"}),
    ("settlement/", {"four_eyes": "1"}),
    ("settlement/{run}/", {"do": "approve"}),
    ("members/", {"email": "new@example.org", "role": "viewer"}),
    ("members/{member}/", {"do": "remove"}),
]


@pytest.fixture
def names(world: World, now: datetime) -> dict[str, object]:
    add_hub(world.sites[0], now=now)
    signal = add_signal(world, starts_at=now + timedelta(hours=1))
    past = add_signal(world, starts_at=now - timedelta(hours=5), state="settled")
    run = settle(past, world.sites)[0].run
    entry = AuditEntry.objects.create(
        organization=world.organization,
        actor="a@example.org",
        action="test",
        subject="site 1",
        detail={"x": 1},
        at=now,
    )
    return {
        "site": world.sites[0].pk,
        "signal": signal.pk,
        "area": grid_area_create(organization=world.organization, name="Feeder 7").pk,
        "program": world.program.pk,
        "run": run.pk,
        "member": Membership.objects.get(user=world.viewer).pk,
        "entry": entry.pk,
    }


def path(world: World, page: str, names: dict[str, object]) -> str:
    return f"/console/{world.organization.pk}/{page.format(**names)}"


def state() -> tuple[object, ...]:
    """What any of the acts would change."""
    return (
        list(Enrollment.objects.order_by("pk").values_list("pk", "ends_at")),
        list(Program.objects.order_by("pk").values_list("name", "paused_at")),
        list(GridArea.objects.order_by("pk").values_list("name", "shape")),
        list(Membership.objects.order_by("pk").values_list("user", "role")),
        [model.objects.count() for model in (OptOut, EnrollmentJob, RunReview, ReviewRule, User, Hub)],
    )


def test_operators_and_viewers_see_every_page(world: World, as_: As, names: dict[str, object]) -> None:
    for who in (world.operator, world.viewer):
        client = as_(who)
        found = {page: client.get(path(world, page, names)).status_code for page in READ}
        assert found == dict.fromkeys(READ, 200)
    assert [as_(world.viewer).get(path(world, page, names)).status_code for page in ASK] == [403, 403]
    assert [as_(world.operator).get(path(world, page, names)).status_code for page in ASK] == [200, 200]


def test_strangers_find_nothing_and_change_nothing(
    world: World, as_: As, names: dict[str, object], now: datetime
) -> None:
    other = build_world(now=now, homes=1, tag="-2")
    before, noted = state(), AuditEntry.objects.count()
    for who in (world.owner, world.stranger, other.operator):
        client = as_(who)
        assert {client.get(path(world, page, names)).status_code for page in READ + ASK} == {404}
        assert {client.post(path(world, page, names), sent).status_code for page, sent in ACTS} == {404}
    client = as_(None)
    assert {client.get(path(world, page, names)).status_code for page in READ + ASK} == {302}
    assert {client.post(path(world, page, names), sent).status_code for page, sent in ACTS} == {302}
    assert state() == before
    assert AuditEntry.objects.count() == noted


def test_what_is_another_tenants_is_not_there(
    world: World, as_: As, names: dict[str, object], now: datetime
) -> None:
    """An operator cannot reach over by putting another tenant's numbers under their own."""
    other = build_world(now=now, homes=1, tag="-2")
    numbered = [page for page in READ + ASK if "{" in page]
    client = as_(other.operator)
    before = state()
    for page in numbered:
        assert client.get(path(other, page, names)).status_code == 404, page
    for page, sent in ACTS:
        if "{" in page:
            assert client.post(path(other, page, names), sent).status_code == 404, page
    assert state() == before


def test_a_viewer_has_no_buttons_and_is_refused(world: World, as_: As, names: dict[str, object]) -> None:
    client = as_(world.viewer)
    before = state()
    for page in READ:
        if "/csv" in page or "download" in page or "map/" in page:
            continue
        html = client.get(path(world, page, names)).content.decode().split("<main")[-1].split("</main>")[0]
        assert 'method="post"' not in html, page
    for page, sent in ACTS:
        assert client.post(path(world, page, names), sent).status_code == 403, page
    assert state() == before


def test_tenants_are_for_the_platforms_staff(world: World, as_: As) -> None:
    sent = {"name": "New tenant", "slug": "new", "email": "first@example.org"}
    for who, get in ((None, 302), (world.operator, 404), (world.owner, 404)):
        client = as_(who)
        assert client.get("/console/tenants/").status_code == get
        assert client.post("/console/tenants/", sent).status_code == get
    assert not User.objects.filter(email="first@example.org").exists()
