from django.urls import path

from apps.hubs.api import credentials, devices, firmware, views

urlpatterns = [
    path("device/register", views.RegisterView.as_view(), name="device-register"),
    path("device/security/authenticate", views.AuthenticateView.as_view(), name="device-authenticate"),
    path(
        "device/firmware/metadata/<str:name>",
        firmware.FileView.as_view(folder="metadata"),
        name="device-firmware-metadata",
    ),
    path(
        "device/firmware/targets/<str:name>",
        firmware.FileView.as_view(folder="targets"),
        name="device-firmware-targets",
    ),
    path("api/v1/sites/<int:site_id>/hub", views.ClaimView.as_view(), name="site-hub-claim"),
    path(
        "api/v1/sites/<int:site_id>/s2-credentials",
        credentials.S2CredentialsView.as_view(),
        name="site-s2-credentials",
    ),
    path(
        "api/v1/sites/<int:site_id>/s2-credentials/<int:s2_credential_id>",
        credentials.S2CredentialView.as_view(),
        name="site-s2-credential",
    ),
    path("api/v1/sites/<int:site_id>/devices", devices.DevicesView.as_view(), name="site-devices"),
    path("api/v1/sites/<int:site_id>/devices/look", devices.LookView.as_view(), name="site-devices-look"),
    path(
        "api/v1/sites/<int:site_id>/devices/found/<int:proposal_id>",
        devices.DecisionView.as_view(),
        name="site-device-decision",
    ),
]
