"""Every URL with a stranger's session and with a stranger's credentials: nothing foreign is shown, nothing changes."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.urls import URLResolver, get_resolver

from apps.accounts.models import ApiClient, Organization
from apps.accounts.services import api_client_revoke
from apps.hubs.models import Instruction
from apps.sites.models import SiteMember
from tests import factories
from tests.exhaustive import exhaustive
from tests.factories import NOW
from tests.ores_cloud.victim import Victim, build_victim

pytestmark = pytest.mark.django_db
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Pages know no other ways to write; their form tokens are for these.
PAGE_METHODS = ("GET", "POST", "DELETE")
# A parameter that the victim has no value for: by the name of its model, or one of these by its converter.
BY_CONVERTER = {"int": "1", "uuid": str(uuid.uuid4()), "str": "x", "slug": "x", "path": "x"}
_PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


def routes() -> list[str]:
    """Return every route of the platform as it is written, named or not, but for the admin's own."""
    found: set[str] = set()

    def walk(resolver: URLResolver, prefix: str) -> None:
        for one in resolver.url_patterns:
            path = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one, path)
            elif not path.startswith("admin/") and not (path.startswith("account/") and "(?P" in path):
                found.add(path)  # allauth writes its links of e-mails as expressions; they name nobody's data

    walk(get_resolver(), "")
    return sorted(found)


def values_of(name: str, kind: str, *, victim: Victim) -> list[str]:
    """Return what stands for a parameter: the victim's own, the first row of the model it names, or anything."""
    if name in victim.values:
        held = victim.values[name]
        return [str(one) for one in (held if isinstance(held, list) else [held])]
    row = first_of_model(name.removesuffix("_id")) if name.endswith("_id") else None
    return [str(row)] if row is not None else [BY_CONVERTER[kind or "str"]]


def first_of_model(noun: str) -> Any:
    """Return the key of the first row of the one model that a parameter's name tells of."""
    wanted = noun.replace("_", "")
    for model in ours():
        name = model.__name__.lower()
        if name == wanted or name.endswith(wanted) or name.startswith(wanted):
            key = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
            if key is not None:
                return key
    return None


def urls(victim: Victim) -> list[str]:
    """Return every URL of the platform about the victim; a parameter of an unknown kind fails."""
    found: set[str] = set()
    for route in routes():
        made = [route]
        for match in _PARAMETER.finditer(route):
            held = values_of(match["name"], match["kind"] or "", victim=victim)
            made = [one.replace(match[0], value, 1) for one in made for value in held]
        found |= {"/" + one for one in made}
    assert not [one for one in found if "<" in one or "(?P" in one]
    return sorted(found)


def ours() -> list[Any]:
    """Return every table of the platform's own."""
    held = (config.get_models() for config in apps.get_app_configs() if config.name.startswith("apps."))
    return [model for models in held for model in models if model._meta.managed]


# What the walker writes about themselves, at addresses that name nobody else: a sign-in is noted on the person, how they
# want to be told is theirs to say, and "send me a test" sends them one.
OWN = {
    "accounts.User": "pk",
    "alerts.NotificationSettings": "user",
    "alerts.ChannelChoice": "user",
    "alerts.PushSubscription": "user",
    "alerts.Notification": "user",
    "alerts.Delivery": "notification__user",
}


def everything(*, but_of: Any = None) -> str:
    """Return the whole content of the domain's tables, but for what a walker has written about themselves."""
    rows = []
    for model in ours():
        held = model._default_manager.order_by("pk")
        if but_of is not None and model._meta.label in OWN:
            held = held.exclude(**{OWN[model._meta.label]: but_of.pk})
        rows += list(held)
    return str(serializers.serialize("json", rows))


def differing(before: str, *, but_of: Any) -> set[str]:
    """Return rows that are not what they were, or were not there, as text."""
    was, now = (
        {json.dumps(row, sort_keys=True) for row in json.loads(text)}
        for text in (before, everything(but_of=but_of))
    )
    return was ^ now


BODIES: dict[str, Any] = {
    "code": "22222-22222",
    "name": "mine",
    "site_ids": [1],
    "energy_price": "0.0001",
    "reason": "mine",
    "programName": "x",
    "confirm": "yes",
    "act": "add",
    "email": "mine@example.org",
    "role": "owner",
    "remove": "yes",
    "reserve_soc": "90",
    "mode": "backup",
    "given": "no",
    "version": "1",
    "first_name": "mine",
    "password": "a-long-word-of-mine",
    "targets": ["mine"],
    "duration": "1h",
    "enabled": False,
}


def is_left_out(url: str) -> bool:
    """Whether a URL ends the walker's own session, or takes long and shows nobody's data."""
    return "logout" in url or url.endswith("/api/v1/schema")


def check(client: Client, headers: dict[str, str], victim: Victim, *, form: bool) -> list[str]:
    """Ask for everything in every way; return what was wrong."""
    wrong = []
    for url in urls(victim):
        if is_left_out(url):
            continue
        for method in PAGE_METHODS if form else METHODS:
            sent = BODIES if form else json.dumps(BODIES)
            content_type = "application/json" if not form or method != "POST" else None
            arguments: dict[str, Any] = {"headers": headers}
            if method != "GET":
                arguments["data"] = sent if content_type is None else json.dumps(BODIES)
                if content_type:
                    arguments["content_type"] = content_type
            answer = getattr(client, method.lower())(url, **arguments)
            body = answer.getvalue() if answer.streaming else answer.content
            text = body.decode(errors="replace")
            shown = [name for name in victim.names if name in text and name not in url]
            if answer.status_code >= 500 or shown:
                wrong.append(f"{method} {url}: {answer.status_code} {shown}")
            if method == "GET" and answer.status_code == 200 and is_about(victim, url):
                wrong.append(f"{method} {url}: 200")
    return wrong


