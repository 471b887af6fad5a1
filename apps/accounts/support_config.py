"""The admin as this platform has it."""

from django.contrib.admin.apps import AdminConfig


class SupportConfig(AdminConfig):
    default_site = "apps.accounts.support.SupportSite"

    def ready(self) -> None:
        super().ready()
        from django.contrib import admin

        from apps.accounts.support import register_everything

        register_everything(admin.site)
