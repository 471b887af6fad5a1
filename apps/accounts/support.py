"""Django's admin for the staff of an installation: everything can be looked at, hardly anything changed, no secret is shown.

Staff need a second factor. What they look at and change of a tenant's is noted in that tenant's audit log.
"""

import re
from typing import Any, Final

from allauth.mfa.utils import is_mfa_enabled
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.db import models
from django.db.models import CompositePrimaryKey, Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse

from apps.accounts.models import Organization, User
from apps.accounts.services import audit
from apps.common import clock

SECRET: Final = re.compile(
    "secret|token|password|_encrypted|digest|private|callback_key|session_data|nonce|^code"
)
# Fields whose name does not say that they are secret.
HIDDEN: Final = {"mfa.authenticator": {"data"}, "common.idempotentrequest": {"headers", "body"}}
# All that staff may change, and only superusers.
EDITABLE: Final = {"accounts.organization": {"requests_per_minute"}, "accounts.user": {"is_active"}}
LEFT_OUT: Final = {"sessions", "contenttypes"}
MOST_COLUMNS: Final = 6
SEARCHED: Final = (models.CharField, models.TextField, models.EmailField, models.UUIDField)
PLAIN: Final = (*SEARCHED, models.IntegerField, models.FloatField, models.DecimalField, models.DateTimeField,
                models.DateField, models.BooleanField, models.AutoField)  # fmt: skip


class SupportSite(admin.AdminSite):
    """Admin pages for staff with a second factor; sign-in is the platform's own, with its limits and factors."""

    site_header = site_title = "ORES Cloud support"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        known: bool | None = request.META.get("ores.is_support")
        if known is None:  # asked for every model of every page
            user = request.user
            known = bool(isinstance(user, User) and user.is_active and user.is_staff and is_mfa_enabled(user))
            request.META["ores.is_support"] = known
        return known

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and user.is_active and user.is_staff:
            if is_mfa_enabled(user):
                return redirect("admin:index")
            messages.warning(
                request, "Support staff need an authenticator app or a passkey: set one up first."
            )
            return redirect("mfa_index")
        return redirect_to_login(reverse("admin:index"), resolve_url("account_login"))


class SupportAdmin(admin.ModelAdmin[Any]):
    """Look, search, and where `EDITABLE` says so change."""

    list_per_page = 50
    show_full_result_count = False
    actions = None

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        label = model._meta.label_lower
        shown = [field for field in model._meta.fields if not is_secret(label, field)]
        plain = [field.name for field in shown if isinstance(field, PLAIN)]
        editable = EDITABLE.get(label, set())
        found: dict[str, Any] = {
            "exclude": [field.name for field in model._meta.fields if is_secret(label, field)],
            "list_display": plain[:MOST_COLUMNS] or ["__str__"],
            "search_fields": [field.name for field in shown if isinstance(field, SEARCHED)][:MOST_COLUMNS],
            "ordering": ["-pk"],
            "readonly_fields": [
                field.name for field in (*shown, *model._meta.many_to_many) if field.name not in editable
            ],
        }
        for name, value in found.items():
            setattr(self, name, value)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = self.admin_site.has_permission(request) and request.user.is_superuser
        return bool(may and self.model._meta.label_lower in EDITABLE)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        answer = super().change_view(request, object_id, form_url, extra_context)
        if request.method == "GET" and answer.status_code == 200:
            self._note(request, self.get_object(request, object_id), action="support_view")
        return answer

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._note(
            request,
            obj,
            action="support_change",
            **{name: str(form.cleaned_data[name]) for name in form.changed_data},
        )

    def _note(self, request: HttpRequest, obj: Any, *, action: str, **detail: str) -> None:
        organization = tenant_of(obj)
        if organization is not None and isinstance(request.user, User):
            audit(
                organization=organization, actor=f"support {request.user.email}", action=action,
                subject=f"{self.model._meta.verbose_name} {obj.pk}"[:160], now=clock.now(), **detail,
            )  # fmt: skip


def is_secret(label: str, field: "models.Field[Any, Any]") -> bool:
    """Whether a field is not for anybody's eyes."""
    hidden = field.name in HIDDEN.get(label, set())
    return hidden or isinstance(field, models.BinaryField) or SECRET.search(field.name) is not None


def tenant_of(obj: Any, depth: int = 5) -> Organization | None:
    """Return the organization that something belongs to, by what it refers to."""
    if isinstance(obj, Organization):
        return obj
    if obj is None or depth == 0:
        return None
    fields = [field for field in obj._meta.fields if field.is_relation and field.related_model is not User]
    for field in sorted(fields, key=lambda one: one.related_model is not Organization):
        found = tenant_of(getattr(obj, field.name), depth - 1)
        if found is not None:
            return found
    return None


def register_everything(site: admin.AdminSite) -> None:
    """Register every model, also those of libraries; time series without a single key are not Django's to page."""
    for model in apps.get_models():
        if model._meta.app_label in LEFT_OUT or isinstance(model._meta.pk, CompositePrimaryKey):
            continue
        if site.is_registered(model):
            site.unregister(model)
        site.register(model, SupportAdmin)