def is_about(victim: Victim, url: str) -> bool:
    """Whether the URL names something of the victim's; "1" stands for parameters of other apps."""
    parts = url.strip("/").split("/")
    own = {
        str(value)
        for name, values in victim.values.items()
        for value in (values if isinstance(values, list) else [values])
        if name not in {"statement_id", "dispute_id", "form"}
    }
    return bool(own & set(parts)) and not url.startswith(("/admin", "/account"))


@pytest.fixture
def victim(settings: Any) -> Victim:
    settings.ORES_CLOCK = factories.clock_at(NOW + timedelta(hours=2, minutes=5))
    return build_victim()


def test_every_role_of_a_credential_is_walked() -> None:
    assert {role.value for role in ApiClient.Role} == {"aggregator", "ven", "utility", "app"}


def test_walk_finds_every_door(victim: Victim) -> None:
    found = urls(victim)
    for part in (
        "/sites/",
        "/console/",
        "/console/openadr/",
        "/api/v1/signals/",
        "/openadr3/3.1.0/events/",
        "/device/register",
        "/energystorage/control",
        "/hub/",
        "/people/invite",
        "/privacy/delete",
        "/account/sessions/",
        "/api/v1/grid-areas",
    ):
        assert any(part in url for url in found), part
    assert sum(is_about(victim, url) for url in found) >= 20


@pytest.mark.parametrize("who", ["nobody", "homeowner", "operator", pytest.param("viewer", marks=exhaustive)])
def test_strangers_session_sees_and_changes_nothing(victim: Victim, who: str) -> None:
    client, user = Client(raise_request_exception=False), None
    if who != "nobody":
        elsewhere = factories.make_organization()
        site = factories.make_site(organization=elsewhere)
        role = {"homeowner": None, "operator": "operator", "viewer": "viewer"}[who]
        user = (
            factories.make_owner(site=site)
            if role is None
            else factories.make_operator(organization=elsewhere, role=role)
        )
        client.force_login(user)
    before = everything(but_of=user)
    assert check(client, {}, victim, form=True) == []
    assert differing(before, but_of=user) == set()


@pytest.mark.parametrize(
    "role", ["aggregator", "ven", *(pytest.param(one, marks=exhaustive) for one in ("utility", "app"))]
)
def test_strangers_token_sees_and_changes_nothing(victim: Victim, role: str) -> None:
    organization = factories.make_organization()
    token = factories.token_of(factories.make_credential(organization=organization, role=role))
    client = Client(raise_request_exception=False)
    before = [row for row in json.loads(everything()) if is_theirs(row, organization.pk)]
    assert check(client, {"Authorization": f"Bearer {token}"}, victim, form=False) == []
    after = [row for row in json.loads(everything()) if is_theirs(row, organization.pk)]
    assert after == before
    assert Instruction.objects.count() > 0


@pytest.mark.parametrize(
    "role", [pytest.param("viewer", marks=exhaustive), "landlord", "installer", "expired"]
)
def test_people_of_the_home_change_nothing_beyond_their_right(victim: Victim, role: str) -> None:
    """Who may look, or was let in for something else: every way to write is tried, but leaving and one's own account."""
    soon, ended = datetime.now(UTC) + timedelta(days=1), datetime.now(UTC) - timedelta(seconds=1)
    user = factories.make_user()
    SiteMember.objects.create(
        site_id=victim.values["site_id"], user=user, role="installer" if role == "expired" else role,
        expires_at={"installer": soon, "expired": ended}.get(role),
    )  # fmt: skip
    client = Client(raise_request_exception=False)
    client.force_login(user)
    before = everything(but_of=user)
    asked = [one for one in urls(victim) if not is_left_out(one) and "/people/leave" not in one]
    if role == "installer":  # what an installer is there for
        asked = [one for one in asked if not re.search(r"/(devices|hub|s2)/", one)]
    for url in asked:
        if not url.startswith("/account"):
            assert client.post(url, BODIES).status_code < 500, url
    assert differing(before, but_of=user) == set()
    if role == "expired":
        assert check(client, {}, victim, form=True) == []
        assert differing(before, but_of=user) == set()


def test_a_revoked_credential_opens_nothing(victim: Victim) -> None:
    organization = Organization.objects.get(pk=victim.values["organization_id"])
    credential = factories.make_credential(organization=organization, role="aggregator")
    token = factories.token_of(credential)
    api_client_revoke(client=credential.client, actor="operator", now=NOW)
    before = everything()
    client = Client(raise_request_exception=False)
    assert check(client, {"Authorization": f"Bearer {token}"}, victim, form=False) == []
    assert everything() == before


def is_theirs(row: dict[str, Any], stranger: int) -> bool:
    """Whether a row is not the stranger's own: a utility may make programs of its own."""
    own = row["fields"].get("organization") == stranger
    return not own and row["model"] not in {"accounts.apiclient"}


@exhaustive
def test_token_of_nobody_is_refused_everywhere(victim: Victim) -> None:
    client = Client(raise_request_exception=False)
    before = everything()
    assert check(client, {"Authorization": "Bearer invented"}, victim, form=False) == []
    assert everything() == before
