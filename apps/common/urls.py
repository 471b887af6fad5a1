"""What belongs to no door."""

from django.urls import path

from apps.common import pwa
from apps.common.theme import choose_theme

app_name = "common"
urlpatterns = [
    path("theme", choose_theme, name="theme"),
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
    path("icon-<int:size>.png", pwa.icon, name="icon"),
    path("sw.js", pwa.service_worker, name="service_worker"),
    path("offline", pwa.offline, name="offline"),
]
