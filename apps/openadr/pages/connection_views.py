"""Operators' pages about connections to utilities' VTNs: add one, change it, switch it, try it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.openadr.guard import Connection
from apps.openadr.pages import connections as forms
from apps.openadr.pages.connections import KINDS, Kind
from apps.openadr.pages.shared import check_operator, posted, show, tenant_of, user_of
from apps.openadr.probe import Probe, connection_probe
from apps.openadr.services.peers import peer_add, peer_change, peer_switch
from apps.sites.tenants import Tenant


@require_http_methods(["GET", "POST"])
@signed_in
def connection_create(request: HttpRequest, organization_id: int, protocol: str) -> HttpResponse:
    """Connect the tenant to a utility's VTN."""
    tenant, kind = tenant_of(request, organization_id), _kind(protocol)

    def connect() -> HttpResponse:
        made = peer_add(
            organization=tenant.organization, program=forms.program_sent(request.POST, tenant.organization),
            is_2b=kind.is_2b, secret=forms.secret_sent(request.POST, kind),
            fields=forms.fields_sent(request.POST, kind), actor=user_of(request).email, now=clock.now(),
        )  # fmt: skip
        messages.success(request, "Connected. The VEN process begins to speak with it in a moment.")
        return redirect("openadr_pages:connection", organization_id, protocol, made.pk)

    done, refused = posted(request, tenant, connect)
    return done or _form(request, tenant=tenant, kind=kind, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def connection_detail(
    request: HttpRequest, organization_id: int, protocol: str, connection_id: int
) -> HttpResponse:
    """Show how a connection does; change it, switch it on or off, or try it."""
    tenant, kind = tenant_of(request, organization_id), _kind(protocol)
    held = forms.connection_of(organization=tenant.organization, kind=kind, connection_id=connection_id)
    if held is None:
        raise Http404
    said, status, probe = "", 200, None
    if request.method == "POST":
        try:
            check_operator(tenant)
            if request.POST.get("do") == "try":
                probe = connection_probe(connection=held)
            else:
                messages.success(request, _change(request, held, kind=kind))
                return redirect("openadr_pages:connection", organization_id, protocol, connection_id)
        except DomainError as error:
            said, status = error.detail, error.status
            held.refresh_from_db()
    return _form(request, tenant=tenant, kind=kind, connection=held, said=said, status=status, probe=probe)


def _change(request: HttpRequest, held: Connection, *, kind: Kind) -> str:
    """Do what a form asks for; return what to say of it."""
    actor, now, do = user_of(request).email, clock.now(), request.POST.get("do")
    if do in {"on", "off"}:
        peer_switch(connection=held, enabled=do == "on", actor=actor, now=now)
        return "On." if do == "on" else "Off. What the utility asked until now stays asked."
    peer_change(
        connection=held, secret=forms.secret_sent(request.POST, kind), fields=forms.fields_sent(request.POST, kind),
        actor=actor, now=now,
    )  # fmt: skip
    return "Saved. The VEN process takes it over in a moment."


def _kind(protocol: str) -> Kind:
    if protocol not in KINDS:
        raise Http404
    return KINDS[protocol]


def _form(
    request: HttpRequest,
    *,
    tenant: Tenant,
    kind: Kind,
    said: str,
    status: int,
    connection: Connection | None = None,
    probe: Probe | None = None,
) -> HttpResponse:
    is_sent = request.method == "POST" and bool(said)
    held = request.POST if is_sent else forms.fields_shown(connection, kind)
    context = {"kind": kind, "connection": connection, "held": held, "probe": probe}
    offered = forms.choices(tenant.organization)
    return show(
        request, "connection", tenant=tenant, tab="vens", said=said, status=status, **context, **offered
    )
