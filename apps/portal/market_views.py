"""A home's market: what it trades, and what its owner wants."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.markets.documents import account_statement, statement_csv, statement_pdf
from apps.markets.models import Participant
from apps.markets.selectors import month_before
from apps.portal import market
from apps.portal.answers import answered
from apps.portal.homes import home_or_404, home_page
from apps.portal.market_agreements import agreements_of
from apps.portal.selectors import Home


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the home's market."""
    return shown_page(request, home_or_404(request, site_id))


def shown_page(
    request: HttpRequest, seen: Home, *, refusal: Mapping[str, object] | None = None, status: int = 200
) -> HttpResponse:
    """Render the market's page; `refusal` says at which form what is wrong, and what was typed there."""
    one, now = market.participant_of(seen.site), clock.now()
    shown = market.market_page(participant=one, zone=ZoneInfo(seen.site.time_zone), now=now) if one else None
    agreed = agreements_of(participant=one, now=now) if one else None
    shared = market.sharing_of(site=seen.site, now=now)
    return home_page(
        request, "portal/market.html", seen, status=status, shown=shown, agreed=agreed, shared=shared,
        key=uuid4().hex, refusal=refusal,
    )  # fmt: skip


@require_POST
@signed_in
def order(request: HttpRequest, site_id: int) -> HttpResponse:
    """Place an order; the form's key makes it one, however often it is sent."""
    return _do(
        request, site_id, said=_("Your order stands."),
        change=lambda seen, one: market.bid_or_offer(
            user=user_of(request), site=seen.site, participant=one, sent=request.POST.dict(),
            key=request.POST.get("key", ""), now=clock.now(),
        ),
    )  # fmt: skip


@require_POST
@signed_in
def cancel(request: HttpRequest, site_id: int, order_id: int) -> HttpResponse:
    """Take an order back."""
    return _do(
        request, site_id, said=_("Your order is taken back."),
        change=lambda seen, one: market.take_back(
            user=user_of(request), site=seen.site, participant=one, order_id=order_id, now=clock.now()
        ),
    )  # fmt: skip


@require_POST
@signed_in
def terms(request: HttpRequest, site_id: int) -> HttpResponse:
    """Accept the terms that were shown."""
    text = request.POST.get("version", "")
    version = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    return _do(
        request, site_id, said=_("You have accepted the terms."),
        change=lambda seen, one: market.accept_terms(
            user=user_of(request), site=seen.site, participant=one, version=version, now=clock.now()
        ),
    )  # fmt: skip


@require_POST
@signed_in
def preferences(request: HttpRequest, site_id: int) -> HttpResponse:
    """Change what is traded by itself."""
    return _do(
        request, site_id, said=_("Saved. It counts from the next gate on."),
        change=lambda seen, one: market.prefer(
            user=user_of(request), site=seen.site, participant=one, sent=request.POST.dict(), now=clock.now()
        ),
    )  # fmt: skip


@require_GET
@signed_in
def proof(request: HttpRequest, site_id: int, trade_id: int) -> HttpResponse:
    """Download the proof of a trade."""
    _seen, one = part_or_404(request, site_id)
    try:
        text = json.dumps(market.proof(participant=one, trade_id=trade_id), indent=1)
    except DomainError as error:
        raise Http404 from error
    headers = {"Content-Disposition": f'attachment; filename="proof-{trade_id}.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


@require_GET
@signed_in
def statement(request: HttpRequest, site_id: int, form: str) -> HttpResponse:
    """Download the account's last thirty days as PDF or CSV."""
    seen, one = part_or_404(request, site_id)
    now = clock.now()
    made = account_statement(participant=one, starts_at=month_before(now), ends_at=now)
    headers = {"Content-Disposition": f'attachment; filename="market-statement-{now:%Y-%m-%d}.{form}"'}
    if form == "pdf":
        content = statement_pdf(statement=made, zone=ZoneInfo(seen.site.time_zone))
        return HttpResponse(content, content_type="application/pdf", headers=headers)
    if form == "csv":
        text = statement_csv(statement=made)
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
    raise Http404


@require_GET
@signed_in
def sharing(request: HttpRequest, site_id: int) -> HttpResponse:
    """Download the last thirty days of what the home shared, interval by interval."""
    seen, now = home_or_404(request, site_id), clock.now()
    text = market.sharing_statement(site=seen.site, now=now)
    if text is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="energy-sharing-{now:%Y-%m-%d}.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_GET
@signed_in
def sharing_paper(request: HttpRequest, site_id: int) -> HttpResponse:
    """Download the last thirty days of what the home shared as a statement."""
    seen, now = home_or_404(request, site_id), clock.now()
    paper = market.sharing_paper(site=seen.site, now=now)
    if paper is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="energy-sharing-{now:%Y-%m-%d}.pdf"'}
    return HttpResponse(paper, content_type="application/pdf", headers=headers)


@require_GET
@signed_in
def sharing_proof(request: HttpRequest, site_id: int, day: str) -> HttpResponse:
    """Download the proof of a day's sharing."""
    seen = home_or_404(request, site_id)
    try:
        text = json.dumps(market.sharing_proof(site=seen.site, day=date.fromisoformat(day)), indent=1)
    except (DomainError, ValueError) as error:
        raise Http404 from error
    headers = {"Content-Disposition": 'attachment; filename="energy-sharing-proof.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


def _do(
    request: HttpRequest, site_id: int, *, said: str, change: Callable[[Home, Participant], object]
) -> HttpResponse:
    seen, one = part_or_404(request, site_id)
    return answered(request, lambda: change(seen, one), said=said, back=redirect("portal:market", site_id))


def part_or_404(request: HttpRequest, site_id: int) -> tuple[Home, Participant]:
    """Return the home and its part in a market."""
    seen = home_or_404(request, site_id)
    one = market.participant_of(seen.site)
    if one is None:
        raise Http404
    return seen, one
