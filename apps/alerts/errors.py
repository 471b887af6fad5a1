"""Anticipated failures of alerts."""

from apps.common.errors import ConflictError, DomainError, NotFoundError


class IncidentUnknownError(NotFoundError):
    code = "incident_unknown"


class IncidentStateError(ConflictError):
    code = "incident_state"


class IncidentInvalidError(DomainError):
    code = "incident_invalid"


class RuleInvalidError(DomainError):
    code = "alert_rule_invalid"


class RuleUnknownError(NotFoundError):
    code = "alert_rule_unknown"


class SettingsInvalidError(DomainError):
    code = "notification_settings_invalid"


class UnsubscribeError(DomainError):
    code = "unsubscribe_link_invalid"


class WebhookUnknownError(NotFoundError):
    code = "webhook_unknown"


class WebhookInvalidError(DomainError):
    code = "webhook_invalid"


class TooManyWebhooksError(ConflictError):
    code = "too_many_webhooks"


class DeliveryError(DomainError):
    """A message that did not get through this time; `permanent` where trying again cannot help."""

    code = "delivery_failed"
    permanent = False


class DeliveryRefusedError(DeliveryError):
    code = "delivery_refused"
    permanent = True
