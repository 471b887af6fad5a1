"""OpenADR 3.1 objects: what lists each kind, and which services write it."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from apps.common import clock
from apps.openadr import selectors, services
from apps.openadr.api.base import CollectionView, ItemView
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


class ProgramsView(CollectionView):
    """/programs"""

    ven_scope, write_scope = "read_targets", "write_programs"
    create = staticmethod(services.program_object_create)

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.programs_seen(viewer=viewer, targets=targets_in_query(request))


class ProgramView(ItemView):
    """/programs/{programID}"""

    ven_scope, write_scope = "read_targets", "write_programs"
    kind = ProgramObject
    replace = staticmethod(services.program_object_replace)
    remove = staticmethod(services.program_object_delete)


class EventsView(CollectionView):
    """/events"""

    ven_scope, write_scope = "read_targets", "write_events"
    create = staticmethod(services.event_object_create)

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.events_seen(
            viewer=viewer,
            targets=targets_in_query(request),
            program_id=id_in_query(request, "programID"),
            active=flag_in_query(request, "active"),
            now=clock.now(),
        )


class EventView(ItemView):
    """/events/{eventID}"""

    ven_scope, write_scope = "read_targets", "write_events"
    kind = EventObject
    replace = staticmethod(services.event_object_replace)
    remove = staticmethod(services.event_object_delete)


class ReportsView(CollectionView):
    """/reports"""

    write_scope = "write_reports"
    create = staticmethod(services.report_object_create)

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.reports_seen(
            viewer=viewer,
            event_id=id_in_query(request, "eventID"),
            program_id=id_in_query(request, "programID"),
            client_name=text_in_query(request, "clientName"),
        )


class ReportView(ItemView):
    """/reports/{reportID}"""

    write_scope = "write_reports"
    kind = ReportObject
    replace = staticmethod(services.report_object_replace)
    remove = staticmethod(services.report_object_delete)


class SubscriptionsView(CollectionView):
    """/subscriptions"""

    write_scope = "write_subscriptions"
    create = staticmethod(services.subscription_create)

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.subscriptions_seen(
            viewer=viewer,
            program_id=id_in_query(request, "programID"),
            client_name=text_in_query(request, "clientName"),
            objects=one_of_in_query(request, "objects", allowed=tuple(OBJECT_TYPES.values())),
        )


class SubscriptionView(ItemView):
    """/subscriptions/{subscriptionID}"""

    write_scope = "write_subscriptions"
    kind = SubscriptionObject
    replace = staticmethod(services.subscription_replace)
    remove = staticmethod(services.subscription_delete)


class VensView(CollectionView):
    """/vens"""

    write_scope = "write_vens"
    create = staticmethod(services.ven_create)

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.vens_seen(
            viewer=viewer, targets=targets_in_query(request), name=text_in_query(request, "venName")
        )


class VenView(ItemView):
    """/vens/{venID}"""

    write_scope = "write_vens"
    kind = VenObject
    replace = staticmethod(services.ven_replace)
    remove = staticmethod(services.ven_delete)


class ResourcesView(CollectionView):
    """/resources"""

    write_scope = "write_vens"
    create = staticmethod(services.resource_create)

    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        return selectors.resources_seen(
            viewer=viewer,
            targets=targets_in_query(request),
            name=text_in_query(request, "resourceName"),
            ven_id=id_in_query(request, "venID"),
        )


class ResourceView(ItemView):
    """/resources/{resourceID}"""

    write_scope = "write_vens"
    kind = ResourceObject
    replace = staticmethod(services.resource_replace)
    remove = staticmethod(services.resource_delete)
