"""Pages."""

from django.urls import path

from apps.portal import device_views, market_views, s2_views, statement_views, views

app_name = "portal"
urlpatterns = [
    path("", views.start, name="start"),
    path("sites/", views.homes, name="homes"),
    path("sites/<int:site_id>/", views.home, name="home"),
    path("sites/<int:site_id>/live", views.home_live, name="live"),
    path("sites/<int:site_id>/day", views.home_day, name="day"),
    path("sites/<int:site_id>/event", views.home_event, name="focus"),
    path("sites/<int:site_id>/earnings", views.home_earnings, name="earnings"),
    path("sites/<int:site_id>/why/", views.why, name="why"),
    path("sites/<int:site_id>/events/", views.event_list, name="events"),
    path("sites/<int:site_id>/events/<uuid:signal_id>/", views.event_detail, name="event"),
    path("sites/<int:site_id>/events/<uuid:signal_id>/opt-out", views.opt_out, name="opt_out"),
    path("sites/<int:site_id>/statements/<int:statement_id>/", views.statement, name="statement"),
    path(
        "sites/<int:site_id>/statements/<int:statement_id>/statement.<str:form>",
        statement_views.download,
        name="statement_file",
    ),
    path(
        "sites/<int:site_id>/statements/<int:statement_id>/object", statement_views.object_to, name="object"
    ),
    path("sites/<int:site_id>/market/", market_views.overview, name="market"),
    path("sites/<int:site_id>/market/orders", market_views.order, name="market_order"),
    path(
        "sites/<int:site_id>/market/orders/<int:order_id>/cancel", market_views.cancel, name="market_cancel"
    ),
    path("sites/<int:site_id>/market/terms", market_views.terms, name="market_terms"),
    path("sites/<int:site_id>/market/preferences", market_views.preferences, name="market_preferences"),
    path("sites/<int:site_id>/market/trades/<int:trade_id>/proof", market_views.proof, name="market_proof"),
    path("sites/<int:site_id>/devices/", device_views.overview, name="devices"),
    path("sites/<int:site_id>/devices/look", device_views.look, name="devices_look"),
    path("sites/<int:site_id>/devices/found/<int:proposal_id>", device_views.decide, name="device_decide"),
    path("sites/<int:site_id>/market/statement.<str:form>", market_views.statement, name="market_statement"),
    path("sites/<int:site_id>/hub/", views.hub_add, name="hub_add"),
    path("sites/<int:site_id>/s2/", s2_views.devices, name="s2_devices"),
    path(
        "sites/<int:site_id>/s2/<int:s2_credential_id>/remove",
        s2_views.device_remove,
        name="s2_device_remove",
    ),
]
