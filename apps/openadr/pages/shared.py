"""How these pages are rendered; who is looking is told as for all operators' pages."""

from django.http import HttpRequest, HttpResponse

from apps.accounts.visitors import user_of
from apps.common.pages import page
from apps.sites.tenant_pages import Refusal, check_operator, posted, tenant_of, zone_of
from apps.sites.tenants import Tenant

__all__ = ["Refusal", "check_operator", "posted", "show", "tenant_of", "user_of", "zone_of"]


def show(
    request: HttpRequest, name: str, *, tenant: Tenant, tab: str, status: int = 200, **context: object
) -> HttpResponse:
    """Render `openadr/<name>.html`."""
    held = {
        "tenant": tenant,
        "organization": tenant.organization,
        "section": "credentials" if tab == "credentials" else "openadr",
        "tab": tab,
        **context,
    }
    return page(request, f"openadr/{name}.html", held, time_zone=tenant.time_zone, status=status)
