"""What people let apps do with their homes: homes chosen one by one, taken back at any time."""

import dataclasses
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max
from oauth2_provider.models import get_access_token_model, get_grant_model, get_refresh_token_model

from apps.accounts.models import ApiClient, User
from apps.accounts.services import audit
from apps.common.errors import DomainError, NotFoundError
from apps.sites.households import in_force
from apps.sites.models import AppGrant, Role, Site, SiteMember
from apps.sites.rights import roles_with
from apps.sites.selectors import sites_of_household

CONTROL = "ores_control"


class NoHomeChosenError(DomainError):
    code = "no_home_chosen"


class AppUnknownError(NotFoundError):
    code = "app_unknown"


@dataclasses.dataclass(frozen=True)
class ConnectedApp:
    """An app with the homes that somebody lets it see."""

    client: ApiClient
    sites: list[Site]
    may_control: bool
    granted_at: datetime


class GrantedHome(NamedTuple):
    """One home that a person lets an app see."""

    user_id: int
    client_id: int
    site_id: int
    is_owner: bool


@transaction.atomic
def app_grant(
    *, user: User, client: ApiClient, site_ids: Collection[int], may_control: bool, now: datetime
) -> None:
    """Let an app see these homes of `user`, and no other; tokens it has from before are out."""
    chosen = list(sites_of_household(user=user).filter(pk__in=site_ids))
    if not chosen:
        raise NoHomeChosenError("choose at least one home that the app may see")
    _forget(user, client)
    AppGrant.objects.bulk_create(
        AppGrant(user=user, client=client, site=site, granted_at=now) for site in chosen
    )
    for site in chosen:
        audit(
            organization=site.organization, actor=user.email, action="app_grant", subject=f"site {site.pk}", now=now,
            app=client.name, may_control=may_control,
        )  # fmt: skip


@transaction.atomic
def app_revoke(*, user: User, client_pk: int, now: datetime) -> str:
    """Shut an app out of everything that `user` let it see; return what it is called."""
    held = list(
        AppGrant.objects.filter(user=user, client_id=client_pk).select_related("client", "site__organization")
    )
    if not held:
        raise AppUnknownError("no such app is connected")
    _forget(user, held[0].client)
    for one in held:
        audit(
            organization=one.site.organization, actor=user.email, action="app_revoke",
            subject=f"site {one.site_id}", now=now, app=one.client.name,
        )  # fmt: skip
    return str(held[0].client.name)


def granted_site_ids(*, user: User, client: ApiClient) -> set[int]:
    """Return the homes that `user` lets an app see; whether they still may see them is asked elsewhere."""
    return set(AppGrant.objects.filter(user=user, client=client).values_list("site_id", flat=True))


def homes_granted(*, user_ids: Collection[int], client_ids: Collection[int]) -> list[GrantedHome]:
    """Return the homes that these people let these apps see, as far as they still may see them themselves."""
    members = SiteMember.objects.filter(
        in_force(), user_id__in=user_ids, role__in=roles_with("see"), site__closed_at=None
    )
    roles = {
        (user_id, site_id): role
        for user_id, site_id, role in members.values_list("user_id", "site_id", "role")
    }
    granted = AppGrant.objects.filter(
        user_id__in=user_ids, client_id__in=client_ids, client__revoked_at=None
    ).order_by("site_id")
    return [
        GrantedHome(user_id, client_id, site_id, roles[user_id, site_id] == Role.OWNER)
        for user_id, client_id, site_id in granted.values_list("user_id", "client_id", "site_id")
        if (user_id, site_id) in roles
    ]


def connected_apps(*, user: User) -> list[ConnectedApp]:
    """Return the apps that `user` has let in, the newest first."""
    found: dict[int, ConnectedApp] = {}
    controls = _controlling(user)
    for one in (
        AppGrant.objects.filter(user=user).select_related("client", "site").order_by("-granted_at", "pk")
    ):
        app = found.setdefault(
            one.client_id, ConnectedApp(one.client, [], one.client_id in controls, one.granted_at)
        )
        app.sites.append(one.site)
    return list(found.values())


def _controlling(user: User) -> set[int]:
    newest = get_access_token_model().objects.filter(user=user).values("application").annotate(last=Max("pk"))
    held = get_access_token_model().objects.filter(pk__in=[row["last"] for row in newest])
    return {token.application_id for token in held if CONTROL in token.scope.split()}


def _forget(user: User, client: ApiClient) -> None:
    AppGrant.objects.filter(user=user, client=client).delete()
    for model in (get_grant_model(), get_access_token_model(), get_refresh_token_model()):
        model.objects.filter(user=user, application=client).delete()
