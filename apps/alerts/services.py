"""What other apps say here: which conditions hold, what households are to be told, what partners are."""

from apps.alerts.incidents import Found, conditions_hold, conditions_hold_everywhere
from apps.alerts.models import EventKind, IncidentKind, NotificationKind
from apps.alerts.notifications import Message, household_tell, households_tell, person_tell
from apps.alerts.rules import Rule, rules_of_kind
from apps.alerts.webhook_events import Told, event_publish, events_publish

__all__ = [
    "EventKind",
    "Found",
    "IncidentKind",
    "Message",
    "NotificationKind",
    "Rule",
    "Told",
    "conditions_hold",
    "conditions_hold_everywhere",
    "event_publish",
    "events_publish",
    "household_tell",
    "households_tell",
    "person_tell",
    "rules_of_kind",
]
