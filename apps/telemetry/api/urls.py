from django.urls import path

from apps.telemetry.api import views

urlpatterns = [
    path("fleet", views.FleetView.as_view(), name="api-fleet"),
    path("telemetry/latest", views.LatestView.as_view(), name="api-telemetry-latest"),
    path(
        "sites/<int:site_id>/telemetry/latest",
        views.SiteLatestView.as_view(),
        name="api-site-telemetry-latest",
    ),
    path("sites/<int:site_id>/telemetry", views.SiteTelemetryView.as_view(), name="api-site-telemetry"),
]
