"""A home's contracts with neighbors, and the address it is paid by."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.markets.models import Participant
from apps.portal import market_agreements
from apps.portal.market_views import part_or_404, shown_page
from apps.portal.phrases import refused
from apps.portal.selectors import Home


@require_POST
@signed_in
def contract(request: HttpRequest, site_id: int) -> HttpResponse:
    """Propose a contract."""
    return _do(
        request, site_id, said=_("Proposed. It holds once your neighbor agrees."), form="contract",
        change=lambda seen, one: market_agreements.propose(
            user=user_of(request), site=seen.site, participant=one, sent=request.POST.dict(), now=clock.now()
        ),
    )  # fmt: skip


@require_POST
@signed_in
def agree(request: HttpRequest, site_id: int, contract_id: int) -> HttpResponse:
    """Accept a neighbor's proposal."""
    return _do(
        request, site_id, said=_("Agreed. It holds from the next gate on."), form="contracts",
        change=lambda seen, one: market_agreements.agree(
            user=user_of(request), site=seen.site, participant=one, contract_id=contract_id, now=clock.now()
        ),
    )  # fmt: skip


@require_POST
@signed_in
def end(request: HttpRequest, site_id: int, contract_id: int) -> HttpResponse:
    """Decline a proposal, take it back, or end a contract."""
    return _do(
        request, site_id, said=_("Ended. What was traded by it stays."), form="contracts",
        change=lambda seen, one: market_agreements.end(
            user=user_of(request), site=seen.site, participant=one, contract_id=contract_id, now=clock.now()
        ),
    )  # fmt: skip


@require_POST
@signed_in
def address(request: HttpRequest, site_id: int) -> HttpResponse:
    """Set the address that the home is paid by."""
    return _do(
        request, site_id, said=_("Saved. Trades are paid by this address where both sides have one."), form="chain",
        change=lambda seen, one: market_agreements.address_set(
            user=user_of(request), site=seen.site, participant=one, address=request.POST.get("address", ""),
            now=clock.now(),
        ),
    )  # fmt: skip


@require_POST
@signed_in
def address_forget(request: HttpRequest, site_id: int) -> HttpResponse:
    """Forget it."""
    return _do(
        request, site_id, said=_("The address is forgotten. Your account pays and is paid."), form="chain",
        change=lambda seen, one: market_agreements.address_forget(
            user=user_of(request), site=seen.site, participant=one, now=clock.now()
        ),
    )  # fmt: skip


def _do(
    request: HttpRequest, site_id: int, *, said: str, form: str, change: Callable[[Home, Participant], object]
) -> HttpResponse:
    """Change something; what is refused is said at its form, which keeps what was typed."""
    seen, one = part_or_404(request, site_id)
    try:
        change(seen, one)
    except DomainError as error:
        told = {"at": form, "why": refused(error), "typed": request.POST.dict()}
        return shown_page(request, seen, refusal=told, status=error.status)
    messages.success(request, said)
    return redirect("portal:market", site_id)
