"""What views look up by the path: the tenant's own, else 404."""

from rest_framework.request import Request

from apps.accounts.api.views import organization_of
from apps.common.errors import NotFoundError
from apps.sites.models import Site
from apps.sites.selectors import sites_of_organization


def site_or_404(request: Request, site_id: int, *, locked: bool = False) -> Site:
    """Return the tenant's site or raise NotFoundError."""
    sites = sites_of_organization(organization=organization_of(request))
    rows = sites.select_for_update() if locked else sites
    found: Site | None = rows.filter(pk=site_id).first()
    if found is None:
        raise NotFoundError("no such site")
    return found
