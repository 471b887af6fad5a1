"""Pages."""

from django.urls import path

from apps.console import (
    alert_views,
    audit_views,
    capability_views,
    decision_views,
    forecast_views,
    import_views,
    map_views,
    market_part_views,
    market_rule_views,
    market_views,
    payment_views,
    payout_views,
    people_views,
    program_views,
    run_views,
    sharing_views,
    site_views,
    update_views,
    views,
    webhook_views,
)

app_name = "console"
urlpatterns = [
    path("", views.start, name="start"),
    path("tenants/", people_views.tenant_list, name="tenants"),
    path("<int:organization_id>/", views.fleet, name="fleet"),
    path("<int:organization_id>/sites/", site_views.site_list, name="sites"),
    path("<int:organization_id>/sites/csv", site_views.site_download, name="sites_csv"),
    path("<int:organization_id>/sites/<int:site_id>/", site_views.site_detail, name="site"),
    path(
        "<int:organization_id>/sites/<int:site_id>/events/<uuid:signal_id>/opt-out",
        site_views.site_opt_out,
        name="site_opt_out",
    ),
    path("<int:organization_id>/map/", map_views.fleet_map_page, name="map"),
    path("<int:organization_id>/map/cells", map_views.map_cells, name="map_cells"),
    path("<int:organization_id>/map/outlines", map_views.map_outlines, name="map_outlines"),
    path("<int:organization_id>/areas/", map_views.area_list, name="areas"),
    path("<int:organization_id>/areas/<int:area_id>/", map_views.area_detail, name="area"),
    path("<int:organization_id>/capacity/", capability_views.capacity, name="capacity"),
    path("<int:organization_id>/programs/", program_views.program_list, name="programs"),
    path("<int:organization_id>/programs/<int:program_id>/", program_views.program_detail, name="program"),
    path(
        "<int:organization_id>/programs/<int:program_id>/enrollment/",
        program_views.program_enrollment,
        name="enrollment",
    ),
    path(
        "<int:organization_id>/programs/<int:program_id>/enrollment/progress",
        program_views.enrollment_progress,
        name="enrollment_progress",
    ),
    path("<int:organization_id>/settlement/", run_views.run_list, name="runs"),
    path("<int:organization_id>/settlement/<int:run_id>/", run_views.run_detail, name="run"),
    path("<int:organization_id>/settlement/<int:run_id>/payouts", run_views.run_payouts, name="run_payouts"),
    path("<int:organization_id>/members/", people_views.member_list, name="members"),
    path("<int:organization_id>/members/<int:membership_id>/", people_views.member_detail, name="member"),
    path("<int:organization_id>/webhooks/", webhook_views.webhook_list, name="webhooks"),
    path("<int:organization_id>/webhooks/<uuid:webhook_id>/", webhook_views.webhook_detail, name="webhook"),
    path(
        "<int:organization_id>/webhooks/<uuid:webhook_id>/delete",
        webhook_views.webhook_remove,
        name="webhook_delete",
    ),
    path("<int:organization_id>/audit/", audit_views.entry_list, name="audit"),
    path(
        "<int:organization_id>/audit/download.<str:form>", audit_views.entry_download, name="audit_download"
    ),
    path("<int:organization_id>/audit/<int:entry_id>/", audit_views.entry_detail, name="audit_entry"),
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
    path("<int:organization_id>/payouts/", payout_views.payout_list, name="payouts"),
    path("<int:organization_id>/objections/", payment_views.dispute_list, name="disputes"),
    path("<int:organization_id>/objections/<int:dispute_id>/", payment_views.dispute_detail, name="dispute"),
    path("<int:organization_id>/markets/", market_views.market_list, name="markets"),
    path("<int:organization_id>/markets/new/", market_rule_views.market_new, name="market_new"),
    path("<int:organization_id>/markets/<int:market_id>/", market_views.market_detail, name="market"),
    path(
        "<int:organization_id>/markets/<int:market_id>/rules/",
        market_rule_views.market_change,
        name="market_rules",
    ),
    path(
        "<int:organization_id>/markets/<int:market_id>/contracts/",
        market_part_views.contracts,
        name="market_contracts",
    ),
    path(
        "<int:organization_id>/markets/<int:market_id>/network/",
        market_part_views.network,
        name="market_network",
    ),
    path(
        "<int:organization_id>/markets/<int:market_id>/chain/", market_part_views.chain, name="market_chain"
    ),
    path(
        "<int:organization_id>/markets/<int:market_id>/runs/<int:run_id>/",
        market_views.run_detail,
        name="market_run",
    ),
    path("<int:organization_id>/alerts/", alert_views.alert_list, name="alerts"),
    path("<int:organization_id>/alerts/rules/", alert_views.alert_rules, name="alert_rules"),
    path("<int:organization_id>/alerts/<int:incident_id>/", alert_views.alert_detail, name="alert"),
    path("<int:organization_id>/alerts/<int:incident_id>/act", alert_views.alert_act, name="alert_act"),
    path(
        "<int:organization_id>/markets/<int:market_id>/participants/<int:participant_id>/statement.<str:form>",
        market_views.statement,
        name="market_statement",
    ),
    path("<int:organization_id>/sharing/", sharing_views.community_list, name="sharing"),
    path(
        "<int:organization_id>/sharing/<int:community_id>/",
        sharing_views.community_detail,
        name="sharing_community",
    ),
    path("<int:organization_id>/imports/", import_views.import_list, name="imports"),
    path("<int:organization_id>/imports/<uuid:import_id>/", import_views.import_detail, name="import"),
    path(
        "<int:organization_id>/imports/<uuid:import_id>/csv", import_views.import_report, name="import_report"
    ),
    path("<int:organization_id>/hubs/", views.hub_list, name="hubs"),
    path("<int:organization_id>/updates/", update_views.update_list, name="updates"),
    path("<int:organization_id>/updates/<int:campaign_id>/", update_views.update_detail, name="update"),
    path("<int:organization_id>/hubs/<uuid:hub_id>/checks/", update_views.hub_checks, name="hub_checks"),
    path("<int:organization_id>/hubs/<uuid:hub_id>/revoke", views.hub_revoke, name="hub_revoke"),
]
