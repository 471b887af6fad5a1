"""What came over the wire and what was answered, for people who look for the reason."""

from django.db import models

from apps.accounts.models import Organization


class MessageEntry(models.Model):
    """One message of a peer, or one to it; kept for a while, searched by operators, never read by the platform."""

    class Protocol(models.TextChoices):
        OPENADR_31 = "3.1", "OpenADR 3.1"
        OPENADR_30 = "3.0", "OpenADR 3.0.1"
        OPENADR_2B = "2.0b", "OpenADR 2.0b"

    class Direction(models.TextChoices):
        RECEIVED = "received"
        SENT = "sent"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    at = models.DateTimeField()
    protocol = models.CharField(max_length=8, choices=Protocol)
    direction = models.CharField(max_length=8, choices=Direction)
    peer = models.CharField(max_length=160, help_text="the credential, VEN or VTN at the other end")
    kind = models.CharField(max_length=160, help_text="method and path, or the name of the payload")
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status of the answer")
    body = models.TextField(blank=True, help_text="cut at 16,000 characters; secrets are left out")

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="message_newest")]

    def __str__(self) -> str:
        return f"{self.protocol} {self.direction} {self.kind}"
