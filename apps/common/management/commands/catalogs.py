"""Bring the catalogs of translations up to the texts in code and templates."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.common import catalogs


class Command(BaseCommand):
    help = "Collect the texts marked for translation into apps/portal/locale and say what is not translated."

    def handle(self, *args: Any, **options: Any) -> None:
        template = catalogs.template_of(settings.ROOT / "apps")
        for language, name in settings.LANGUAGES:
            if language == "en":
                continue
            path = settings.CATALOGS / language / "LC_MESSAGES" / "django.po"
            left = catalogs.update(path, template)
            self.stdout.write(f"{name}: {len(template) - len(left)} of {len(template)} texts translated")
            for one in left:
                self.stdout.write(f"  {one.id}")
