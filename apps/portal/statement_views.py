"""A household's statements: to keep, and to object to."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import signed_in
from apps.portal import services
from apps.portal.answers import answered
from apps.portal.homes import home_or_404
from apps.settlement.documents import statement_csv, statement_pdf
from apps.settlement.models import Statement
from apps.settlement.selectors import statement_of_site


@require_GET
@signed_in
def download(request: HttpRequest, site_id: int, statement_id: int, form: str) -> HttpResponse:
    """Download a statement as PDF or CSV."""
    statement = _statement(request, site_id=site_id, statement_id=statement_id)
    headers = {"Content-Disposition": f'attachment; filename="statement-{statement.pk}.{form}"'}
    if form == "pdf":
        return HttpResponse(
            statement_pdf(statement=statement), content_type="application/pdf", headers=headers
        )
    if form == "csv":
        text = statement_csv(statement=statement)
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
    raise Http404


@require_POST
@signed_in
def object_to(request: HttpRequest, site_id: int, statement_id: int) -> HttpResponse:
    """Object to a statement."""
    statement = _statement(request, site_id=site_id, statement_id=statement_id)
    reason = request.POST.get("reason", "")
    return answered(
        request,
        lambda: services.object_to(
            user=user_of(request), statement=statement, reason=reason, now=clock.now()
        ),
        said=_("Your objection has been sent. You will find the answer on this page."),
        back=redirect("portal:statement", site_id, statement_id),
    )


def _statement(request: HttpRequest, *, site_id: int, statement_id: int) -> Statement:
    found = statement_of_site(site=home_or_404(request, site_id).site, statement_id=statement_id)
    if found is None:
        raise Http404
    return found
