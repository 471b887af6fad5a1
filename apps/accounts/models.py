"""Who acts: organizations (tenants), people, and their partners' programs."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from oauth2_provider.models import AbstractApplication


class Organization(models.Model):
    """A tenant: every other row belongs to one."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

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

    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)

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

    # A credential belongs to an organization, never to a person; the library wants the field to exist.
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, choices=Role)
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="since when it opens nothing any more")

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
        indexes = [models.Index(fields=["organization", "-at"], name="audit_recent")]
