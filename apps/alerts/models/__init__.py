"""Incidents and their rules, notifications and how people want them, webhooks of partners."""

from apps.alerts.models.incidents import AlertRule, Incident, IncidentKind, IncidentNote, Severity
from apps.alerts.models.notifications import Channel, Delivery, Notification, NotificationKind
from apps.alerts.models.people import ChannelChoice, KnownBrowser, NotificationSettings, PushSubscription
from apps.alerts.models.webhooks import EventKind, Webhook, WebhookDelivery, WebhookEvent

__all__ = [
    "AlertRule",
    "Channel",
    "ChannelChoice",
    "Delivery",
    "EventKind",
    "Incident",
    "IncidentKind",
    "IncidentNote",
    "KnownBrowser",
    "Notification",
    "NotificationKind",
    "NotificationSettings",
    "PushSubscription",
    "Severity",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
]
