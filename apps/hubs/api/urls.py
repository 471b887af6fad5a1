from django.urls import path

from apps.hubs.api import campaigns, credentials, devices, firmware, fleet, views

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
    path("api/v1/hubs", fleet.HubsView.as_view(), name="api-hubs"),
    path("api/v1/hubs/<uuid:hub_id>", fleet.HubView.as_view(), name="api-hub"),
    path("api/v1/hubs/<uuid:hub_id>/revoke", fleet.HubRevokeView.as_view(), name="api-hub-revoke"),
    path(
        "api/v1/hubs/<uuid:hub_id>/instructions",
        fleet.HubInstructionsView.as_view(),
        name="api-hub-instructions",
    ),
    path("api/v1/hubs/<uuid:hub_id>/checks", fleet.HubChecksView.as_view(), name="api-hub-checks"),
    path("api/v1/releases", campaigns.ReleasesView.as_view(), name="api-releases"),
    path("api/v1/campaigns", campaigns.CampaignsView.as_view(), name="api-campaigns"),
    path("api/v1/campaigns/<int:campaign_id>", campaigns.CampaignView.as_view(), name="api-campaign"),
    path(
        "api/v1/campaigns/<int:campaign_id>/hubs",
        campaigns.CampaignHubsView.as_view(),
        name="api-campaign-hubs",
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
        "api/v1/sites/<int:site_id>/devices/pairing",
        devices.PairingView.as_view(),
        name="site-devices-pairing",
    ),
    path(
        "api/v1/sites/<int:site_id>/devices/found/<int:proposal_id>",
        devices.DecisionView.as_view(),
        name="site-device-decision",
    ),
]
