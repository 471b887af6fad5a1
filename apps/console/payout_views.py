"""Operators' page of what homes are owed, and of recording what was paid."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import payouts
from apps.console.pages import show
from apps.sites.tenant_pages import tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def payout_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List what is owed and was paid; record a payment."""
    tenant = tenant_of(request, organization_id)
    if request.method == "POST":
        try:
            made = payouts.record(
                user=user_of(request), organization=tenant.organization, sent=request.POST, now=clock.now()
            )
        except DomainError as error:
            messages.error(request, f"Nothing was recorded: {error.detail}.")
        else:
            if made is None:
                raise Http404
            messages.success(request, f"Recorded: {made.amount} {made.currency} to {made.site.name}.")
        return redirect("console:payouts", organization_id)
    shown = payouts.payouts_page(organization=tenant.organization, cursor=request.GET.get("at", ""))
    return show(request, "payouts", tenant=tenant, shown=shown)
