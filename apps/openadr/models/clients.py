"""OpenADR 3.1 objects that belong to one client: vens, their resources, and subscriptions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.openadr.models.objects import ProgramObject, WireObject


class ClientObject(WireObject):
    """What a VEN sees of its own kind only."""

    client_key = models.CharField(max_length=128, help_text="clientID: who its holder is to the token server")
    targets = ArrayField(models.CharField(max_length=128), default=list, blank=True)

    class Meta(WireObject.Meta):
        abstract = True


class VenObject(ClientObject):
    name = models.CharField(max_length=128)
    grants = ArrayField(
        models.CharField(max_length=128),
        default=list,
        help_text="its own targets and its resources', kept so that a poll needs no join",
    )

    class Meta(ClientObject.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="openadr_ven_name"),
            models.UniqueConstraint(fields=["organization", "client_key"], name="openadr_ven_client"),
        ]

    def __str__(self) -> str:
        return self.name


class ResourceObject(ClientObject):
    ven = models.ForeignKey(VenObject, on_delete=models.CASCADE, related_name="resources")
    name = models.CharField(max_length=128)

    class Meta(ClientObject.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["ven", "name"], name="openadr_resource_name")]

    def __str__(self) -> str:
        return self.name


class SubscriptionObject(ClientObject):
    """Callbacks' bearer tokens are kept apart from `content`, encrypted."""

    program_object = models.ForeignKey(
        ProgramObject, null=True, on_delete=models.CASCADE, related_name="subscriptions"
    )
    is_business_logic = models.BooleanField(help_text="whether its client sees everything of the tenant")
    tokens = models.BinaryField(default=bytes)
    failures = models.PositiveIntegerField(
        default=0, help_text="deliveries failed since the last that succeeded"
    )
    broken_at = models.DateTimeField(null=True, blank=True, help_text="since when nothing is sent any more")

    class Meta(ClientObject.Meta):
        abstract = False
        indexes = [models.Index(fields=["organization", "client_key"], name="openadr_subscription_client")]
