"""Rate limits by tenant, and by address for doors that are open before anybody is known."""

from typing import TYPE_CHECKING, Final

from django.conf import settings
from rest_framework import throttling
from rest_framework.request import Request

from apps.common.budget import Grant, take

PERIODS_S: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

if TYPE_CHECKING:  # REST framework's views import these classes while they are being made
    from rest_framework.views import APIView


class TenantRateThrottle(throttling.BaseThrottle):
    """One budget of requests an organization, over all its credentials and all processes.

    The organization may have a limit of its own; a request's budget is kept on it for the headers of the answer.
    """

    scope = "tenant"
    grant: Grant | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        client = request.auth
        organization = getattr(client, "organization", None)
        if organization is None or getattr(client, "role", None) == "ven":
            return True
        own: int | None = organization.requests_per_minute
        most, period_s = (own, 60.0) if own is not None else rate_of(self.scope)
        name = f"{settings.REDIS_PREFIX}budget:{self.scope}:{organization.pk}"
        self.grant = take(name, most=most, period_s=period_s)
        request._request.META["ores.grant"] = self.grant
        return self.grant.granted

    def wait(self) -> float | None:
        return self.grant.wait_s if self.grant is not None else None


def rate_of(scope: str) -> tuple[int, float]:
    """Return (requests, seconds) of a rate such as 600/min."""
    number, _, period = settings.THROTTLE_RATES[scope].partition("/")
    return int(number), PERIODS_S[period[0]]


def grant_of(request: Request) -> Grant | None:
    """Return what a request's budget is, where it has one."""
    found: Grant | None = request._request.META.get("ores.grant")
    return found


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
