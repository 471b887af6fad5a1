"""Who asks, which home they mean, and what they may do there."""

import dataclasses
from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.api.authentication import ApiClientAuthentication, Partner
from apps.accounts.models import ApiClient, User
from apps.common.errors import DomainError, ForbiddenError, NotFoundError
from apps.sites.app_grants import granted_site_ids
from apps.sites.models import Site
from apps.sites.selectors import is_owner, site_visible, sites_of_household, sites_of_organization
from vpp.protocols.ores.routes import Right

SCOPES: dict[str, Right] = {"ores_read": "read", "ores_control": "control"}
_LARGEST_ID = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Granted:
    """What an access token of a person allows, and at which homes."""

    rights: frozenset[Right]
    site_ids: frozenset[int]
    client_pk: int


@dataclasses.dataclass(frozen=True)
class Access:
    """A home, and what whoever asks may do there."""

    site: Site
    rights: frozenset[Right]
    actor: str


class TokenAuthentication(ApiClientAuthentication):
    """A bearer token: a partner's, or one that a person has granted to an app."""

    def known(self, token: Any) -> tuple[Any, Any]:
        """Return who shows a good token: a partner's program, or the person who granted it."""
        if token.user_id is None:
            return super().known(token)
        if not token.user.is_active:
            raise AuthenticationFailed("this person is not active", code="token_invalid")
        site_ids = granted_site_ids(user=token.user, client=token.application)
        return token.user, Granted(
            _rights(frozenset(token.scope.split())), frozenset(site_ids), token.application_id
        )


def access_of(request: Request, *, site_id: str | None) -> Access:
    """Return the home that is meant; NotFoundError for one that whoever asks may not see."""
    number = _number(site_id)
    if isinstance(request.user, User):
        return _of_person(request.user, number, granted=request.auth)
    return _of_partner(request, number)


def _of_person(user: User, number: int | None, *, granted: object) -> Access:
    allowed = granted.rights if isinstance(granted, Granted) else frozenset(SCOPES.values())
    _check_read(allowed)
    homes = sites_of_household(user=user)
    if isinstance(granted, Granted):
        homes = homes.filter(pk__in=granted.site_ids)
    site = site_visible(user=user, site_id=number) if number else _only(list(homes[:2]))
    if site is None or (isinstance(granted, Granted) and site.pk not in granted.site_ids):
        raise NotFoundError("no such home")
    may: set[Right] = {"read", "control"} if is_owner(user=user, site=site) else {"read"}
    return Access(site, allowed & may, user.email)


def _of_partner(request: Request, number: int | None) -> Access:
    partner: object = request.user
    if not isinstance(partner, Partner) or partner.client.role != ApiClient.Role.AGGREGATOR:
        raise ForbiddenError("this credential is not for homes", code="role_required")
    rights = _rights(partner.scopes)
    _check_read(rights)
    sites = sites_of_organization(organization=partner.client.organization)
    site = sites.filter(pk=number).first() if number else _only(list(sites[:2]))
    if site is None:
        raise NotFoundError("no such home")
    return Access(site, rights, f"client {partner.client.pk} {partner.client.name}")


def _rights(scopes: frozenset[str]) -> frozenset[Right]:
    return frozenset(right for scope, right in SCOPES.items() if scope in scopes)


def _check_read(rights: frozenset[Right]) -> None:
    if "read" not in rights:
        raise ForbiddenError("the token has no scope ores_read", code="scope_required")


def _only(sites: list[Site]) -> Site | None:
    if len(sites) > 1:
        raise DomainError("there are several homes: say which by site_id", code="site_required")
    return sites[0] if sites else None


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12 and 0 < int(text) <= _LARGEST_ID):
        raise DomainError("site_id is the number of a home", code="invalid")
    return int(text)
