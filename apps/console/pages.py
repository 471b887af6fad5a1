"""How the console's pages are rendered."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast

from django.http import HttpRequest, HttpResponse

from apps.common.errors import DomainError
from apps.common.pages import is_fragment, page
from apps.sites.tenant_pages import tenant_of
from apps.sites.tenants import Tenant

P = ParamSpec("P")


def refusing(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Say on a page of its own why an address cannot be answered, such as a place in a list that is none."""

    @functools.wraps(view)
    def refused(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            tenant = tenant_of(request, cast(int, kwargs["organization_id"]))
            return show(request, "problem", tenant=tenant, status=error.status, said=error.detail)

    return refused


def show(
    request: HttpRequest,
    name: str,
    *,
    tenant: Tenant,
    section: str = "",
    status: int = 200,
    **context: object,
) -> HttpResponse:
    """Render `console/<name>.html`."""
    held = {"tenant": tenant, "organization": tenant.organization, "section": section or name, **context}
    return page(request, f"console/{name}.html", held, time_zone=tenant.time_zone, status=status)


def show_live(
    request: HttpRequest, name: str, *, tenant: Tenant, status: int = 200, **context: object
) -> HttpResponse:
    """Render the whole page, or its live part `console/_<name>.html` to a fragment's request."""
    part = f"_{name}" if is_fragment(request) else name
    return show(request, part, tenant=tenant, section=name, status=status, **context)
