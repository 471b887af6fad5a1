"""A person's messages, and how they want to be told."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.visitors import user_of
from apps.alerts import notifications, preferences, selectors
from apps.alerts.errors import SettingsInvalidError
from apps.alerts.security import browser_name
from apps.alerts.unsubscribing import unsubscribe as stop
from apps.alerts.unsubscribing import wish_of
from apps.alerts.wording import words_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import is_fragment, page, signed_in
from apps.portal import notification_pages
from apps.portal.answers import answered
from apps.portal.phrases import refused, say


@require_GET
@signed_in
def overview(request: HttpRequest) -> HttpResponse:
    """List somebody's messages, or the list alone to a fragment's request."""
    before = request.GET.get("before", "")
    shown = selectors.notification_page(user=user_of(request), before=_number(before))
    template = "portal/_notifications.html" if is_fragment(request) else "portal/notifications.html"
    return _page(request, template, page=shown)


@require_GET
@signed_in
def bell(request: HttpRequest) -> HttpResponse:
    """Render the bell alone."""
    return render(request, "alerts/_bell.html")


@require_POST
@signed_in
def follow(request: HttpRequest, notification_id: int) -> HttpResponse:
    """Mark a message as read and go where it leads."""
    found = notifications.notification_read(
        user=user_of(request), notification_id=notification_id, now=clock.now()
    )
    if found is None:
        raise Http404
    return redirect(words_of(found).path)


@require_POST
@signed_in
def read(request: HttpRequest) -> HttpResponse:
    """Mark what is shown, and what came before it, as read."""
    until = _number(request.POST.get("until", ""))
    notifications.notifications_read(user=user_of(request), now=clock.now(), until_id=until)
    return redirect("portal:notifications")


@require_http_methods(["GET", "POST"])
@signed_in
def settings(request: HttpRequest) -> HttpResponse:
    """Show how somebody wants to be told; take over what they change."""
    if request.method == "POST":
        return _do(
            request,
            said=_("Your choices are saved."),
            change=lambda: notification_pages.choices_save(user=user_of(request), sent=request.POST),
        )
    return _page(
        request, "portal/notification_settings.html", shown=notification_pages.settings_page(user=user_of(request))
    )  # fmt: skip


@require_POST
@signed_in
def webhook(request: HttpRequest) -> HttpResponse:
    """Set somebody's own webhook; its secret is shown once."""
    try:
        secret = preferences.own_webhook_set(user=user_of(request), url=request.POST.get("url", ""))
    except DomainError as error:
        messages.error(request, refused(error))
        return redirect("portal:notification_settings")
    shown = notification_pages.settings_page(user=user_of(request))
    return _page(
        request, "portal/notification_settings.html", shown=shown, secret=secret, url_gone=not secret
    )


@require_POST
@signed_in
def test(request: HttpRequest) -> HttpResponse:
    """Send somebody a test by every way that is set up."""
    return _do(
        request,
        said=_("A test is on its way. What became of it stands in the log below."),
        change=lambda: notification_pages.test_send(user=user_of(request), now=clock.now()),
    )


@require_POST
@signed_in
def push(request: HttpRequest) -> HttpResponse:
    """Keep or forget this browser's push subscription; spoken with the page's script."""
    try:
        sent = json.loads(request.body)
        if not isinstance(sent, dict):
            raise SettingsInvalidError("this is no push subscription")
        held = _push(request, sent)
    except ValueError:
        return JsonResponse({"code": "invalid", "detail": "the body is not JSON"}, status=400)
    except DomainError as error:
        return JsonResponse({"code": error.code, "detail": say(error.detail)}, status=error.status)
    return JsonResponse({"on": held})


def _push(request: HttpRequest, sent: dict[str, Any]) -> bool:
    if "off" in sent:
        preferences.push_unsubscribe(user=user_of(request), endpoint=str(sent["off"])[:1000])
        return False
    preferences.push_subscribe(
        user=user_of(request),
        subscription=sent,
        browser=browser_name(request.headers.get("User-Agent", "")),
        now=clock.now(),
    )
    return True


@csrf_exempt  # mail programs call it by one click (RFC 8058); the signed link is the proof
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, then stop one kind by one channel, for whoever has the link from a message."""
    said, kind, done, status = "", None, False, 200
    try:
        kind = wish_of(token)[1]
        if request.method == "POST":
            stop(token=token)
            done = True
    except DomainError as error:
        said, status = say(error.detail), error.status
    context = {"kind": kind, "done": done, "said": said}
    return page(request, "portal/unsubscribe.html", context, status=status)


def _do(request: HttpRequest, *, said: str, change: Callable[[], object]) -> HttpResponse:
    return answered(request, change, said=said, back=redirect("portal:notification_settings"))


def _page(request: HttpRequest, template: str, **context: object) -> HttpResponse:
    home = notification_pages.first_home(user=user_of(request))
    zone = home.site.time_zone if home is not None else "UTC"
    site = home.site if home is not None else None
    return page(
        request, template, {"home": home, "site": site, "section": "notifications", **context}, time_zone=zone
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
