"""Every door of the platform."""

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path


def schema(request: HttpRequest) -> HttpResponseBase:
    """Serve the OpenAPI description; its generator is imported when somebody asks."""
    from drf_spectacular.views import SpectacularAPIView

    return SpectacularAPIView.as_view()(request)


urlpatterns = [
    path("", include("apps.portal.urls")),
    path("console/openadr/", include("apps.openadr.pages.urls")),
    path("console/", include("apps.console.urls")),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("openadr3/3.1.0/", include("apps.openadr.api.urls")),
    path("openadr3/callbacks/", include("apps.openadr.api.callback_urls")),
    path("", include("apps.hubs.api.urls")),
    path("", include("apps.ores_api.urls")),
    path("api/v1/", include("apps.sites.api.urls")),
    path("api/v1/", include("apps.programs.api.urls")),
    path("api/v1/", include("apps.flexibility.api.urls")),
    path("api/v1/", include("apps.dispatch.api.urls")),
    path("api/v1/", include("apps.settlement.api.urls")),
    path("api/v1/", include("apps.markets.api.urls")),
    path("api/v1/schema", schema, name="schema"),
]
