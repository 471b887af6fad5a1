"""Who is to be told of a change: subscriptions that ask for it, by clients that may see it."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from apps.openadr.models import (
    ClientObject,
    EventObject,
    ProgramObject,
    ReportObject,
    SubscriptionObject,
    TargetedObject,
    VenObject,
    WireObject,
)
from apps.openadr.wire import OBJECT_TYPES


@dataclass(frozen=True)
class Change:
    """What happened to an object."""

    object_: WireObject
    operation: str

    @property
    def object_type(self) -> str:
        return OBJECT_TYPES[type(self.object_)]

    @property
    def targets(self) -> list[str]:
        return list(self.object_.content.get("targets") or ())

    @property
    def program_id(self) -> str | None:
        """Return the program that the object is about."""
        if isinstance(self.object_, ProgramObject):
            return self.object_.pk
        if isinstance(self.object_, EventObject | SubscriptionObject):
            return self.object_.program_object_id
        return self.object_.event.program_object_id if isinstance(self.object_, ReportObject) else None


def vens_told(change: Change) -> QuerySet[VenObject]:
    """Return the vens whose clients may see the object."""
    vens = VenObject.objects.filter(organization_id=change.object_.organization_id)
    if isinstance(change.object_, TargetedObject):
        return vens.filter(grants__overlap=change.targets) if change.targets else vens
    if isinstance(change.object_, ClientObject | ReportObject):
        return vens.filter(client_key=change.object_.client_key)
    return vens.none()


def subscriptions_told(change: Change) -> QuerySet[SubscriptionObject]:
    """Return the subscriptions to a change whose clients may see the object."""
    wanted = {"objectOperations": [{"objects": [change.object_type], "operations": [change.operation]}]}
    found = SubscriptionObject.objects.filter(
        organization_id=change.object_.organization_id, broken_at=None, content__contains=wanted
    ).exclude(client=None)
    found = found.filter(Q(program_object=None) | Q(program_object_id=change.program_id))
    found = found.filter(Q(targets=[]) | Q(targets__overlap=change.targets)).exclude(pk=change.object_.pk)
    return found.filter(Q(is_business_logic=True) | _may_see(change))


def _may_see(change: Change) -> Q:
    if isinstance(change.object_, TargetedObject) and not change.targets:
        return Q(is_business_logic=False)  # every VEN
    if isinstance(change.object_, ClientObject | ReportObject):
        return Q(client_key=change.object_.client_key)
    return Q(client_key__in=vens_told(change).values("client_key"))
