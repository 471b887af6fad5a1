"""OpenADR 3.1 objects: what lists each kind, and which services write it."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from apps.common import clock
from apps.openadr import selectors, services
from apps.openadr.api.base import CollectionView, Kind
from apps.openadr.api.query import (
    flag_in_query,
    id_in_query,
    one_of_in_query,
    targets_in_query,
    text_in_query,
)
from apps.openadr.models import (
    EventObject,
    ProgramObject,
    ReportObject,
    ResourceObject,
    SubscriptionObject,
    VenObject,
)
from apps.openadr.selectors import Viewer
from apps.openadr.wire import OBJECT_TYPES

PROGRAMS = Kind(
    ProgramObject,
    write_scope="write_programs",
    ven_scope="read_targets",
    create=services.program_object_create,
    replace=services.program_object_replace,
    remove=services.program_object_delete,
)
EVENTS = Kind(
    EventObject,
    write_scope="write_events",
    ven_scope="read_targets",
    create=services.event_object_create,
    replace=services.event_object_replace,
    remove=services.event_object_delete,
)
REPORTS = Kind(
    ReportObject,
    write_scope="write_reports",
    create=services.report_object_create,
    replace=services.report_object_replace,
    remove=services.report_object_delete,
)
SUBSCRIPTIONS = Kind(
    SubscriptionObject,
    write_scope="write_subscriptions",
    create=services.subscription_create,
    replace=services.subscription_replace,
    remove=services.subscription_delete,
)
VENS = Kind(
    VenObject,
    write_scope="write_vens",
    create=services.ven_create,
    replace=services.ven_replace,
    remove=services.ven_delete,
)
RESOURCES = Kind(
    ResourceObject,
    write_scope="write_vens",
    create=services.resource_create,
    replace=services.resource_replace,
    remove=services.resource_delete,
)


class ProgramsView(CollectionView):
    """/programs"""

    of = PROGRAMS

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.programs_seen(viewer=viewer, targets=targets_in_query(request))


class EventsView(CollectionView):
    """/events"""

    of = EVENTS

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.events_seen(
            viewer=viewer,
            targets=targets_in_query(request),
            program_id=id_in_query(request, "programID"),
            active=flag_in_query(request, "active"),
            now=clock.now(),
        )


class ReportsView(CollectionView):
    """/reports"""

    of = REPORTS

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.reports_seen(
            viewer=viewer,
            event_id=id_in_query(request, "eventID"),
            program_id=id_in_query(request, "programID"),
            client_name=text_in_query(request, "clientName"),
        )


class SubscriptionsView(CollectionView):
    """/subscriptions"""

    of = SUBSCRIPTIONS

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.subscriptions_seen(
            viewer=viewer,
            program_id=id_in_query(request, "programID"),
            client_name=text_in_query(request, "clientName"),
            objects=one_of_in_query(request, "objects", allowed=tuple(OBJECT_TYPES.values())),
        )


class VensView(CollectionView):
    """/vens"""

    of = VENS

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.vens_seen(
            viewer=viewer, targets=targets_in_query(request), name=text_in_query(request, "venName")
        )


class ResourcesView(CollectionView):
    """/resources"""

    of = RESOURCES

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.resources_seen(
            viewer=viewer,
            targets=targets_in_query(request),
            name=text_in_query(request, "resourceName"),
            ven_id=id_in_query(request, "venID"),
        )
