"""What operators' pages of every app share: who is looking, who may act, and what a refused change says."""

from collections.abc import Callable
from typing import TypedDict, TypeVar
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.visitors import user_of
from apps.common.errors import DomainError
from apps.sites.tenants import Tenant, tenant

Done = TypeVar("Done")


class Refusal(TypedDict):
    """What a page says of a change that was refused, and the answer's status; empty where nothing was."""

    said: str
    status: int


def tenant_of(request: HttpRequest, organization_id: int) -> Tenant:
    """Return the organization as the signed-in person works for it; to others it is not there."""
    found = tenant(user=user_of(request), organization_id=organization_id)
    if found is None:
        raise Http404
    return found


def check_operator(tenant: Tenant) -> None:
    """Refuse those who may only look."""
    if not tenant.may_act:
        raise OperatorOnlyError(f"Your role in {tenant.organization.name} lets you look, not change.")


def posted(
    request: HttpRequest, tenant: Tenant, act: Callable[[], Done], *, is_question: bool = False
) -> tuple[Done | None, Refusal]:
    """Do what was posted, if anything was; return what came of it, or why it was refused.

    A page that only asks whether to do it (`is_question`) is 403 to those who may not.
    """
    if request.method != "POST":
        return None, {"said": "", "status": 403 if is_question and not tenant.may_act else 200}
    try:
        check_operator(tenant)
        return act(), {"said": "", "status": 200}
    except DomainError as error:
        return None, {"said": error.detail, "status": error.status}


def zone_of(tenant: Tenant) -> ZoneInfo:
    """Return the time zone in which the tenant's pages show and read times."""
    return ZoneInfo(tenant.time_zone)
