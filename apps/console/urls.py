"""Pages."""

from django.urls import path

from apps.console import (
    capability_views,
    decision_views,
    forecast_views,
    market_views,
    payment_views,
    update_views,
    views,
)

app_name = "console"
urlpatterns = [
    path("", views.start, name="start"),
    path("<int:organization_id>/", views.fleet, name="fleet"),
    path("<int:organization_id>/events/", views.event_list, name="events"),
    path("<int:organization_id>/events/<uuid:signal_id>/", views.event_detail, name="event"),
    path(
        "<int:organization_id>/events/<uuid:signal_id>/plans/<int:revision>/",
        decision_views.decision,
        name="decision",
    ),
    path("<int:organization_id>/flexibility/", capability_views.capability, name="capability"),
    path("<int:organization_id>/forecasts/", forecast_views.forecasts, name="forecasts"),
    path("<int:organization_id>/baselines/", views.baseline_list, name="baselines"),
    path("<int:organization_id>/baselines/<int:program_id>/", views.baseline, name="baseline"),
    path(
        "<int:organization_id>/events/<uuid:signal_id>/settlements/<int:version>/csv",
        payment_views.run_download,
        name="run_csv",
    ),
    path("<int:organization_id>/payments/", payment_views.program_list, name="payments"),
    path(
        "<int:organization_id>/payments/<int:program_id>/", payment_views.payment_rules, name="payment_rules"
    ),
    path("<int:organization_id>/objections/", payment_views.dispute_list, name="disputes"),
    path("<int:organization_id>/objections/<int:dispute_id>/", payment_views.dispute_detail, name="dispute"),
    path("<int:organization_id>/markets/", market_views.market_list, name="markets"),
    path("<int:organization_id>/markets/<int:market_id>/", market_views.market_detail, name="market"),
    path(
        "<int:organization_id>/markets/<int:market_id>/runs/<int:run_id>/",
        market_views.run_detail,
        name="market_run",
    ),
    path("<int:organization_id>/hubs/", views.hub_list, name="hubs"),
    path("<int:organization_id>/updates/", update_views.update_list, name="updates"),
    path("<int:organization_id>/updates/<int:campaign_id>/", update_views.update_detail, name="update"),
    path("<int:organization_id>/hubs/<uuid:hub_id>/checks/", update_views.hub_checks, name="hub_checks"),
    path("<int:organization_id>/hubs/<uuid:hub_id>/revoke", views.hub_revoke, name="hub_revoke"),
]
