from django.urls import path

from apps.alerts.api import incidents, views

INCIDENT = "incidents/<int:incident_id>"
urlpatterns = [
    path("incidents", incidents.IncidentsView.as_view(), name="api-incidents"),
    path(INCIDENT, incidents.IncidentView.as_view(), name="api-incident"),
    path(f"{INCIDENT}/acknowledge", incidents.AcknowledgeView.as_view(), name="api-incident-acknowledge"),
    path(
        f"{INCIDENT}/unacknowledge",
        incidents.UnacknowledgeView.as_view(),
        name="api-incident-unacknowledge",
    ),
    path(f"{INCIDENT}/snooze", incidents.SnoozeView.as_view(), name="api-incident-snooze"),
    path(f"{INCIDENT}/wake", incidents.WakeView.as_view(), name="api-incident-wake"),
    path("alert-rules", incidents.RulesView.as_view(), name="api-alert-rules"),
    path("alert-rules/<str:kind>", incidents.RuleView.as_view(), name="api-alert-rule"),
    path("webhooks", views.WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:webhook_id>", views.WebhookDetailView.as_view(), name="api-webhook"),
    path("webhooks/<uuid:webhook_id>/rotate", views.WebhookRotateView.as_view(), name="api-webhook-rotate"),
    path("webhooks/<uuid:webhook_id>/test", views.WebhookTestView.as_view(), name="api-webhook-test"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries",
        views.WebhookDeliveriesView.as_view(),
        name="api-webhook-deliveries",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<int:delivery_id>/redeliver",
        views.WebhookRedeliverView.as_view(),
        name="api-webhook-redeliver",
    ),
]
