"""Partners' programs present an OAuth2 access token; request.auth is their API client."""

import hashlib
from typing import Any

from oauth2_provider.models import get_access_token_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from apps.accounts.models import ApiClient


class Partner:
    """What request.user is for a program: somebody known, but no person."""

    is_authenticated = True
    is_active = True

    def __init__(self, client: ApiClient, scopes: frozenset[str]) -> None:
        self.client = client
        self.scopes = scopes
        self.pk = client.pk

    def __str__(self) -> str:
        return f"client {self.client.name}"


class ApiClientAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` of a client that still exists."""

    www_authenticate_realm = "ores"

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        text = self.shown(request)
        if text is None:
            return None
        token = _held(text) if text else None
        if token is None or not _is_for(token, request):
            raise AuthenticationFailed(
                "the access token is unknown, expired or revoked", code="token_invalid"
            )
        if token.application is None:
            raise AuthenticationFailed("the access token belongs to no client", code="token_invalid")
        return self.known(token)

    def shown(self, request: Request) -> str | None:
        """Return the token that came with the request: None for nothing, empty for something else."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if not header:
            return None
        kind, _, text = header.partition(" ")
        return text.strip() if kind.lower() == "bearer" else ""

    def known(self, token: Any) -> tuple[Any, Any]:
        """Return who shows a good token: user and auth of the request."""
        if token.user_id is not None:
            raise AuthenticationFailed(
                "a person granted this token; it is not for programs", code="token_invalid"
            )
        return Partner(token.application, frozenset(token.scope.split())), token.application

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ores"'


def _held(text: str) -> Any:
    """Return the stored token by its checksum; the library's own way reads the body first, and fails with it."""
    checksum = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    tokens = get_access_token_model().objects.select_related("application__organization")
    return tokens.filter(token_checksum=checksum).first()


def _is_for(token: Any, request: Request) -> bool:
    if not token.is_valid():
        return False
    return not token.resource or token.allows_audience(request.build_absolute_uri(request.path))


def partner(request: Request) -> ApiClient:
    """Return whose token came with the request; views behind a permission have one."""
    client = request.auth
    if not isinstance(client, ApiClient):
        raise NotAuthenticated
    return client


def scopes_of(request: Request) -> frozenset[str]:
    """Return what the token allows."""
    user: object = request.user
    return user.scopes if isinstance(user, Partner) else frozenset()
