"""Every door of the platform."""

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path
from django.views.i18n import set_language
from oauth2_provider.views import RevokeTokenView

from apps.accounts.api.token import TokenView
from apps.common.rest.docs import docs


def schema(request: HttpRequest) -> HttpResponseBase:
    """Serve the OpenAPI description; its generator is imported when somebody asks."""
    from drf_spectacular.views import SpectacularAPIView

    return SpectacularAPIView.as_view()(request)


handler404 = "apps.common.api.not_found"
urlpatterns = [
    path("", include("apps.common.urls")),
    path("", include("apps.portal.urls")),
    path("console/openadr/", include("apps.openadr.pages.urls")),
    path("console/", include("apps.console.urls")),
    path("language", set_language, name="set_language"),
    path("account/", include("apps.accounts.urls")),
    path("oauth/token", TokenView.as_view(), name="oauth_token"),
    path("oauth/revoke", RevokeTokenView.as_view(), name="oauth_revoke"),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("openadr3/3.1.0/", include("apps.openadr.api.urls")),
    path("openadr3/callbacks/", include("apps.openadr.api.callback_urls")),
    path("", include("apps.hubs.api.urls")),
    path("", include("apps.ores_api.urls")),
    path("assistants/", include("apps.assistants.urls")),
    path("api/v1/", include("apps.accounts.api.urls")),
    path("api/v1/", include("apps.sites.api.urls")),
    path("api/v1/", include("apps.alerts.api.urls")),
    path("api/v1/", include("apps.telemetry.api.urls")),
    path("api/v1/", include("apps.programs.api.urls")),
    path("api/v1/", include("apps.flexibility.api.urls")),
    path("api/v1/", include("apps.dispatch.api.urls")),
    path("api/v1/", include("apps.settlement.api.urls")),
    path("api/v1/", include("apps.markets.api.urls")),
    path("api/v1/", include("apps.openadr.rest.urls")),
    path("api/v1/schema", schema, name="schema"),
    path("api/v1/docs", docs, name="api-docs"),
]
