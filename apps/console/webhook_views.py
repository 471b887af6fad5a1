"""Operators' pages of webhooks: make one, change it, try it, and look at what was sent."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.accounts.visitors import user_of
from apps.alerts.errors import WebhookUnknownError
from apps.alerts.webhooks import Made, webhook_create, webhook_delete
from apps.common import clock
from apps.common.pages import signed_in
from apps.console import webhooks
from apps.console.pages import show
from apps.sites.tenant_pages import posted, tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def webhook_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List webhooks; make one, whose secret is shown in this answer only."""
    tenant = tenant_of(request, organization_id)

    def create() -> Made:
        return webhook_create(
            organization=tenant.organization, actor=user_of(request).email, now=clock.now(),
            **webhooks.sent(request.POST),
        )  # fmt: skip

    made, refused = posted(request, tenant, create)
    rows = webhooks.webhook_rows(organization=tenant.organization)
    chosen = request.POST.getlist("kinds") if refused["said"] else []
    held: dict[str, Any] = {
        "rows": rows,
        "kinds": webhooks.kind_choices(chosen),
        "made": made,
        "sent": request.POST,
    }
    return show(request, "webhooks", tenant=tenant, **held, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def webhook_detail(request: HttpRequest, organization_id: int, webhook_id: UUID) -> HttpResponse:
    """Show a webhook with what was sent; change it, try it, rotate its secret, send something again."""
    tenant = tenant_of(request, organization_id)
    before = webhooks.number(request.GET.get("before", ""))
    try:
        shown = webhooks.webhook_page(organization=tenant.organization, webhook_id=webhook_id, before=before)
        done, refused = posted(
            request,
            tenant,
            lambda: webhooks.change(
                organization=tenant.organization, webhook_id=webhook_id, post=request.POST,
                actor=user_of(request).email, now=clock.now(),
            ),
        )  # fmt: skip
    except WebhookUnknownError as error:
        raise Http404 from error
    if done is not None and done.made is None:
        messages.success(request, done.said)
        return redirect("console:webhook", organization_id, webhook_id)
    held: dict[str, Any] = {
        "shown": shown,
        "kinds": webhooks.kind_choices(shown.webhook.kinds),
        "now": clock.now(),
    }
    made = done.made if done is not None else None
    return show(request, "webhook", tenant=tenant, made=made, **held, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def webhook_remove(request: HttpRequest, organization_id: int, webhook_id: UUID) -> HttpResponse:
    """Ask, then delete a webhook with what waits for it."""
    tenant = tenant_of(request, organization_id)
    try:
        shown = webhooks.webhook_page(organization=tenant.organization, webhook_id=webhook_id)
    except WebhookUnknownError as error:
        raise Http404 from error

    def remove() -> HttpResponse:
        webhook_delete(
            organization=tenant.organization, webhook_id=webhook_id, actor=user_of(request).email, now=clock.now()
        )  # fmt: skip
        messages.success(request, f"{shown.webhook.url} is not called any more.")
        return redirect("console:webhooks", organization_id)

    done, refused = posted(request, tenant, remove, is_question=True)
    return done or show(request, "webhook_delete", tenant=tenant, section="webhook", shown=shown, **refused)
