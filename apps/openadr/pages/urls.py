"""Pages, under the console."""

from django.urls import path

from apps.openadr.pages import (
    composer_views,
    connection_views,
    credential_views,
    event_views,
    message_views,
    program_views,
    ven_views,
)

app_name = "openadr_pages"
urlpatterns = [
    path("<int:organization_id>/events/", event_views.event_list, name="events"),
    path("<int:organization_id>/events/<str:object_id>/", event_views.event_detail, name="event"),
    path(
        "<int:organization_id>/events/<str:object_id>/cancel", event_views.event_cancel, name="event_cancel"
    ),
    path("<int:organization_id>/composer/", composer_views.composer, name="composer"),
    path(
        "<int:organization_id>/composer/<int:program_id>/previews/<str:token>/",
        composer_views.preview,
        name="preview",
    ),
    path("<int:organization_id>/programs/", program_views.program_list, name="programs"),
    path("<int:organization_id>/programs/<int:program_id>/", program_views.program_rules, name="program"),
    path("<int:organization_id>/vens/", ven_views.ven_list, name="vens"),
    path("<int:organization_id>/vens/new-2.0b/", ven_views.ven2b_create, name="ven2b_create"),
    path("<int:organization_id>/vens/2.0b/<int:ven_id>/", ven_views.ven2b_detail, name="ven2b"),
    path(
        "<int:organization_id>/vens/connections/new-<str:protocol>/",
        connection_views.connection_create,
        name="connection_create",
    ),
    path(
        "<int:organization_id>/vens/connections/<str:protocol>/<int:connection_id>/",
        connection_views.connection_detail,
        name="connection",
    ),
    path("<int:organization_id>/vens/<str:object_id>/", ven_views.ven_detail, name="ven"),
    path("<int:organization_id>/credentials/", credential_views.credential_list, name="credentials"),
    path(
        "<int:organization_id>/credentials/<int:credential_id>/rotate",
        credential_views.credential_rotate,
        name="credential_rotate",
    ),
    path(
        "<int:organization_id>/credentials/<int:credential_id>/revoke",
        credential_views.credential_revoke,
        name="credential_revoke",
    ),
    path("<int:organization_id>/messages/", message_views.message_list, name="messages"),
    path("<int:organization_id>/messages/<int:message_id>/", message_views.message_detail, name="message"),
]
