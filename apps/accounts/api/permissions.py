"""Permissions by the role on the credential and the scopes of its token."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.api.authentication import scopes_of
from apps.accounts.models import ApiClient


class HasScope(BasePermission):
    """The view names the scope per method in `scopes` and the roles in `roles`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        client = request.auth
        if not isinstance(client, ApiClient):
            return False
        roles: set[str] = getattr(view, "roles", set())
        if roles and client.role not in roles:
            return False
        wanted = scope_for(request, view)
        return wanted is None or wanted in scopes_of(request)


def scope_for(request: Request, view: APIView) -> str | None:
    """Return the scope that the view asks for the request's method; HEAD is a GET without its body."""
    scopes: dict[str, str] = getattr(view, "scopes", {})
    method = request.method or ""
    return scopes.get("GET" if method == "HEAD" else method)
