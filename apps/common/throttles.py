"""Rate limits by tenant, and by address for doors that are open before anybody is known."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework import throttling
from rest_framework.request import Request

if TYPE_CHECKING:  # REST framework's views import these classes while they are being made
    from rest_framework.views import APIView


class TenantRateThrottle(throttling.SimpleRateThrottle):
    """One budget of requests an organization."""

    scope = "tenant"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        organization = getattr(request.auth, "organization_id", None)
        if organization is None or getattr(request.auth, "role", None) == "ven":
            return None
        return f"{settings.REDIS_PREFIX}throttle:{self.scope}:{organization}"


class PersonRateThrottle(throttling.SimpleRateThrottle):
    """One budget of requests a person, whatever they ask with."""

    scope = "person"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        if getattr(request.user, "email", None) is None:
            return None
        return f"{settings.REDIS_PREFIX}throttle:{self.scope}:{request.user.pk}"


class VenRateThrottle(throttling.SimpleRateThrottle):
    """One budget a VEN's credential: thousands of them poll, and none may use up the tenant's."""

    scope = "ven"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        if getattr(request.auth, "role", None) != "ven":
            return None
        return f"{settings.REDIS_PREFIX}throttle:{self.scope}:{request.auth.pk}"


class AddressRateThrottle(throttling.SimpleRateThrottle):
    """One budget of requests an address."""

    scope = "device"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        return f"{settings.REDIS_PREFIX}throttle:{self.scope}:{self.get_ident(request)}"


class KnockRateThrottle(AddressRateThrottle):
    """A more generous one for hubs that wait to be let in; a whole street may share an address."""

    scope = "device_knock"


class TokenRateThrottle(AddressRateThrottle):
    """Guessing client secrets is slow."""

    scope = "token"
