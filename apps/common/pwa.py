"""What makes the pages installable: the manifest, icons, the service worker and the page it shows without a network."""

import hashlib

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from apps.common.icons import SIZES, icon_png

# What the shell needs without a network.
SHELL = ("portal/ores.css", "portal/icon.svg", "portal/offline.js")
DAY_S = 86_400


@require_GET
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> JsonResponse:
    """Describe the application to a browser that installs it."""
    icons = [
        {"src": f"/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in SIZES[1:]
        for purpose in ("any", "maskable")
    ]
    icons.append(
        {"src": static("portal/icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    )
    about = {
        "id": "/", "name": "ORES Cloud", "short_name": "ORES", "description": _("Your home's energy, live"),
        "start_url": "/", "scope": "/", "display": "standalone", "background_color": "#f5f6f2",
        "theme_color": "#0e7653", "icons": icons,
    }  # fmt: skip
    return JsonResponse(about, content_type="application/manifest+json")


@require_GET
@cache_control(max_age=7 * DAY_S)
def icon(request: HttpRequest, size: int) -> HttpResponse:
    """Send the mark as PNG."""
    if size not in SIZES:
        raise Http404
    return HttpResponse(icon_png(size), content_type="image/png")


@require_GET
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """Send the service worker, which may then answer for every page; its version changes with what the shell is of."""
    files = [static(name) for name in SHELL]
    context = {"version": _version(), "files": files, "push": static("portal/push.js")}
    return render(request, "common/service_worker.js", context, content_type="text/javascript; charset=utf-8")


@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """Show what stands in a page's place without a network, and how old the last seen one is."""
    return render(request, "common/offline.html")


def _version() -> str:
    digest = hashlib.sha256()
    for name in SHELL:
        found = finders.find(name)
        if isinstance(found, str):
            with open(found, "rb") as file:  # noqa: PTH123
                digest.update(file.read())
    return digest.hexdigest()[:12]
