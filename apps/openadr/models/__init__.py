"""What the OpenADR doors keep: objects of 3.1, state of 2.0b, and the messages that came and went."""

from apps.openadr.models.clients import ClientObject, ResourceObject, SubscriptionObject, VenObject
from apps.openadr.models.messages import MessageEntry
from apps.openadr.models.notify import Notification, TopicMessage
from apps.openadr.models.objects import (
    EventObject,
    ProgramObject,
    ReportObject,
    ReportWish,
    TargetedObject,
    WireObject,
    object_id,
)
from apps.openadr.models.ven2b import VenConnection2b, VenEvent2b, VenReport2b
from apps.openadr.models.ven3 import VenConnection3, VenEvent3, VenReport3
from apps.openadr.models.vtn2b import Nonce2b, Opt2b, ReportRequest2b, ReportUpdate2b, Ven2b

__all__ = [
    "ClientObject",
    "EventObject",
    "MessageEntry",
    "Nonce2b",
    "Notification",
    "Opt2b",
    "ProgramObject",
    "ReportObject",
    "ReportRequest2b",
    "ReportUpdate2b",
    "ReportWish",
    "ResourceObject",
    "SubscriptionObject",
    "TargetedObject",
    "TopicMessage",
    "Ven2b",
    "VenConnection2b",
    "VenConnection3",
    "VenEvent2b",
    "VenEvent3",
    "VenObject",
    "VenReport2b",
    "VenReport3",
    "WireObject",
    "object_id",
]
