"""Operators' pages about credentials; a secret is shown once, in the answer to the request that made it."""

from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.accounts.models import ApiClient
from apps.accounts.services import Credential, api_client_revoke, api_client_rotate
from apps.common import clock
from apps.common.pages import signed_in
from apps.openadr.pages.shared import posted, show, tenant_of, user_of
from apps.openadr.pages.vens import OVERLAPS, credential_of, credential_rows, overlap_of, scope_choices
from apps.openadr.services.operators import credential_create
from apps.sites.tenants import Tenant


@require_http_methods(["GET", "POST"])
@signed_in
def credential_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List credentials; create one."""
    tenant = tenant_of(request, organization_id)

    def create() -> Credential:
        return credential_create(
            organization=tenant.organization, name=request.POST.get("name", "").strip(),
            role=request.POST.get("role", ""), actor=user_of(request).email, now=clock.now(),
            scopes=request.POST.getlist("scopes"),
        )  # fmt: skip

    made, refused = posted(request, tenant, create)
    rows = credential_rows(organization=tenant.organization)
    held = {
        "rows": rows,
        "roles": [one for one in ApiClient.Role.choices if one[0] != ApiClient.Role.APP],
        "scopes": scope_choices(),
        "made": made,
        "sent": request.POST,
    }
    return show(request, "credentials", tenant=tenant, tab="credentials", **refused, **held)


@require_http_methods(["GET", "POST"])
@signed_in
def credential_rotate(request: HttpRequest, organization_id: int, credential_id: int) -> HttpResponse:
    """Ask, then give a credential another secret and show it once."""
    tenant = tenant_of(request, organization_id)
    client = _client(tenant, credential_id)

    def rotate() -> Credential:
        return api_client_rotate(
            client=client, actor=user_of(request).email, now=clock.now(), machine_now=datetime.now(UTC),
            overlap=overlap_of(request.POST.get("overlap_h", "")),
        )  # fmt: skip

    made, refused = posted(request, tenant, rotate, is_question=True)
    held = {"client": client, "made": made, "overlaps": OVERLAPS}
    return show(request, "credential_rotate", tenant=tenant, tab="credentials", **refused, **held)


@require_http_methods(["GET", "POST"])
@signed_in
def credential_revoke(request: HttpRequest, organization_id: int, credential_id: int) -> HttpResponse:
    """Ask, then revoke a credential."""
    tenant = tenant_of(request, organization_id)
    client = _client(tenant, credential_id)

    def revoke() -> HttpResponse:
        api_client_revoke(client=client, actor=user_of(request).email, now=clock.now())
        messages.success(request, f"{client.name} is revoked.")
        return redirect("openadr_pages:credentials", organization_id)

    done, refused = posted(request, tenant, revoke, is_question=True)
    return done or show(
        request, "credential_revoke", tenant=tenant, tab="credentials", client=client, **refused
    )


def _client(tenant: Tenant, credential_id: int) -> ApiClient:
    found = credential_of(organization=tenant.organization, credential_id=credential_id)
    if found is None:
        raise Http404
    return found
