"""Who acts: organizations (tenants), people, and their partners' programs."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import (
    ArrayField,
)
from django.contrib.postgres.indexes import (
    GinIndex,
)
from django.contrib.postgres.search import (
    SearchVector,
)
from django.core.validators import (
    MinValueValidator,
)
from django.db import models
from django.db.models.functions import Cast
from oauth2_provider.models import AbstractApplication


class Organization(models.Model):
    """A tenant: every other row belongs to one."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    requests_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="of all its API clients together, in place of the installation's limit",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(requests_per_minute=None) | models.Q(requests_per_minute__gte=1),
                name="organization_requests",
            )
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Users are known by e-mail address."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person; what they may see comes from memberships (operators) and site members (homeowners)."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        GERMAN = "de", "Deutsch"
        SPANISH = "es", "Español"

    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    language = models.CharField(
        max_length=8, choices=Language, blank=True, default="", help_text="none: what the browser asks for"
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]


class Membership(models.Model):
    """A person's role in an organization."""

    class Role(models.TextChoices):
        OPERATOR = "operator"
        VIEWER = "viewer"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="membership_once")]


class ApiClient(AbstractApplication):
    """A partner's credential (OAuth2 client credentials); the role is on the credential, never in the scope."""

    class Role(models.TextChoices):
        UTILITY = "utility"
        AGGREGATOR = "aggregator"
        VEN = "ven"
        APP = "app", "app that people grant access to"

    # A credential belongs to an organization, never to a person; the library wants the field to exist.
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, choices=Role)
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="since when it opens nothing any more")
    allowed_scopes = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        help_text="empty: all that its role may ask for",
    )
    previous_secret = models.CharField(
        max_length=255, blank=True, help_text="hash of the secret before the newest"
    )
    previous_until = models.DateTimeField(
        null=True, blank=True, help_text="until when that one opens too (machine time)"
    )

    class Meta(AbstractApplication.Meta):
        pass

    def is_usable(self, request: Any) -> bool:
        """Whether tokens are issued to it and taken from it (django-oauth-toolkit asks at both doors)."""
        return self.revoked_at is None


class AuditEntry(models.Model):
    """Who did what to which object; only ever added."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    actor = models.CharField(max_length=160)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=160)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-at"], name="audit_recent"),
            models.Index(fields=["organization", "subject", "-at"], name="audit_subject"),
            models.Index(fields=["organization", "-id"], name="audit_pages"),
            GinIndex(
                SearchVector(
                    "actor", "action", "subject", Cast("detail", models.TextField()), config="simple"
                ),
                name="audit_words",
            ),
        ]
