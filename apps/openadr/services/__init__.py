"""Writes of OpenADR 3.1 objects, one module an object."""

from apps.openadr.services.events import (
    event_object_create,
    event_object_delete,
    event_object_remove,
    event_object_replace,
)
from apps.openadr.services.programs import (
    program_object_create,
    program_object_delete,
    program_object_replace,
)
from apps.openadr.services.reports import (
    report_object_create,
    report_object_delete,
    report_object_replace,
    reports_due,
)
from apps.openadr.services.resources import resource_create, resource_delete, resource_replace
from apps.openadr.services.shared import etag
from apps.openadr.services.subscriptions import (
    subscription_create,
    subscription_delete,
    subscription_replace,
)
from apps.openadr.services.vens import ven_create, ven_delete, ven_replace

__all__ = [
    "etag",
    "event_object_create",
    "event_object_delete",
    "event_object_remove",
    "event_object_replace",
    "program_object_create",
    "program_object_delete",
    "program_object_replace",
    "report_object_create",
    "report_object_delete",
    "report_object_replace",
    "reports_due",
    "resource_create",
    "resource_delete",
    "resource_replace",
    "subscription_create",
    "subscription_delete",
    "subscription_replace",
    "ven_create",
    "ven_delete",
    "ven_replace",
]
